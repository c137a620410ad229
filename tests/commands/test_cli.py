"""The command line: what becomes of flags, and one clear line for what cannot."""

import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from natsmon import cli
from natsmon.commands import flags, modes
from natsmon.commands.grammar import DEFAULT, NAMED, load
from natsmon.exit_codes import Exit
from natsmon.settings import Secret, Server, Settings

COMMANDS = {name: load(name) for name in (DEFAULT, *NAMED)}
VARIABLES = ("NATS_URL", "NATS_USER", "NATS_PASSWORD", "NATS_TOKEN")


class Runs(list[Any]):
    """What was started: (how, settings, ...)."""

    @property
    def settings(self) -> Settings:
        (run,) = self
        settings: Settings = run[1]
        return settings


class FakeSandbox:
    open = 0

    def __init__(self, servers: int) -> None:
        self.urls = [f"nats://127.0.0.1:{4000 + n}" for n in range(servers)]
        FakeSandbox.open += 1

    @classmethod
    def start(cls, servers: int = 1) -> "FakeSandbox":
        return cls(servers)

    def close(self) -> None:
        FakeSandbox.open -= 1


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Nothing is really started; no variable of the outside counts."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    started = Runs()

    def run_probe(settings: Settings, *, encode: Any, control: bool, **_: Any) -> int:
        started.append(("probe", settings, encode, control))
        return 0

    def run_dashboard(source: Settings, *, sandbox: Any = None, **_: Any) -> int:
        started.append(("dashboard", source, sandbox))
        return 0

    def fake(name: str, **names: Any) -> None:
        module = types.ModuleType(name)
        module.__dict__.update(names)
        monkeypatch.setitem(sys.modules, name, module)

    fake("natsmon.probe.process", run=run_probe)
    fake("natsmon.tui.app", run=run_dashboard)
    fake("natsmon.sources", ProbeProcess=lambda settings: settings)
    fake("natsmon.sandbox", Sandbox=FakeSandbox, NoServer=type("NoServer", (Exception,), {}), SandboxFailed=OSError)
    yield started
    assert FakeSandbox.open == 0


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(modes, "is_terminal", lambda stream: True)


# -- modes ------------------------------------------------------------------------------------------


def test_without_a_terminal_it_is_the_plain_log(runs: Runs) -> None:
    assert cli.main([]) == 0
    how, settings, encode, control = runs[0]
    assert (how, encode.__name__, control) == ("probe", "line", False)
    assert settings.servers == (Server("127.0.0.1"),)
    assert settings.name.startswith("natsmon ")
    assert settings.name.endswith(str(os.getpid()))
    assert settings.origins == {}


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_it_is_the_dashboard(runs: Runs) -> None:
    assert cli.main(["nats://h"]) == 0
    assert runs[0][0] == "dashboard"
    assert runs[0][2] is None
    runs.clear()
    assert cli.main(["--plain"]) == 0
    assert runs[0][0] == "probe"


def test_the_event_stream_and_its_commands(runs: Runs) -> None:
    assert cli.main(["--json", "--control"]) == 0
    assert (runs[0][2].__name__, runs[0][3]) == ("encode", True)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("args", [["demo", "--servers", "3"], ["--rate", "2", "demo", "--servers=3"]])
def test_the_demo_runs_on_servers_of_its_own(runs: Runs, args: list[str]) -> None:
    assert cli.main(args) == 0
    assert runs[0][0] == "dashboard"
    assert runs[0][2].urls == [server.url for server in runs.settings.servers]
    assert runs.settings.origins["servers"] == "demo"


def test_the_demo_without_a_server_program_says_so(capsys: pytest.CaptureFixture[str], runs: Runs) -> None:
    def start(servers: int) -> None:
        raise sys.modules["natsmon.sandbox"].NoServer("no nats-server found")

    sys.modules["natsmon.sandbox"].Sandbox = types.SimpleNamespace(start=start)  # type: ignore[attr-defined]
    assert cli.main(["demo", "--plain"]) == Exit.USAGE
    assert capsys.readouterr().err == "natsmon: demo: no nats-server found\n"
    assert not runs


