"""Secrets are planted in every place that takes one, and looked for in everything that natsmon emits."""

import asyncio
import base64
import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import nkeys
import pytest

from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from natsmon.stream.probe_child import ProbeChild
from tests.conftest import StartServer
from tests.harness.listening import settings
from tests.harness.peer import Talk, playing
from tests.harness.processes import probe_pid
from tests.harness.terminal import Terminal
from tests.harness.time_limits import IN_TIME, WAIT
from tests.protocol.operator_mode import Operator, key, public, seed

PASSWORD = "planted-p@ss/word"
TOKEN = "planted-token"
WRONG = "planted-wrong"
ENDS = ["--count", "3", "--rate", "100", "--no-retry-on-failed-connect", "--connect-timeout", f"{IN_TIME}s"]
MODES = {"plain": ["--plain", *ENDS], "json": ["--json", *ENDS]}


class Run:
    """A run of the command, and all it wrote: also into a recording, where it is one that can be recorded."""

    def __init__(self, args: list[str], variables: dict[str, str]) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NATS_")}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("run.jsonl.gz" if "--json" in args else "run.jsonl")
            recorded = ["--record", str(path)] if {"--json", "--plain"} & set(args) and args[0] != "info" else []
            done = subprocess.run(
                [sys.executable, "-m", "natsmon", *args, *recorded],
                env={**clean, "PYTHONPATH": str(Path(__file__).parents[2]), **variables},
                capture_output=True,
                timeout=2 * WAIT,
                check=False,
            )
            assert not recorded or done.returncode == 2 or path.exists()
            self.recorded = _content(path) if path.exists() else ""
        self.code = done.returncode
        self.text = (done.stdout + done.stderr).decode() + self.recorded


def _content(path: Path) -> str:
    """All that is in a file, unpacked."""
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def spellings(secret: str) -> list[str]:
    """A secret as it is, and as it would look in a URL or in base64."""
    quoted = secret.replace("@", "%40").replace("/", "%2F")
    return [secret, quoted, base64.b64encode(secret.encode()).decode()]


def check(run: Run, *secrets: str) -> None:
    assert run.text
    assert not run.recorded or run.recorded.startswith('{"type":"part"')
    assert "Traceback" not in run.text
    for secret in secrets:
        for spelling in spellings(secret):
            assert spelling not in run.text


Way = Callable[[str], tuple[list[str], dict[str, str]]]


def by_url(authority: str) -> tuple[list[str], dict[str, str]]:
    return [f"nats://ann:planted-p%40ss%2Fword@{authority}"], {}


def by_variable_url(authority: str) -> tuple[list[str], dict[str, str]]:
    return [], {"NATS_URL": f"nats://ann:planted-p%40ss%2Fword@{authority}"}


def by_flag(authority: str) -> tuple[list[str], dict[str, str]]:
    return [authority, "--user", "ann", "--password", PASSWORD], {}


def by_variable(authority: str) -> tuple[list[str], dict[str, str]]:
    return [authority], {"NATS_USER": "ann", "NATS_PASSWORD": PASSWORD}


WAYS = [by_url, by_variable_url, by_flag, by_variable]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("outcome", ["connected", "refused", "dead", "tls"])
def test_password(nats_server: StartServer, refused_port: int, mode: str, way: Way, outcome: str) -> None:
    good = PASSWORD if outcome == "connected" else WRONG
    config = f'accounts {{ A {{ users: [{{ user: ann, password: "{good}" }}] }} }}'
    authority = f"127.0.0.1:{refused_port}" if outcome == "dead" else nats_server(config=config).authority
    args, variables = way(authority)
    if outcome == "tls":
        args = [arg.replace("nats://", "tls://") for arg in args] + ["--tlsfirst"]
    run = Run([*args, *MODES[mode]], variables)
    check(run, PASSWORD, WRONG)
    assert run.code == (0 if outcome == "connected" else 1)
    assert {
        "connected": "CONNECTED" if mode == "json" else "3 published, 3 echoed",
        "refused": "Authorization Violation",
        "dead": "Connection refused",
        "tls": "not TLS-first",
    }[outcome] in run.text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_info(way: Way, form: list[str]) -> None:
    args, variables = way("127.0.0.1:4222")
    run = Run(["info", *args, "--headers", f"Authorization: {TOKEN}", *form], {**variables, "NATS_TOKEN": TOKEN})
    assert run.code == 0
    check(run, PASSWORD, TOKEN)
    assert "****" in run.text


@pytest.mark.parametrize(
    "args",
    [
        [f"nats://ann:{WRONG}@127.0.0.1:port"],
        [f"nats://ann:{WRONG}"],
        [f"nats://ann:{WRONG}@[::1"],
        [f"nats://ann:{WRONG},x@127.0.0.1"],
        ["--monitor", f"http://ann:{WRONG}@127.0.0.1:8222"],
        ["--seed", WRONG],
        ["--token", WRONG, "--rate", "nonsense"],
        ["--headers", WRONG],
        ["--headers", f"Nats-Token: {WRONG}"],
        [f"--tokens={WRONG}"],
    ],
)
def test_error_message_has_no_secret(args: list[str]) -> None:
    run = Run([*args, "--plain"], {})
    assert run.code == 2
    check(run, WRONG)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("good", [True, False])
