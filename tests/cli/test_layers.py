"""The layers of a value: default < config file < context < variable < flag; and what ``natsmon info`` shows of them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from natsmon.cli import main as cli
from natsmon.config.secret import Secret
from natsmon.config.settings import Server
from natsmon.stream.exit_codes import Exit
from tests.cli.conftest import Runs

CREDS = f"eyJh.b.c\nSU{'A' * 56}\n"


class Files:
    """natsmon's and the nats CLI's files, in a folder of the test."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def context(self, name: str, selected: bool = True, **fields: Any) -> Path:
        path = self.root / "nats" / "context" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(fields))
        if selected:
            (self.root / "nats" / "context.txt").write_text(name)
        return path

    def config(self, text: str) -> Path:
        path = self.root / "natsmon" / "config.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def state(self, **choices: Any) -> None:
        (self.root / "natsmon").mkdir(exist_ok=True)
        (self.root / "natsmon" / "state.json").write_text(json.dumps(choices))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Runs) -> Files:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return Files(tmp_path)


def test_each_layer_overrides_the_ones_below(files: Files, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def servers(*args: str) -> tuple[tuple[Server, ...], str]:
        runs.clear()
        assert cli.main(args) == 0
        return runs.settings.servers, runs.settings.origins.get("servers", "default")

    assert servers() == ((Server("127.0.0.1"),), "default")
    files.config('server = ["a", "b:1"]\n[contexts.prod]\nserver = "c"')
    assert servers() == ((Server("a"), Server("b", 1)), "config file")
    files.context("prod")
    assert servers() == ((Server("c"),), "config file, contexts.prod")
    files.context("prod", url="nats://d")
    assert servers() == ((Server("d"),), "context prod")
    monkeypatch.setenv("NATS_URL", "e")
    assert servers() == ((Server("e"),), "env NATS_URL")
    assert servers("-s", "f") == ((Server("f"),), "flag --server")
    assert servers("g") == ((Server("g"),), "URL argument")


@pytest.mark.parametrize(
    ("flag", "prefix"),
    [("--js-domain=hub", "$JS.hub.API"), ("--js-api-prefix=JS.west", "JS.west"), ("--js-domain=", "")],
)
def test_jetstream_api_of_a_flag_overrides_that_of_the_context(
    files: Files, runs: Runs, flag: str, prefix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whether the context has a domain or a prefix."""
    for field in ("jetstream_domain", "jetstream_api_prefix"):
        runs.clear()
        files.context("prod", True, **{field: "east"})
        assert cli.main(["--jetstream", "S", flag]) == 0
        assert runs.settings.js_api_prefix == prefix
        assert cli.main(["info", "--jetstream", "S", flag]) == 0
        assert "overrode context prod: east" in capfd.readouterr().out


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("args", "every_message"), [([], True), (["--plain"], False), (["--json"], False)])
def test_choices_made_on_screen_are_for_the_screen(
    args: list[str], every_message: bool, files: Files, runs: Runs
) -> None:
    files.state(messages=True)
    assert cli.main(args) == 0
    assert runs.settings.every_message is every_message


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000, b'{"messages": "yes"}', b'{"messages": 1}']
)
def test_damaged_file_of_choices_chooses_nothing(content: bytes, files: Files, runs: Runs) -> None:
    files.state()
    (files.root / "natsmon" / "state.json").write_bytes(content)
    assert cli.main([]) == 0
    assert runs.settings.every_message is False


def test_any_flag_is_a_key_of_the_config_file(files: Files, runs: Runs) -> None:
    files.config(
        'rate = 10\ncount = 3\nreconnect-wait = "5s"\nno-randomize = true\nretry-on-failed-connect = false\n'
        'headers = ["A: b", "C: d"]\nsize = "1KiB"\nping-interval = "1m"'
    )
    assert cli.main([]) == 0
    settings = runs.settings
    assert (settings.interval, settings.count, settings.reconnect_wait) == (0.1, 3, 5.0)
    assert (settings.randomize, settings.retry_on_failed_connect) == (False, False)
    assert settings.headers == (("A", Secret("b")), ("C", Secret("d")))
    assert len(settings.payload) == 1024
    assert set(settings.origins.values()) == {"config file"}
    runs.clear()
    assert cli.main(["--payload", "x", "--rate", "1"]) == 0
    assert runs.settings.payload == b"x"


@pytest.mark.usefixtures("terminal")
def test_log_and_recording_are_keys_of_the_config_file(files: Files, runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    files.config(f'plain = true\nrecord = "{path}"\nrecord-max = "8MiB"')
    assert cli.main([]) == 0
    how, _, render, _ = runs[0]
    assert (how, render is not None, path.exists()) == ("probe", True, True)
    runs.clear()
    assert cli.main(["--json"]) == 0
    assert runs[0][2] is None
    files.config('record-max = "8MiB"')
    assert cli.main(["--plain"]) == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rat = 1", "1: rat: unknown key; did you mean rate?"),
        ("\nfrobnicate = 1", "2: frobnicate: unknown key; keys are names of flags"),
        ("[contexts.prod]\nraet = 1", "2: raet: unknown key; did you mean rate?"),
        ('rate = "fast"', '1: rate: "fast" is not a number of messages a second, nor "max"'),
        ("rate = true", "1: rate: must be text or a number"),
        ("no-echo = 1", "1: no-echo: must be true or false"),
        ("rate = [1, 2]", "1: rate: must be one value, not a list"),
        ("json = true", "1: json: is a flag of one run and has no place in a config file"),
        ('server = "nats://h:x"', '1: server: "nats://h:****": the port is not a number'),
        ('password = "hunter2', "1: unterminated string"),
        ("\nrate = \nx=1", "2: invalid value"),
        ("contexts = 1", "1: contexts: must have one section per context, as [contexts.NAME]"),
        ("[keymap]\nx = 1", "keymap: must be a section of texts"),
        ('tlsca = "/nope"', '1: tlsca: "/nope" cannot be read: No such file or directory'),
        ('on-change = "/nope"', '1: on-change: "/nope" does not exist, or cannot be executed'),
    ],
)
def test_bad_config_is_one_line_with_file_line_and_key(
    text: str, line: str, files: Files, runs: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.config(text)
    assert cli.main(["info"]) == Exit.USAGE
    error = capsys.readouterr().err
    assert error.startswith(f"natsmon: {path}:")
    assert line in error
    assert error.count("\n") == 1
    assert "hunter2" not in error
    assert not runs


def test_config_file_can_be_named(files: Files, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.config("rate = 10")
    other = tmp_path / "other.toml"
    other.write_text("rate = 20")
    monkeypatch.setenv("NATSMON_CONFIG", str(other))
    assert cli.main([]) == 0
    assert runs.settings.interval == 0.05
    runs.clear()
    assert cli.main(["--config", str(files.root / "natsmon" / "config.toml")]) == 0
    assert runs.settings.interval == 0.1
    assert cli.main(["--config", "/nope.toml"]) == Exit.USAGE


def test_context_is_chosen_by_flag_variable_config_and_selection(
    files: Files, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def host(*args: str) -> str:
        runs.clear()
        assert cli.main(args) == 0
        return runs.settings.servers[0].host

    for name in ("a", "b", "c", "d"):
        files.context(name, url=name)
    assert host() == "d"
    files.config('context = "c"')
    assert host() == "c"
    monkeypatch.setenv("NATS_CONTEXT", "b")
    assert host() == "b"
    assert host("--context", "a") == "a"
    assert host("--context", str(files.context("a", url="file"))) == "file"
    assert host("--no-context") == "127.0.0.1"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--context", "prdo"], '--context: "prdo" is not a context; did you mean prod?'),
        (["--context", "a/b"], '--context: "a/b" is not the name of a context'),
        ([], 'context.txt: "gone" is not a context'),
    ],
)
def test_unknown_context_is_refused(
    files: Files, runs: Runs, args: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files.context("prod")
    (files.root / "nats" / "context.txt").write_text("gone")
    assert cli.main(args) == Exit.USAGE
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not runs
    assert (files.root / "nats" / "context.txt").read_text() == "gone"  # the nats CLI would unselect it


def revealed(runs: Runs) -> dict[str, str]:
    settings = runs.settings
    names = ("user", "password", "token", "creds", "nkey", "jwt", "seed", "creds_data")
    found = {name: getattr(settings, name) for name in names}
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in found.items() if value}


@pytest.mark.parametrize(
    ("fields", "args", "env", "credentials"),
    [
        ({"user": "u", "password": "p", "token": "t"}, "", {}, {"user": "u", "password": "p", "token": "t"}),
        ({"user": "u", "password": "p"}, "--user x", {}, {"user": "u", "password": "p", "token": "x"}),
        ({"user": "u", "password": "p"}, "", {"NATS_USER": "x"}, {"user": "u", "password": "p", "token": "x"}),
        ({"user": "u", "password": "p"}, "--user x --password y", {}, {"user": "x", "password": "y"}),
        ({"user": "u", "password": "p"}, "", {"NATS_PASSWORD": "y"}, {"user": "u", "password": "y"}),
        ({"user": "u", "password": "p"}, "--password y", {}, {"user": "u", "password": "y"}),
        ({"token": "t"}, "--token x", {}, {"token": "x"}),
        ({"password": "p"}, "", {}, {}),
        ({"user": "u"}, "", {}, {"user": "u"}),
        ({"user": "u", "creds": "/nope", "nkey": "/nope"}, "", {}, {"user": "u"}),
        (
            {"creds": "env://CREDS", "nkey": "/nope"},
            "",
            {"CREDS": "c"},
            {"creds": "env:… (read once)", "creds_data": "c"},
        ),
        ({"user_jwt": "j\n"}, "", {}, {"jwt": "j"}),
        ({"user_jwt": "j", "user_seed": " s "}, "", {}, {"jwt": "j", "seed": "s"}),
        ({"user_seed": "s"}, "", {}, {}),
        ({"token": "env://TOK"}, "", {"TOK": "t\r\n"}, {"token": "t"}),
        ({"user": "env://TOK"}, "", {}, {"user": "env://TOK"}),
        ({"user": "u", "password": "data:;base64,aHVudGVyMg=="}, "", {}, {"user": "u", "password": "hunter2"}),
        ({"user": "u", "password": "a:b/c"}, "", {}, {"user": "u", "password": "a:b/c"}),
        ({"url": "nats://x:y@h", "user": "u", "password": "p", "token": "t"}, "", {}, {"user": "x", "password": "y"}),
        ({"url": "nats://x:y@h", "nkey": "/nope", "user_jwt": "j"}, "", {}, {"user": "x", "password": "y"}),
        ({"url": "nats://x:y@h", "user_jwt": "j"}, "", {}, {"user": "x", "password": "y", "jwt": "j"}),
        ({}, "--jwt j", {}, {"jwt": "j"}),
        ({}, "", {"NATS_SEED": "s\n", "NATS_JWT": "j\n"}, {"jwt": "j", "seed": "s"}),
    ],
)
def test_credentials_are_merged_as_in_the_nats_cli(
    files: Files, runs: Runs, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], args: str, env: dict[str, str],
    credentials: dict[str, str],
) -> None:  # fmt: skip
    files.context("prod", **fields)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert cli.main(args.split()) == 0
    assert revealed(runs) == credentials


def test_fields_of_a_context_reach_their_settings(files: Files, runs: Runs) -> None:
    files.context(
        "prod", url="tls://a,b", tls_first=True, socks_proxy="socks5://u:hunter2@p:1", inbox_prefix="in.box",
        jetstream_domain="hub", jetstream_api_prefix="js.api", description="x",
    )  # fmt: skip
    assert cli.main([]) == 0
    settings = runs.settings
    assert settings.servers == (Server("a", scheme="tls"), Server("b"))
    assert (settings.tlsfirst, settings.inbox_prefix) == (True, "in.box")
    assert settings.js_api_prefix == "$JS.hub.API"
    assert str(settings.proxy) == "socks5://****@p:1"
    assert {origin for field, origin in settings.origins.items() if field != "context"} == {"context prod"}
    runs.clear()
    assert cli.main(["--socks-proxy", "none"]) == 0
    assert runs.settings.proxy is None
    runs.clear()
    assert cli.main(["--http-proxy", "http://q"]) == 0
    assert str(runs.settings.proxy) == "http://q:80"


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"windows_cert_store": "user"}, "windows_cert_store is not supported"),
        ({"nsc": "nsc://o/a/u"}, "nsc: refers to a secret that cannot be read: the program nsc is not installed"),
        ({"url": "nats://u:hunter2@h:x"}, 'url: "nats://****@h:****": the port is not a number'),
        ({"creds": "/nope"}, 'creds: "/nope" cannot be read: No such file or directory'),
        ({"token": "env://NATSMON_UNSET"}, "token: the value refers to a secret that cannot be read"),
        ({"cert": "data:x", "key": "k"}, 'cert: "data:x" must be a path or file://'),
        ({"socks_proxy": "http:hunter2"}, "socks_proxy: the value has no host"),
        ({"tls_first": "true"}, '"tls_first" must be true or false, not text'),
    ],
)
def test_field_that_cannot_be_used_is_one_line_with_its_file(
    files: Files, fields: dict[str, Any], line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    path = files.context("prod", **fields)
    assert cli.main(["info"]) == Exit.USAGE
    error = capsys.readouterr().err
    assert str(path) in error
    assert line in error
    assert error.count("\n") == 1
    assert "hunter2" not in error


def test_nsc_profile_fills_only_empty_fields(files: Files, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    creds = files.root / "user.creds"
    creds.write_text(CREDS)
    nsc = files.root / "nsc"
    nsc.write_text(f'#!/bin/sh\necho \'{{"user_creds": "{creds}", "operator": {{"service": ["nats://s"]}}}}\'\n')
    nsc.chmod(0o755)
    monkeypatch.setenv("PATH", f"{files.root}:/usr/bin:/bin")
    files.context("prod", nsc="o/a/u")
    assert cli.main([]) == 0
    assert (runs.settings.servers, runs.settings.creds) == ((Server("s"),), str(creds))
    runs.clear()
    files.context("prod", nsc="o/a/u", url="h")
    assert cli.main([]) == 0
    assert (runs.settings.servers, runs.settings.creds) == ((Server("h"),), str(creds))


def test_proxy_of_the_environment_is_used(runs: Runs, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_SOCKS_PROXY", "socks5h://[::1]:1")
    assert cli.main([]) == 0
    assert str(runs.settings.proxy) == "socks5h://[::1]:1"
    assert runs.settings.origins["proxy"] == "env NATS_SOCKS_PROXY"


def test_info_shows_the_output_that_the_config_file_chooses(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.config('plain = true\nlevel = "warn"\nrecord = "run.jsonl"\nrecord-max = "8MiB"')
    assert cli.main(["info", "--json", "--record-keep", "3"]) == 0
    shown = json.loads(capsys.readouterr().out)["settings"]
    values = [(shown[name]["value"], shown[name]["origin"]) for name in ("plain", "level", "record", "record-max")]
    assert values == [(value, "config file") for value in ("yes", "warn", "run.jsonl", "8MiB")]
    assert (shown["record-keep"]["value"], shown["record-keep"]["origin"]) == ("3", "flag --record-keep")


def test_info_shows_what_a_url_or_another_flag_overrode(
    files: Files, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files.config('size = "1KiB"\nsocks-proxy = "socks5://p:1"')
    files.context("prod", url="nats://ctx")
    monkeypatch.setenv("NATS_USER", "hunter2")
    args = ["nats://u:p@arg", "--password", "hunter2", "--payload", "x", "--http-proxy", "http://q:1"]
    assert cli.main(["info", "--json", *args]) == 0
    out = capsys.readouterr().out
    assert "hunter2" not in out
    shown = json.loads(out)["settings"]
    overrode = {name: [each["origin"] for each in row["overrode"]] for name, row in shown.items() if row["overrode"]}
    assert overrode == {
        "servers": ["context prod"], "user": ["env NATS_USER"], "password": ["flag --password"],
        "payload": ["config file"], "proxy": ["config file"],
    }  # fmt: skip
    monkeypatch.delenv("NATS_USER")
    assert cli.main(["info", "--json", "--user", "hunter2"]) == 0
    shown = json.loads(capsys.readouterr().out)["settings"]
    assert (shown["token"]["origin"], shown["user"]["overrode"]) == ("flag --user", [])


def test_info_shows_what_was_overridden_and_the_files(
    files: Files, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = files.config(
        'rate = 10\nserver = "nats://u:hunter2@cfg"\ntoken = "hunter2"\n[keymap]\nreconnect = "ctrl+r"'
    )
    creds = files.root / "user.creds"
    creds.write_text(CREDS)
    context = files.context("prod", url="nats://x:hunter2@ctx", color_scheme="dark", cert="c", creds=str(creds))
    files.state(theme="nord")
    monkeypatch.setenv("NATS_URL", "nats://hunter2@env")
    monkeypatch.setenv("NATS_COLOR", "dark")
    assert cli.main(["info", "--json", "-s", "flag", "--rate", "5"]) == 0
    out = capsys.readouterr().out
    assert "hunter2" not in out
    shown = json.loads(out)
    assert shown["context"] == "prod"
    assert shown["settings"]["rate"] == {
        "value": "5", "origin": "flag --rate", "overrode": [{"origin": "config file", "value": "10"}],
    }  # fmt: skip
    assert [layer["origin"] for layer in shown["settings"]["servers"]["overrode"]] == [
        "env NATS_URL", "context prod", "config file",
    ]  # fmt: skip
    assert shown["settings"]["theme"] == {"value": "nord", "origin": "chosen on screen", "overrode": []}
    assert shown["settings"]["keymap"]["value"] == "reconnect=ctrl+r"
    paths = {each["path"] for each in shown["files"]}
    assert {str(config), str(context), str(creds), str(files.root / "natsmon" / "state.json")} == paths
    assert [each["name"] for each in shown["unused"]] == ["color_scheme", "cert", "NATS_COLOR"]
    assert cli.main(["info", "-s", "flag"]) == 0
    shown_text = capsys.readouterr().out
    assert f"{config}  (config file)" in shown_text
    assert "color_scheme  (context prod)" in shown_text
    assert "hunter2" not in shown_text


def test_inline_credentials_are_never_shown(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    secret = base64.b64encode(b"hunter2").decode()
    files.context("prod", creds=f"data:;base64,{secret}")
    assert cli.main(["info", "--json"]) == 0
    assert secret not in capsys.readouterr().out
    (files.root / "user.creds").write_text(CREDS)
    assert cli.main(["info", "--token", "x", "--creds", str(files.root / "user.creds")]) == 0
    assert secret not in capsys.readouterr().out
