"""The way to a server and its greeting: each thing that can be wrong has its own cause, words and advice."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from natsmon.config.settings import Server, Settings
from natsmon.dial import causes
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import events as ev
from natsmon.wording.cause_table import diagnose
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.listening import listening, settings
from tests.harness.peer import HOST, Talk, playing
from tests.protocol.authority import Authority
from tests.protocol.dialing import Failure, failure

ONCE: dict[str, Any] = {"retry_on_failed_connect": False, "connect_timeout": 0.4}


def once(server: str | Server, **changes: Any) -> Settings:
    return settings(server, **ONCE | changes)


async def said_by(greeting: bytes) -> Failure:
    async def script(talk: Talk) -> None:
        await talk.send(greeting)
        await talk.until_closed()

    async with playing(script) as peer:
        return await failure(once(peer.url))


# -- no way there -----------------------------------------------------------------------------------


async def test_a_name_that_does_not_resolve() -> None:
    failed = await failure(once(Server("nats.invalid"), connect_timeout=3.0))
    assert failed.where == ("dns", "dns")
    assert failed.text.startswith("nats.invalid: ")


async def test_refused(refused_port: int) -> None:
    failed = await failure(once(Server(HOST, refused_port)))
    assert failed.where == ("tcp", "refused")
    assert failed.told("Connection refused", "is the server running")


async def test_unreachable() -> None:
    """TCP has no route to a multicast address, wherever it is run."""
    failed = await failure(once(Server("224.0.0.1")))
    assert failed.where == ("tcp", "unreachable")
    assert failed.told("Network is unreachable", "check the network")


async def test_dropped_syn(blackhole: int) -> None:
    failed = await failure(once(Server(HOST, blackhole)))
    assert failed.where == ("tcp", "timeout")
    assert failed.told("no answer to the TCP connect", "a firewall may drop it")


# -- not what it should be --------------------------------------------------------------------------


async def test_accepts_and_never_speaks() -> None:
    async with peers.silent() as peer:
        failed = await failure(once(peer.url))
        assert failed.where == ("info", "timeout")
        assert failed.finding is None
        assert failed.told("the peer accepted and sent no INFO", "frozen", "TLS first", "monitoring port")
        assert b"CONNECT {" not in peer.received


@pytest.mark.parametrize(
    ("greeting", "cause", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "http", "HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x50", "tls_mismatch", "speaks TLS"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "protocol", "SSH-2.0-OpenSSH_9.9"),
        (b"-ERR unknown command\r\n", "protocol", "unknown command"),
        (b'INFO {"a":"' + b"A" * 70_000 + b'"}\r\n', "info_bad", "longer than"),
        (b"INFO {nope\r\n", "info_bad", "not JSON"),
        (b"INFO [1, 2]\r\n", "info_bad", "not a JSON object"),
    ],
    ids=["http", "tls", "ssh", "redis", "long", "no-json", "no-object"],
)
async def test_greeting(greeting: bytes, cause: str, words: str) -> None:
    failed = await said_by(greeting)
    assert failed.where == ("info", cause)
    assert words in failed.text


async def test_closes_before_info() -> None:
    async with peers.close_at_once() as peer:
        failed = await failure(once(peer.url))
    assert failed.where == ("info", "eof")
    assert failed.text == "closed before INFO"


async def test_a_silent_server_of_another_kind_is_recognized() -> None:
    """Redis is silent until spoken to."""

    async def script(talk: Talk) -> None:
        await talk.line()
        await talk.send(b"-ERR wrong number of arguments for 'get' command\r\n")
        await talk.until_closed()

    async with playing(script) as peer:
        failed = await failure(once(peer.url))
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
async def test_a_port_for_other_servers(nats_server: StartServer, kind: str, words: str) -> None:
    server = nats_server(cluster="c", config=PORTS)
    wanted = once(Server(HOST, port_of(server, kind)))
    failed = await failure(wanted)
    assert failed.where == ("info", "wrong_port")
    assert words in failed.text
    assert failed.told("4222 is the usual port")
    assert failed.state.dials[-1].info is not None
    assert failed.state.dials[-1].connect is None, "no credentials go to a wrong port"


async def test_a_port_for_other_servers_that_only_says_so() -> None:
    async with peers.err_after_connect("attempted to connect to route port") as peer:
        assert (await failure(once(peer.url))).where == ("connect", "wrong_port")


@pytest.mark.parametrize(("kind", "cause"), [("websocket", "websocket_port"), ("monitoring", "monitoring_port")])
async def test_a_port_that_waits_to_be_spoken_to(nats_server: StartServer, kind: str, cause: str) -> None:
    server = nats_server(cluster="c", config=PORTS)
    failed = await failure(once(Server(HOST, port_of(server, kind))))
    assert failed.where == ("info", "timeout")
    assert failed.finding is not None
    assert failed.finding.cause == cause
    assert failed.told("a second look", diagnose("info", cause).happened)


# -- TLS first, on one side only --------------------------------------------------------------------


async def test_tls_first_on_the_server_only(nats_server: StartServer, tmp_path: Path) -> None:
    config = Authority(tmp_path, "ca").server_config(HOST, more="handshake_first: true")
    server = nats_server(config=config, speaks_first=False)
    failed = await failure(once(server.url))
    assert failed.where == ("info", "timeout")
    assert failed.finding is not None
    assert failed.finding.cause == "tls_first_wanted"
    assert failed.told("a second look", "waits for the TLS handshake", "--tlsfirst")


async def test_a_look_is_taken_once_and_ends_with_the_run() -> None:
    """Three dials, one look; a run that is closed in the middle of one leaves nothing (the fixtures watch)."""
    async with peers.silent() as peer:
        async with listening(settings(peer.url, connect_timeout=0.1)) as run:
            for _ in range(3):
                await run.events.until(ev.DialEnd)
        assert peer.connections <= 3 + 1 + 1, "three dials, one under way, one look"


# -- the table --------------------------------------------------------------------------------------


def test_every_cause_there_is_has_words_of_its_own() -> None:
    tables: list[dict[Any, str]] = [causes._BY_ERRNO, causes._BY_VERIFY_CODE, causes._ALERTS]
    known = {cause for table in tables for cause in table.values()}
    known |= {cause for table in (causes._BY_SERVER_ERROR, causes._BY_CLOSE_REASON) for _, cause in table}
    told = {cause: diagnose(None, cause).happened for cause in known}
    assert diagnose(None, "unknown").happened not in told.values()
    assert len(set(told.values())) == len(known)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Kicked", "kicked"),
        ("Slow Consumer (Pending Bytes)", "slow_consumer"),
        ("Slow Consumer (Write Deadline)", "slow_consumer"),
        ("Stale Connection", "stale"),
        ("Server Shutdown", "shutdown"),
        ("Authentication Expired", "auth_expired"),
        ("Maximum Connections Exceeded", "limit"),
        ("Maximum Account Connections Exceeded", "account_limit"),
        ("Maximum Message Payload Exceeded", "max_payload"),
        ("Incorrect Port", "wrong_port"),
        ("Something New", "unknown"),
    ],
)
def test_a_servers_close_reason(reason: str, cause: str) -> None:
    assert causes.classify_close_reason(reason) == cause