@pytest.mark.parametrize("args", [["nats://demo"], ["--subject", "demo"], ["--", "demo"], ["h", "demo"], ["dashboard"]])
def test_a_word_is_a_command_only_where_one_can_stand(runs: Runs, args: list[str]) -> None:
    assert cli.main(args) == 0
    assert runs.settings.origins.get("servers") != "demo"


def test_the_status_of_a_run_is_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["natsmon.probe.process"], "run", lambda *_, **__: Exit.GAVE_UP)
    assert cli.main([]) == 1


# -- settings ---------------------------------------------------------------------------------------


def test_the_defaults_of_the_flags_are_those_of_settings(runs: Runs) -> None:
    cli.main([])
    expected = Settings(name=runs.settings.name)
    assert runs.settings == expected


def test_every_flag_reaches_its_field(runs: Runs) -> None:
    given = (
        "nats://a:1 --server b,c --connection-name n --subject s --payload ü --rate 4 --count 7 --duration 1m "
        "--connect-timeout 1s --reconnect-wait 0 --reconnect-jitter 0 --max-reconnects -1 "
        "--no-retry-on-failed-connect --ignore-discovered-servers --no-randomize --ping-interval 3s "
        "--max-pings-out 5 --rtt-interval 250ms --reconnect-buffer 1KiB"
    )
    assert cli.main(given.split()) == 0
    settings = runs.settings
    assert settings == Settings(
        servers=(Server("a", 1), Server("b"), Server("c")), name="n", subject="s", payload="ü".encode(),
        interval=0.25, count=7, duration=60.0, connect_timeout=1.0, reconnect_wait=0.0, reconnect_jitter=0.0,
        max_reconnects=-1, retry_on_failed_connect=False, ignore_discovered_servers=True, randomize=False,
        ping_interval=3.0, max_pings_out=5, rtt_interval=0.25, reconnect_buffer=1024, origins=settings.origins,
    )  # fmt: skip
    assert settings.origins == {
        "servers": "URL argument, flag --server",
        "randomize": "flag --no-randomize",
        "retry_on_failed_connect": "flag --no-retry-on-failed-connect",
        "interval": "flag --rate",
        "name": "flag --connection-name",
        **{
            name: f"flag --{name.replace('_', '-')}"
            for name in (
                "subject", "payload", "count", "duration", "connect_timeout", "reconnect_wait", "reconnect_jitter",
                "max_reconnects", "ignore_discovered_servers", "ping_interval", "max_pings_out", "rtt_interval",
                "reconnect_buffer",
            )
        },
    }  # fmt: skip


def test_what_a_message_is_made_of(runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"\x00\xff\n")
    for args, payload, came_from in (
        (["--payload", "x"], b"x", "flag --payload"),
        (["--payload-file", str(file)], b"\x00\xff\n", "flag --payload-file"),
        (["--size", "20"], b"natsmon natsmon nats", "flag --size"),
        (["--size", "0"], b"", "flag --size"),
        (["--size", "1KiB"], b"natsmon " * 128, "flag --size"),
    ):
        runs.clear()
        assert cli.main(args) == 0
        assert (runs.settings.payload, runs.settings.origins) == (payload, {"payload": came_from})


def test_headers_in_their_order(runs: Runs) -> None:
    assert cli.main(["--headers", "Kind: a: b ", "--headers", "kind:", "--headers", "X-Ü-less:\tü"]) == Exit.USAGE
    assert cli.main(["--headers", "Kind: a: b ", "--headers", "kind:", "--headers", "X:\tü"]) == 0
    assert runs.settings.headers == (("Kind", Secret("a: b")), ("kind", Secret("")), ("X", Secret("ü")))


def test_no_echo(runs: Runs) -> None:
    assert cli.main(["--no-echo"]) == 0
    assert not runs.settings.echo
    assert runs.settings.origins == {"echo": "flag --no-echo"}


