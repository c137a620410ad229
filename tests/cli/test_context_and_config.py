"""``natsmon context ls``, ``natsmon config``, ``natsmon completion``."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nkeys
import pytest
import trustme
from rich.cells import cell_len

from natsmon.cli import main as cli
from natsmon.cli.command_group import COMMANDS, load
from natsmon.cli.flags import Flag
from natsmon.stream.exit_codes import Exit
from tests.cli.running import piped
from tests.harness.time_limits import WAIT

user_claims = pytest.importorskip("nats_jwt.v2.user_claims", reason="JWTs are made by nats-jwt")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "nats" / "context").mkdir(parents=True)
    return tmp_path


def save(root: Path, name: str, **fields: Any) -> None:
    (root / "nats" / "context" / f"{name}.json").write_text(json.dumps(fields))


def user_jwt(expires: int) -> str:
    """A JWT made and signed by another implementation."""
    account, user = (
        nkeys.from_seed(nkeys.encode_seed(os.urandom(32), kind))
        for kind in (nkeys.PREFIX_BYTE_ACCOUNT, nkeys.PREFIX_BYTE_USER)
    )
    claims = user_claims.UserClaims(user.public_key.decode(), "ada")
    claims.exp = expires
    return str(claims.encode(account))


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert cli.main(["context", "ls", "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_columns_of_contexts_are_aligned_with_wide_names(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(root, "tokyo", url="nats://a")
    save(root, "東京", url="nats://b")
    assert cli.main(["context", "ls"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert [cell_len(row[: row.index("nats://")]) for row in rows] == [header.index("SERVERS")] * 2


def test_contexts_are_listed_with_servers_credentials_and_expiry(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expires = int(time.time()) + 3600
    jwt = user_jwt(expires)
    creds = root / "user.creds"
    creds.write_text(f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n")
    authority = trustme.CA()
    certificate = authority.issue_cert("client")
    (root / "client.pem").write_bytes(certificate.cert_chain_pems[0].bytes())
    save(root, "creds", url="nats://u:hunter2@a,b", creds=f"file://{creds}")
    save(root, "jwt", user_jwt=jwt, token="hunter2")
    save(root, "cert", url="tls://h", cert=str(root / "client.pem"), key="k")
    save(root, "user", user="u", password="hunter2", creds=str(creds))
    save(root, "elsewhere", creds="op://v/i/f")
    save(root, "none")
    save(root, "url", url="nats://t0ken@h")
    save(root, "bad", tls_first=1)
    (root / "nats" / "context.txt").write_text("jwt\n")
    rows = listed(capsys)
    assert {name: row["credentials"] for name, row in rows.items()} == {
        "creds": "credentials file", "jwt": "JWT, token", "cert": "certificate", "user": "user",
        "elsewhere": "credentials file", "none": "none", "url": "in the URL", "bad": "",
    }  # fmt: skip
    assert {name: row["expires"] for name, row in rows.items() if row["expires"]}.keys() == {"creds", "jwt", "cert"}
    assert rows["creds"]["expires"] == rows["jwt"]["expires"] == expires
    assert rows["creds"]["servers"] == "nats://****@a, b"
    assert [name for name, row in rows.items() if row["selected"]] == ["jwt"]
    assert '"tls_first" must be true or false' in rows["bad"]["error"]
    assert cli.main(["context", "ls"]) == 0
    text = capsys.readouterr().out
    assert "hunter2" not in text
    assert "t0ken" not in text
    assert next(line for line in text.splitlines() if line.startswith("*")).split()[1] == "jwt"


def test_expired_jwt_is_marked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(root, "old", user_jwt=user_jwt(int(time.time()) - 60))
    assert cli.main(["context", "ls"]) == 0
    assert "expired 20" in capsys.readouterr().out


def test_no_contexts_name_the_folder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["context", "ls"]) == 0
    assert capsys.readouterr().out == f"no contexts in {root / 'nats' / 'context'}\n"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ("context", "context needs ls; try natsmon context --help"),
        ("context rm", 'ls: "rm" is not one of ls'),
        ("config", "config needs init|check; try natsmon config --help"),
        ("completion tcsh", 'bash|zsh|fish: "tcsh" is not one of bash, zsh, fish'),
    ],
)
def test_missing_or_unknown_action_is_one_line(args: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(args.split()) == Exit.USAGE
    assert capsys.readouterr().err == f"natsmon: {line}\n"


def test_config_file_is_written_once_and_is_valid(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "natsmon" / "config.toml"
    save(root, "prod")
    assert cli.main(["config", "init"]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert cli.main(["config", "init"]) == Exit.USAGE
    assert capsys.readouterr().err == f"natsmon: config: {path}: exists already\n"
    assert cli.main(["config", "check"]) == 0
    assert capsys.readouterr().out == f"{path}: no errors\n"
    lines = path.read_text().splitlines()
    settings = [line[2:] for line in lines if line.startswith("# ") and (" = " in line or line.startswith("# ["))]
    text = "\n".join(settings).replace("/usr/local/bin/alert", "true")
    path.write_text(text)  # every line of the template in use
    assert cli.main(["config", "check"]) == 0, text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rat = 1", "1: rat: unknown key"),
        ('[contexts.a]\nrate = 1\n[contexts.b]\nrate = "x"', '4: rate: "x" is not a number'),
        ('\non-outage = "/nope"', '2: on-outage: "/nope" does not exist'),
        ("bell = 1", "1: bell: must be true or false"),
        ('rate = 1\n[keymap]\nopen = "f2"\njump = "J"', "4: jump: jump is not an action"),
        ('[keymap]\npause = "ctrl-p"', "2: pause: pause: ctrl-p is not a key"),
        ('server = "a:b"', '1: server: "a:****": the port is not a number'),
        ('\ntheme = "norrd"', '2: theme: "norrd" is not a theme; there are '),
        ('theme = ["norrd"]', '1: theme: "norrd" is not a theme; there are '),
        ('[contexts.prod]\ntheme = "norrd"', '2: theme: "norrd" is not a theme; there are '),
        ('rate = 1\ncontext = "prdo"', '2: context: "prdo" is not a context; did you mean prod?'),
        ('[contexts."a/b"]\nrate = 1', '1: contexts.a/b: "a/b" is not the name of a context'),
        ("[contexts.broken]\nrate = 1", "1: contexts.broken: "),
        ('[contexts.prdo]\nrate = "x"', '2: rate: "x" is not a number'),
    ],
)
def test_config_check_names_file_line_and_key(
    text: str, line: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(root, "prod")
    save(root, "broken", url=1)
    path = tmp_path / "other.toml"
    path.write_text(text)
    assert cli.main(["config", "check", "--config", str(path)]) == Exit.USAGE
    error = capsys.readouterr().err
    assert error.startswith(f"natsmon: {path}:{line}")
    assert error.count("\n") == 1


def test_config_check_notes_a_section_of_a_context_that_is_not_on_this_machine(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(root, "prod")
    path = root / "shared.toml"
    path.write_text("rate = 1\n[contexts.prod]\nrate = 2\n[contexts.prdo]\nrate = 3")
    assert cli.main(["config", "check", "--config", str(path)]) == Exit.ENDED
    out, error = capsys.readouterr()
    assert out == f"{path}: no errors\n"
    assert error.startswith(
        f'natsmon: {path}:4: contexts.prdo: not used on this machine: "prdo" is not a context; did you mean prod?'
    )
    assert error.count("\n") == 1


def test_config_check_reads_a_pipe_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = root / "pipe"
    for text, status in (b'rate = "x"', Exit.USAGE), (b"rate = 2\n[contexts.prod]\nrate = 3", Exit.ENDED):
        writer = piped(pipe, text)
        assert cli.main(["config", "check", "--config", str(pipe)]) == status
        writer.join()
        pipe.unlink()


def completed(words: str, **variables: str) -> list[str]:
    """What a shell offers for the last of these words."""
    split = words.split(" ")
    environment = {
        "_NATSMON_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(split) - 1),
        **os.environ, **variables,
    }  # fmt: skip
    natsmon = str(Path(sys.executable).parent / "natsmon")
    done = subprocess.run([natsmon], capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.stderr == ""
    return [line.partition(",")[2] or line for line in done.stdout.splitlines()]


def test_commands_flags_contexts_words_and_files_are_completed(root: Path) -> None:
    save(root, "prod")
    save(root, "stage")
    there = {"XDG_CONFIG_HOME": str(root)}
    assert set(completed("natsmon ", **there)) == set(COMMANDS)
    assert completed("natsmon rep", **there) == ["replay", "report"]
    assert completed("natsmon chekc --format ", **there) == ["text", "logfmt", "json"]  # no lookup, no error
    assert "--reconnect-wait" in completed("natsmon --reco", **there)
    assert completed("natsmon check --context ", **there) == ["prod", "stage"]
    assert completed("natsmon check --format n", **there) == ["nagios"]
    assert completed("natsmon completion ", **there) == ["bash", "zsh", "fish"]
    for words in (
        "natsmon check ",
        "natsmon nats://a rep",
        "natsmon -s rep",
        "natsmon check --help ",
        "natsmon help x",
    ):
        assert not any(completed(words, **there)), "no command stands there, and no help is printed"
    assert completed("natsmon help rep", **there) == ["replay", "report"]
    for shell in ("natsmon --creds x", "natsmon replay x"):
        environment_answer = completed(shell, **there)
        assert environment_answer == ["x"]


def test_config_check_ignores_a_theme_chosen_on_screen(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "natsmon").mkdir()
    (root / "natsmon" / "state.json").write_text('{"theme": "gone"}')
    (root / "natsmon" / "config.toml").write_text('theme = ["nord"]')
    assert cli.main(["config", "check"]) == 0
    (root / "natsmon" / "config.toml").write_text('theme = ["norrd"]')
    assert cli.main(["config", "check"]) == Exit.USAGE
    assert 'config.toml:1: theme: "norrd" is not a theme' in capsys.readouterr().err


def test_section_of_a_context_in_a_file_is_known_by_its_stem(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "east.json").write_text("{}")
    (root / "config.toml").write_text(f'context = "{root}/east.json"\n[contexts.east]\nrate = 1')
    assert cli.main(["config", "check", "--config", str(root / "config.toml")]) == 0


@pytest.mark.parametrize("flag", [param for param in load("dashboard").params if isinstance(param, Flag)], ids=repr)
def test_nul_in_a_value_of_a_file_is_one_line_or_none(
    flag: Flag, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TOML can write one; a path, a program's argument and a header cannot have it."""
    name = flag.opts[0].removeprefix("--")
    (root / "config.toml").write_text(f'{name} = "true a\\u0000b"')
    assert cli.main(["config", "check", "--config", str(root / "config.toml")]) in (0, Exit.USAGE)
    printed = capsys.readouterr()
    assert printed.err.count("\n") <= 1
    assert "\0" not in printed.err + printed.out