def test_token(nats_server: StartServer, mode: str, good: bool) -> None:
    server = nats_server(config=f"authorization {{ token: {TOKEN if good else 'another'} }}")
    for args, variables in (
        ([f"nats://{TOKEN}@{server.authority}"], {}),
        ([server.url, "--token", TOKEN, "--headers", f"Authorization: {TOKEN}"], {}),
        ([server.url, "--user", TOKEN], {}),
        ([server.url], {"NATS_TOKEN": TOKEN}),
    ):
        run = Run([*args, *MODES[mode]], variables)
        check(run, TOKEN)
        assert run.code == (0 if good else 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("expires_in", [3600.0, -3600.0])
def test_credentials_file_jwt_and_seed(nats_server: StartServer, tmp_path: Path, mode: str, expires_in: float) -> None:
    operator = Operator(tmp_path)
    server = nats_server(config=operator.config)
    jwt, user_seed = operator.user(expires_in=expires_in)
    creds = operator.creds(jwt, user_seed)
    for given in (["--creds", creds], ["--jwt", jwt, "--seed", user_seed]):
        run = Run([server.url, *given, *MODES[mode]], {})
        check(run, jwt, user_seed, jwt.rpartition(".")[2])
        assert run.code == (0 if expires_in > 0 else 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("good", [True, False])
def test_nkey(nats_server: StartServer, tmp_path: Path, mode: str, good: bool) -> None:
    known, ours = key(nkeys.PREFIX_BYTE_USER), key(nkeys.PREFIX_BYTE_USER)
    server = nats_server(config=f"authorization {{ users: [{{ nkey: {public(ours if good else known)} }}] }}")
    path = tmp_path / "user.nk"
    path.write_text(seed(ours))
    run = Run([server.url, "--nkey", str(path), *MODES[mode]], {})
    check(run, seed(ours))
    assert run.code == (0 if good else 1)


def shown_to_others(pid: int | None) -> bytes:
    return b"".join(Path(f"/proc/{pid}/{file}").read_bytes() for file in ("cmdline", "environ"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_probe_process_shows_none(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in its arguments, which every user of the machine can see, nor in its environment."""
    monkeypatch.setenv("NATS_PASSWORD", PASSWORD)
    monkeypatch.setenv("NATS_TOKEN", TOKEN)
    wanted: Settings = settings(server.url, user=Secret("ann"), password=Secret(PASSWORD), token=Secret(TOKEN))
    probe = ProbeChild(wanted)
    seen = b""
    async with asyncio.timeout(WAIT):
        async for event in probe.events():
            seen += codec.encode(event)
            if isinstance(event, ev.Connected):
                seen += shown_to_others(probe_pid(probe))
                probe.send(commands.Close())
    assert b"natsmon.probe" in seen
    for secret in (PASSWORD, TOKEN):
        for spelling in spellings(secret):
            assert spelling.encode() not in seen


@pytest.mark.parametrize("form", ["text", "nagios", "json", "prometheus"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("good", [True, False])
def test_natsmon_check(nats_server: StartServer, form: str, way: Way, good: bool) -> None:
    server = nats_server(config=f'authorization {{ user: ann, password: "{PASSWORD if good else WRONG}" }}')
    args, variables = way(server.authority)
    run = Run(["check", *args, "--format", form], variables)
    check(run, PASSWORD, WRONG)
    refused = "auth" if form == "prometheus" else "wrong credentials"
    assert (refused in run.text.replace("auth_time", "")) is not good


@pytest.mark.parametrize("good", [True, False])
async def test_screen(nats_server: StartServer, good: bool) -> None:
    config = f'accounts {{ A {{ users: [{{ user: ann, password: "{PASSWORD if good else WRONG}" }}] }} }}'
    args, _ = by_url(nats_server(config=config).authority)
    async with Terminal([sys.executable, "-m", "natsmon", *args], size=(120, 36)) as terminal:
        await terminal.until("● CONNECTED" if good else "wrong credentials")
        terminal.send("?")
        await terminal.until("keys")
        terminal.send("\x1b")
        await terminal.until(lambda text: "keys" not in text)
        terminal.send("q")
        assert await terminal.ended() in (0, 1)
        for secret in (PASSWORD, WRONG):
            for spelling in spellings(secret):
                assert spelling not in str(terminal.output)


async def test_peer_that_echoes_what_it_receives() -> None:
    async def echo(talk: Talk) -> None:
        await talk.info()
        await talk.send(await talk.line())
        await talk.until_closed()

    async with playing(echo) as peer:
        for mode in MODES.values():
            run = await asyncio.to_thread(Run, [peer.url, "--token", TOKEN, *mode], {})
            assert "instead of PONG" in run.text
            check(run, TOKEN)


@pytest.mark.parametrize("after_pong", [False, True])
async def test_peer_that_complains_with_our_own_words(after_pong: bool) -> None:
    """Before PONG it refuses us with them, after it complains of a permission with them."""

    async def script(talk: Talk) -> None:
        await talk.info()
        received = await talk.line()
        if after_pong:
            await talk.send(b"PONG\r\n")
            received = b"Permissions Violation for " + received
        await talk.send(b"-ERR '" + received.strip() + b"'\r\n")
        while line := await talk.line():
            if line == b"PING\r\n":
                await talk.send(b"PONG\r\n")

    async with playing(script) as peer:
        for mode in (["--plain"], ["--json"]):
            args = [
                peer.url,
                *mode,
                "--user",
                "ann",
                "--password",
                PASSWORD,
                "--token",
                TOKEN,
                *ENDS,
            ]
            run = await asyncio.to_thread(Run, args, {})
            assert "repeats one of your secrets" in run.text
            check(run, PASSWORD, PASSWORD.upper(), PASSWORD.lower(), TOKEN)
