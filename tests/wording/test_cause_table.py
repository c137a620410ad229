"""The way to a server and its greeting: each thing that can be wrong has its own cause, words and advice."""

import ast
import json
import re
from pathlib import Path

import pytest

from natsmon.config.settings import Server
from natsmon.dial.causes import Cause
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.inquiry import silent_peer
from natsmon.stream import events as ev
from natsmon.text.plain_text import printable
from natsmon.wording.cause_table import IN_STAGE, TABLE, Diagnosis, diagnose
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.listening import listening, settings
from tests.harness.peer import HOST, Talk, playing
from tests.harness.time_limits import GROWING, IN_TIME
from tests.protocol.authority import Authority
from tests.protocol.dialing import Failure, failure, once
from tests.structure.test_language import EXCLUDED


async def failure_after(greeting: bytes) -> Failure:
    async def script(talk: Talk) -> None:
        await talk.send(greeting)
        await talk.until_closed()

    async with playing(script) as peer:
        return await failure(once(peer.url))


async def timed_out(stage: str, server: str | Server) -> Failure:
    """The dial that timed out in this stage; where the machine stands still, another one does before."""
    for seconds in GROWING:
        failed = await failure(once(server, connect_timeout=seconds))
        if failed.where == (stage, "timeout"):
            break
    return failed