@pytest.mark.parametrize("name", ["on-change", "on-outage", "dial-command"])
def test_command_with_a_nul_is_refused(name: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "config.toml").write_text(f'{name} = "true a\\u0000b"')
    assert cli.main(["config", "check", "--config", str(root / "config.toml")]) == Exit.USAGE
    assert f'config.toml:1: {name}: "true a\\x00b" has a NUL in it' in capsys.readouterr().err


@pytest.mark.parametrize("variables", [{"COMP_CWORD": "x", "COMP_WORDS": "natsmon r"}, {"COMP_CWORD": "1"}, {}])
def test_completion_without_a_shells_variables_is_one_line(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"_NATSMON_COMPLETE": "bash_complete", **variables}.items():
        monkeypatch.setenv(name, value)
    assert cli.main([]) == Exit.USAGE
    assert capsys.readouterr().err == (
        "natsmon: _NATSMON_COMPLETE: COMP_WORDS and COMP_CWORD must be those of a shell that completes\n"
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_accepted_by_its_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_NATSMON_COMPLETE" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([program, "-n"], input=script, text=True, check=True, timeout=30)


def test_description_with_a_comma_is_whole_in_fish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")
    assert cli.main(["completion", "fish"]) == 0
    script = capsys.readouterr().out + "complete -C 'natsmon check --tlsc'"
    there = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([fish], input=script, capture_output=True, text=True, check=True, timeout=WAIT, env=there)
    assert "--tlsca\tCAs to trust, PEM, instead of the system's." in done.stdout.splitlines()