def test_a_flag_wins_over_a_variable(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_URL", "nats://x:1, nats://y")
    cli.main([])
    assert runs.settings.servers == (Server("x", 1), Server("y"))
    assert runs.settings.origins["servers"] == "env NATS_URL"
    for args, came_from in ((["-s", "z"], "flag --server"), (["z"], "URL argument")):
        runs.clear()
        cli.main(args)
        assert runs.settings.servers == (Server("z"),)
        assert runs.settings.origins["servers"] == came_from


@pytest.mark.parametrize(
    ("args", "env", "user", "password", "token", "origins"),
    [
        ("--user u --password p", {}, "u", "p", None, {"user": "flag --user", "password": "flag --password"}),
        ("--user u", {}, None, None, "u", {"token": "flag --user"}),
        ("--token t", {}, None, None, "t", {"token": "flag --token"}),
        ("", {"NATS_USER": "u"}, None, None, "u", {"token": "env NATS_USER"}),
        ("--user u", {"NATS_PASSWORD": "p"}, "u", "p", None, {"user": "flag --user", "password": "env NATS_PASSWORD"}),
        ("--user u", {"NATS_TOKEN": "t"}, None, None, "u", {"token": "flag --user"}),
        ("--token t", {"NATS_USER": "u"}, None, None, "t", {"token": "flag --token"}),
        ("", {"NATS_PASSWORD": "p"}, None, None, None, {}),
        ("--user=", {}, None, None, None, {}),
        ("x:y@h --user u --password p", {}, "x", "y", None,
         dict.fromkeys(("servers", "user", "password"), "URL argument")),
        ("", {"NATS_URL": "nats://tok@h"}, None, None, "tok", dict.fromkeys(("servers", "token"), "env NATS_URL")),
    ],
)  # fmt: skip
def test_credentials_follow_the_nats_cli(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, args: str, env: dict[str, str], user: str | None,
    password: str | None, token: str | None, origins: dict[str, str],
) -> None:  # fmt: skip
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert cli.main(args.split()) == 0
    settings = runs.settings
    wanted = [Secret(value) if value is not None else None for value in (user, password, token)]
    assert [settings.user, settings.password, settings.token] == wanted
    assert settings.origins == origins


def test_the_fastest_rate_is_an_interval_of_nothing(runs: Runs) -> None:
    cli.main(["--rate", "max"])
    assert runs.settings.interval == 0.0


# -- info, help, version ----------------------------------------------------------------------------


def test_info_shows_values_and_origins(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_TOKEN", "hunter2")
    assert cli.main(["info", "--rate", "max", "h"]) == 0
    out = capsys.readouterr().out
    rows = [line.split("  ") for line in out.splitlines()]
    cells = {row[0]: [cell.strip() for cell in row if cell.strip()] for row in rows}
    assert cells["rate"] == ["rate", "max", "flag --rate"]
    assert cells["token"] == ["token", "****", "env NATS_TOKEN"]
    assert cells["servers"] == ["servers", "nats://h:4222", "URL argument"]
    assert "hunter2" not in out


def test_info_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--json", "--count", "3"]) == 0
    told = json.loads(capsys.readouterr().out)["settings"]
    assert told["count"] == {"value": "3", "origin": "flag --count"}
    assert told["user"] == {"value": None, "origin": "default"}


def test_help_names_every_flag_and_only_the_commands_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    for param in COMMANDS["dashboard"].params:
        assert all(opt in out for opt in (*param.opts, *param.secondary_opts) if opt.startswith("-"))
    assert "  demo  " in out
    assert "  info  " in out
    assert "dashboard " not in out.partition("Commands:")[2].partition("Servers:")[0].replace("The dashboard", "")
    assert cli.main(["demo", "--help"]) == 0
    assert "--servers N" in capsys.readouterr().out


# -- bad input --------------------------------------------------------------------------------------

BAD = [
    ("--rate fast", '--rate: "fast" is not a number of messages a second, nor "max"'),
    ("--rate -1", '--rate: "-1" is negative'),
    ("--rate 0", '--rate: "0" must be more than 0 messages a second'),
    ("--rate nan", '--rate: "nan" is not a number of messages a second, nor "max"'),
    ("--rate inf", '--rate: "inf" is not a number of messages a second, nor "max"'),
    ("--rate 1_0", '--rate: "1_0" is not a number of messages a second, nor "max"'),
    ("--rate 1e-9", '--rate: "1e-9" is too slow'),
    ("--rate 1e12", '--rate: "1e12" is too fast (try "max")'),
    ("--rate", "--rate: needs a value; try natsmon --help"),
    ("--plain=yes", "--plain: takes no value; try natsmon --help"),
    ("--count 0", '--count: "0" must be 1 or more'),
    ("--count 1.5", '--count: "1.5" is not a whole number'),
    ("--count 99999999999", '--count: "99999999999" must be 2147483647 or less'),
    ("--duration 0", '--duration: "0" must be more than 0'),
    ("--duration 30", '--duration: "30" has no unit (try 500ms, 2s or 1m30s)'),
    ("--reconnect-wait -2s", '--reconnect-wait: "-2s" is negative'),
    ("--reconnect-jitter x", '--reconnect-jitter: "x" is not a duration (try 500ms, 2s or 1m30s)'),
    ("--connect-timeout 0s", '--connect-timeout: "0s" must be more than 0'),
    ("--reconnect-buffer -1", '--reconnect-buffer: "-1" is negative'),
    ("--reconnect-buffer lots", '--reconnect-buffer: "lots" is not a size (try 1024, 64KB or 8MiB)'),
    ("--max-reconnects -2", '--max-reconnects: "-2" must be -1 or more'),
    ("--max-pings-out 0", '--max-pings-out: "0" must be 1 or more'),
    ("--subject a..b", '--subject: "a..b" has an empty token: a dot at an end, or two in a row'),
    ("--subject a.*", '--subject: "a.*" has a wildcard in it: messages are published on one subject'),
    ("--subject=", '--subject: "" is empty'),
    ("--jetstream a.", '--jetstream: "a." is no name of a stream: it has a space, a dot, a slash or a wildcard in it'),
    ("--jetstream S --no-echo", "--jetstream: is about acknowledgements, so it excludes --no-echo"),
    ("--observe a.>.b", '--observe: "a.>.b" has a wildcard that is no whole token, or a > that is not the last one'),
    ("--observe a* ", '--observe: "a*" has a wildcard that is no whole token, or a > that is not the last one'),
    ("--observe a --jetstream S", "--observe: publishes nothing, so it excludes --jetstream"),
    ("--observe a --rate 1", "--observe: publishes nothing, so it excludes --rate"),
    ("--observe a --count 5", "--observe: publishes nothing, so it excludes --count"),
    ("--size lots", '--size: "lots" is not a size (try 1024, 64KB or 8MiB)'),
    ("--size 65MiB", '--size: "65MiB" is over 64 MiB, which no server takes'),
    ("--payload-file /nope", '--payload-file: "/nope" cannot be read: No such file or directory'),
    ("--payload-file /", '--payload-file: "/" cannot be read: Is a directory'),
    ("--payload x --size 1", "--size: excludes --payload: each says what the body of a message is"),
    ("--payload-file /dev/null --size 1", "--size: excludes --payload-file: each says what the body of a message is"),
    ("--headers x", "--headers: the value is no header (try 'Name: value')"),
    (
        "--headers :x",
        "--headers: the value has a name that is empty, or with a space or a letter that is not ASCII in it",
    ),
    ("--headers natsmon-seq:1", "--headers: the value has a name of ours: messages are numbered by such headers"),
    ("--headers Nats-Msg-Id:1", "--headers: the value has a name of the server's, which would act on it"),
    ("--connection-name=", '--connection-name: "" is empty'),
    ("--plain --json", "--plain and --json exclude each other"),
    ("--control", "--control needs --json"),
    ("--control --plain", "--control needs --json"),
    ("--record -", '--record: "-" is standard output, which has the stream only with --json'),
    ("--record=", '--record: "" is empty'),
    ("--record /nowhere/x", '--record: "/nowhere/x" cannot be written: No such file or directory'),
    ("--record /dev/null", '--record: "/dev/null" is not a regular file'),
    ("--record-max 1KiB", '--record-max: "1KiB" must be 4MiB or more'),
    ("--record-max 4MiB", "--record-max: is given without --record"),
    ("--record-keep 0", '--record-keep: "0" must be 1 or more'),
    ("--record-keep 3", "--record-keep: is given without --record-max"),
    ("--xyzzy", "--xyzzy: there is no such option; try natsmon --help"),
    ("--pasword=hunter2", "--pasword: there is no such option; did you mean --password or --payload?"),
    ("-x", "-x: there is no such option; try natsmon --help"),
    ("--password hunter2", "--password: is given without --user"),
    ("--user hunter2 --token hunter2", "--user: is a token when there is no password, and a token is given too"),
    ("nats://h:99999", 'URL: "nats://h:99999": the port is out of range, 1 to 65535'),
    ("http://u:hunter2@h", 'URL: "http://****@h": the scheme is not supported, nats://, tls://, ws:// and wss:// are'),
    ("ws://a -s nats://b", '--server: "ws://a": WebSocket and NATS servers cannot be mixed in one connection'),
    ("info nats://", 'URL: "nats://": the host is empty'),
    ("info --plain", "--plain: there is no such option; try natsmon --help"),
    ("demo nats://u:hunter2@h", "demo starts servers of its own and takes no URL"),
    ("demo --servers 0", '--servers: "0" must be 1 or more'),
    ("demo --servers 10", '--servers: "10" must be 9 or less'),
    ("demo --rate x", '--rate: "x" is not a number of messages a second, nor "max"'),
]


@pytest.mark.parametrize(("args", "line"), BAD)
def test_bad_input_is_one_line_and_nothing_starts(
    args: str, line: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(args.split()) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.err == f"natsmon: {line}\n"
    assert captured.out == ""
    assert "hunter2" not in captured.err
    assert not runs


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["--subject", "a\x1b[31m"], r'"a\x1b[31m" has a control character'),
        (["--subject", "a b\nc"], r'"a b\nc" has a space'),
        (["--rate", "x" * 500], "x" * 80 + '…" is not'),
        (["--subject", "\udcff"], r'"\udcff" is not UTF-8'),
        (["--headers", "A: b\r\nC: d"], "the value has a line break in its value"),
        (["--headers", "A\r\nB: c"], "the value has a name that is empty, or with a space"),
        (["--token", "\udcffhunter2"], "--token: the value is not UTF-8"),
        (["nats://h\x9b2J"], r'"nats://h\x9b2J": the host'),
        (["--no\x1b[31m"], "--no: there is no such option"),
    ],
)
def test_what_is_echoed_is_safe_to_print(args: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(args) == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert shown in line
    assert line.isprintable()
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("NATS_URL", "http://u:hunter2@h", 'NATS_URL: "http://****@h": the scheme is not supported'),
        ("NATS_TOKEN", "\udcffhunter2", "NATS_TOKEN: the value is not UTF-8"),
    ],
)
def test_a_bad_variable_is_named(
    name: str, value: str, line: str, runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert cli.main([]) == Exit.USAGE
    error = capsys.readouterr().err
    assert error.startswith(f"natsmon: {line}")
    assert error.count("\n") == 1
    assert "hunter2" not in error
    assert not runs


@pytest.mark.usefixtures("terminal")
def test_a_terminal_without_a_screen_is_told_to_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runs: Runs
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert cli.main([]) == Exit.USAGE
    assert (
        capsys.readouterr().err == 'natsmon: TERM: "dumb" is a terminal that cannot show the dashboard; try --plain\n'
    )
    assert cli.main(["--plain"]) == 0


def test_the_place_of_every_flag_is_known() -> None:
    for command in COMMANDS.values():
        for param in command.params:
            assert isinstance(param, flags.Flag) or not param.expose_value or param.name in ("url", "rest", "files")


# -- as a process -----------------------------------------------------------------------------------


def run(script: str, **env: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    script = script.replace("natsmon", f"{sys.executable} -m natsmon")
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=30, env=clean | env)


@pytest.mark.parametrize("args", ["--rate fast", "--xyzzy", "demo --count 0", "nats://h:x", "--json --plain"])
def test_a_process_says_one_line_and_exits_2(args: str) -> None:
    done = run(f"natsmon {args}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("natsmon: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    done = run("natsmon info | true; natsmon info --json | head -1; natsmon --help | true; natsmon --version | true")
    assert done.stderr == ""


def test_closed_streams() -> None:
    done = run("natsmon --plain >&-")
    assert (done.returncode, done.stderr) == (2, "natsmon: standard output is closed\n")
    assert run("natsmon --rate x 2>&-").returncode == 2
    assert run("natsmon info <&-").returncode == 0


def test_info_in_a_plain_ascii_locale() -> None:
    done = run("natsmon info", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