@pytest.fixture
def time_to_answer_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a peer that answers each, or closes."""
    monkeypatch.setattr(silent_peer, "ANSWER_TIMEOUT", IN_TIME)


# -- no way there -----------------------------------------------------------------------------------


async def test_unresolved_name_is_explained() -> None:
    failed = await failure(once(Server("nats.invalid")))
    assert failed.where == ("dns", "dns")
    assert failed.text.startswith("nats.invalid: ")


async def test_refused(refused_port: int) -> None:
    failed = await failure(once(Server(HOST, refused_port)))
    assert failed.where == ("tcp", "refused")
    assert failed.logs("connection refused", "is the server running")


async def test_unreachable() -> None:
    """TCP has no route to a multicast address, wherever it is run."""
    failed = await failure(once(Server("224.0.0.1")))
    assert failed.where == ("tcp", "unreachable")
    assert failed.logs("Network is unreachable", "check the network")


async def test_dropped_syn(blackhole: int) -> None:
    failed = await timed_out("tcp", Server(HOST, blackhole))
    assert failed.where == ("tcp", "timeout")
    assert failed.logs("no answer to the TCP connect", "a firewall may drop it")


# -- not what it should be --------------------------------------------------------------------------


async def test_accepts_and_never_speaks() -> None:
    async with peers.silent() as peer:
        failed = await timed_out("info", peer.url)
        assert failed.where == ("info", "timeout")
        assert failed.finding is None
        assert failed.logs("the peer accepted and sent no INFO", "frozen", "TLS first", "monitoring port")
        assert b"CONNECT {" not in peer.received


@pytest.mark.parametrize(
    ("greeting", "cause", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "http", "HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x50", "tls_mismatch", "sends TLS"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "protocol", "SSH-2.0-OpenSSH_9.9"),
        (b"-ERR unknown command\r\n", "protocol", "unknown command"),
        (b'INFO {"a":"' + b"A" * 70_000 + b'"}\r\n', "info_bad", "longer than"),
        (b"INFO {nope\r\n", "info_bad", "not JSON"),
        (b"INFO [1, 2]\r\n", "info_bad", "not a JSON object"),
    ],
    ids=["http", "tls", "ssh", "redis", "long", "no-json", "no-object"],
)
async def test_greeting(greeting: bytes, cause: str, words: str) -> None:
    failed = await failure_after(greeting)
    assert failed.where == ("info", cause)
    assert words in failed.text


async def test_closes_before_info() -> None:
    async with peers.close_at_once() as peer:
        failed = await failure(once(peer.url))
    assert failed.where == ("info", "eof")
    assert failed.text == "closed before INFO"


@pytest.mark.usefixtures("time_to_answer_a_question")
async def test_silent_server_of_another_kind_is_recognised() -> None:
    """Redis is silent until spoken to."""

    async def script(talk: Talk) -> None:
        await talk.line()
        await talk.send(b"-ERR wrong number of arguments for 'get' command\r\n")

    async with playing(script) as peer:
        failed = await timed_out("info", peer.url)
        assert b"CONNECT {" not in peer.received
    assert failed.where == ("info", "timeout")
    assert failed.finding is not None
    assert failed.finding.cause == "protocol"
    assert "-ERR wrong number" in failed.finding.text


# -- the wrong port of a NATS server ----------------------------------------------------------------

PORTS = """
http: "127.0.0.1:-1"
websocket { listen: "127.0.0.1:-1", no_tls: true }
leafnodes { listen: "127.0.0.1:-1" }
gateway { name: c, listen: "127.0.0.1:-1" }
accounts { SYS { users: [{ user: s, password: s }] } }
system_account: SYS
"""


def port_of(server: NatsServer, kind: str) -> int:
    (file,) = Path(server.folder).glob("*.ports")
    urls = json.loads(file.read_text()).get(kind)
    if urls:
        return int(urls[0].rpartition(":")[2])
    found = re.search(rf"{kind}s? connections on \S+:(\d+)", server.log.read_text())
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize(
    ("kind", "words"), [("cluster", "route port"), ("gateway", "gateway port"), ("leafnode", "leaf node port")]
)
async def test_route_port_is_recognised(nats_server: StartServer, kind: str, words: str) -> None:
    server = nats_server(cluster="c", config=PORTS)
    wanted = once(Server(HOST, port_of(server, kind)))
    failed = await failure(wanted)
    assert failed.where == ("info", "wrong_port")
    assert words in failed.text
    assert failed.logs("4222 is the usual port")
    assert failed.state.dials[-1].info is not None
    assert failed.state.dials[-1].connect is None, "no credentials go to a wrong port"


async def test_route_port_is_recognised_by_its_error() -> None:
    async with peers.err_after_connect("attempted to connect to route port") as peer:
        assert (await failure(once(peer.url))).where == ("connect", "wrong_port")


@pytest.mark.usefixtures("time_to_answer_a_question")
@pytest.mark.parametrize(("kind", "cause"), [("websocket", "websocket_port"), ("monitoring", "monitoring_port")])
async def test_port_that_waits_for_the_client_is_recognised(nats_server: StartServer, kind: str, cause: str) -> None:
    server = nats_server(cluster="c", config=PORTS)
    failed = await timed_out("info", Server(HOST, port_of(server, kind)))
    assert failed.where == ("info", "timeout")
    assert failed.finding is not None
    assert failed.finding.cause == cause
    assert failed.logs("a second look", diagnose("info", cause).meaning)


@pytest.mark.usefixtures("time_to_answer_a_question")
async def test_mqtt_port_is_recognised(nats_server: StartServer, tmp_path: Path) -> None:
    server = nats_server(config=f'jetstream {{ store_dir: "{tmp_path}" }}, mqtt {{ listen: "{HOST}:-1" }}')
    listening_on = re.search(rf"MQTT clients on mqtt://{HOST}:(\d+)", server.log.read_text())
    assert listening_on is not None, server.log.read_text()
    failed = await timed_out("info", Server(HOST, int(listening_on[1])))
    assert failed.finding is not None
    assert (failed.finding.cause, failed.finding.text) == ("protocol", "it answers as an MQTT port does")


# -- TLS first, on one side only --------------------------------------------------------------------


@pytest.mark.usefixtures("time_to_answer_a_question")
async def test_tls_first_on_the_server_only_is_recognised(nats_server: StartServer, tmp_path: Path) -> None:
    config = Authority(tmp_path, "ca").server_config(HOST, more="handshake_first: true")
    server = nats_server(config=config, speaks_first=False)
    failed = await timed_out("info", server.url)
    assert failed.where == ("info", "timeout")
    assert failed.finding is not None
    assert failed.finding.cause == "tls_first_wanted"
    assert failed.logs("a second look", "waits for the TLS handshake", "--tlsfirst")


@pytest.mark.usefixtures("time_to_answer_a_question")
@pytest.mark.parametrize("kind", ["client", "gateway"])
async def test_tls_first_with_client_certificates_is_recognised(
    nats_server: StartServer, tmp_path: Path, kind: str
) -> None:
    """In TLS 1.3, the certificate is asked for once the handshake is complete for the client."""
    certificate = Authority(tmp_path, "ca")
    config = certificate.server_config(HOST, more=f'handshake_first: true, verify: true, ca_file: "{certificate.file}"')
    if kind == "gateway":
        gateway = f'gateway {{ name: c, listen: "{HOST}:-1", {certificate.server_config(HOST)} }}'
        config = gateway + "\naccounts { SYS { users: [{ user: s, password: s }] } }\nsystem_account: SYS"
    server = nats_server(config=config, speaks_first=kind == "gateway")
    failed = await timed_out("info", Server(HOST, port_of(server, kind) if kind == "gateway" else server.port))
    assert failed.finding is not None
    assert (failed.finding.cause, failed.finding.text[:32]) == ("tls_first_wanted", "it requires a client certificate")
    assert failed.logs("a second look", "ports for other servers", "--tlsfirst")


async def test_second_look_is_taken_once_and_ends_with_the_run() -> None:
    """Three dials, one look; a run that is closed in the middle of one leaves nothing (the fixtures watch)."""
    async with peers.silent() as peer:
        async with listening(settings(peer.url, connect_timeout=0.1)) as run:
            for _ in range(3):
                await run.events.until(ev.DialEnd)
        assert peer.connections <= 3 + 1 + 1, "three dials, one under way, one look"


# -- the table --------------------------------------------------------------------------------------


def test_table_has_every_cause_and_each_once() -> None:
    assert list(TABLE) == list(Cause), "in the order of the enum"
    assert len({each.phrase for each in TABLE.values()}) == len(Cause)
    assert len({each.meaning for each in TABLE.values()}) == len(Cause)


@pytest.mark.parametrize("diagnosis", [*TABLE.values(), *IN_STAGE.values()], ids=lambda each: each.phrase)
def test_table_texts_are_short_and_plain(diagnosis: Diagnosis) -> None:
    assert 0 < len(diagnosis.phrase) <= 46, "it stands in a headline of 80 columns"
    for text in diagnosis:
        assert text == printable(text).strip()
        assert not text.endswith(".")
        assert not EXCLUDED.search(text)
        assert not re.search(r"\b(say(s)?|know(s)?|we|our)\b", text)


def test_cause_outside_the_enum_is_unknown() -> None:
    assert Cause("something_of_a_newer_natsmon") is Cause.UNKNOWN
    assert diagnose("tcp", "something_of_a_newer_natsmon") == TABLE[Cause.UNKNOWN]


def test_valid_info_identifies_a_nats_server() -> None:
    for cause in set(Cause) - {Cause.TLS_SILENT}:
        for stage in (None, "tcp", "tls", "connect"):
            assert "is this a NATS server" not in diagnose(stage, cause).advice


@pytest.mark.parametrize("cause", [Cause.DNS, Cause.REFUSED, Cause.UNREACHABLE, Cause.TIMEOUT])
def test_discovered_address_has_its_own_explanation(cause: Cause) -> None:
    diagnosis = diagnose("dns" if cause is Cause.DNS else "tcp", cause, discovered=True)
    assert "client_advertise" in diagnosis.advice
    assert "--ignore-discovered-servers" in diagnosis.advice
    assert diagnose("connect", cause, discovered=True) == diagnose("connect", cause)


def test_no_module_emits_a_cause_outside_the_enum() -> None:
    """Literals; types are mypy's."""
    stray = []
    for file in (Path(__file__).parents[2] / "natsmon").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                literals = [word.value for word in node.keywords if word.arg == "cause"]
                if isinstance(node.func, ast.Name) and node.func.id.endswith("Error") and len(node.args) == 3:
                    literals.append(node.args[1])
                stray += [
                    f"{file}:{node.lineno}: {each.value!r}"
                    for each in literals
                    if isinstance(each, ast.Constant) and each.value and each.value not in set(Cause)
                ]
    assert not stray
