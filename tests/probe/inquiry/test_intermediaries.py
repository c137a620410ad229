"""What stands between: the PROXY protocol, an idle limit, proxies of the user's, and the machine's own limits."""

import asyncio
import errno
import re
import socket
import struct
import subprocess
import sys
from contextlib import suppress

import pytest

from natsmon.config.proxy_url import parse_proxy
from natsmon.config.secret import Secret
from natsmon.config.settings import Server
from natsmon.dial.causes import Cause
from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.connection.liveness import IdleLimit
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit, Emitter
from natsmon.wording.narration import info_note
from tests.conftest import StartServer
from tests.dial import proxy_servers
from tests.harness import peers
from tests.harness.listening import Events, listening, settings
from tests.harness.peer import HOST, Peering, Talk, playing
from tests.harness.polling import wait_until_formed
from tests.harness.time_limits import GROWING, IN_TIME
from tests.protocol.authority import Authority
from tests.protocol.dialing import failure, once
from tests.state.folding import logged

PROXY_HEADER = b"PROXY TCP4 203.0.113.9 10.1.2.4 51234 4222\r\n"


def log_of(events: Events) -> list[str]:
    return [line.text for line in logged(events.seen)]


def relayed(server: NatsServer, header: bytes) -> Peering:
    """A balancer that writes a header before the client's first byte."""

    async def script(talk: Talk) -> None:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(header)

        async def up() -> None:
            while data := await talk.line():
                writer.write(data)

        sending = asyncio.create_task(up())
        try:
            while data := await reader.read(65536):
                await talk.send(data)
        finally:
            sending.cancel()
            writer.close()

    return playing(script)


async def test_address_seen_through_the_proxy_protocol_is_shown(nats_server: StartServer) -> None:
    server = nats_server(config="proxy_protocol: true")
    async with relayed(server, PROXY_HEADER) as peer, listening(settings(peer.url)) as run:
        account = await run.events.until(ev.Account)
    assert account.client_ip == "203.0.113.9"
    assert run.events.of(ev.Connected)[0].client_ip == ""
    assert "the server sees this client at 203.0.113.9, by the PROXY protocol" in log_of(run.events)


async def test_direct_connection_has_no_line_about_the_proxy_protocol(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await run.events.until(ev.Connected)
        await run.events.until(ev.Echoed)
    assert not [line for line in log_of(run.events) if "PROXY" in line]


# -- an idle limit ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "learned"),
    [
        ([("eof", 60.0), ("reset", 60.2), ("eof", 59.9)], True),
        ([("ws_closed", 100.0), ("ws_closed", 101.0), ("ws_closed", 100.5)], True),
        ([("eof", 60.0), ("eof", 60.0)], False),
        ([("eof", 60.0), ("eof", 90.0), ("eof", 60.0)], False),
        ([("eof", 60.0), ("stale", 60.0), ("eof", 60.0), ("eof", 60.0)], False),
        ([("eof", 0.1), ("eof", 0.1), ("eof", 0.1)], False),
        ([("eof", 5.0), ("eof", 60.0), ("eof", 60.0), ("eof", 60.0)], True),
    ],
)
def test_idle_limit_of_these_losses(losses: list[tuple[str, float]], learned: bool) -> None:
    events = Events()
    limit = IdleLimit(Emit(Emitter([events]), 0))
    for number, (cause, idle) in enumerate(losses, 1):
        limit.lost(ev.Disconnected(outage=number, cause=cause), idle)
    assert bool(events.of(ev.CloseReason)) is learned


def cutting(server: NatsServer, idle: float) -> Peering:
    """A balancer that closes a connection after so many seconds without data in either direction."""

    async def script(talk: Talk) -> None:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        now = asyncio.get_running_loop().time
        with suppress(TimeoutError):
            async with asyncio.timeout(idle) as limit, asyncio.TaskGroup() as tasks:

                async def copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
                    while data := await source.read(65536):
                        if not limit.expired():
                            limit.reschedule(now() + idle)
                        to.write(data)
                    if not limit.expired():
                        limit.reschedule(0)

                tasks.create_task(copy(talk.reader, writer))
                tasks.create_task(copy(reader, talk.writer))
        writer.close()

    return playing(script)


async def test_idle_limit_of_a_balancer_is_learned(server: NatsServer) -> None:
    quiet: dict[str, float] = {"interval": 60.0, "ping_interval": 60.0, "rtt_interval": 0.0}
    async with cutting(server, idle=1.2) as balancer, listening(settings(balancer.url, **quiet)) as run:
        learned = await run.events.until(ev.CloseReason, lambda reason: reason.cause == "idle_limit")
    assert learned.outage >= 3
    seconds = re.fullmatch(
        r"closed after ([0-9.]+) s without data each time: an idle limit of a load balancer", learned.reason
    )
    assert seconds is not None, learned.reason
    assert 1.0 <= float(seconds[1]) < 1.2 + IN_TIME


# -- handshake_first: auto --------------------------------------------------------------------------


@pytest.mark.parametrize(("more", "noted"), [("handshake_first: auto", True), ("", False)])
async def test_delay_of_handshake_first_auto_is_explained(
    nats_server: StartServer, tmp_path: object, more: str, noted: bool
) -> None:
    ca = Authority(tmp_path, "ca")  # type: ignore[arg-type]
    server = nats_server(config=ca.server_config(HOST, more=more))
    async with listening(settings(Server(HOST, server.port, "tls"), tlsca=ca.file)) as run:
        await run.events.until(ev.Connected)
        await run.events.until(ev.Echoed)
    (dial,) = run.events.state.dials
    elapsed = dial.stages["info"].elapsed
    if (noted and 0.05 <= elapsed < 0.08) or (not noted and elapsed < 0.05):  # a busy machine may add to it
        assert bool(info_note(dial)) is noted
        assert any("--tlsfirst saves them" in line for line in log_of(run.events)) is noted


# -- another server on the address ------------------------------------------------------------------


def connected(t: float, **server: str) -> ev.Connected:
    return ev.Connected(t=t, server="nats://a:4222", **server)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"server_name": "n1", "cluster": "east"}, {"server_name": "n1", "cluster": "west"}, "n1 of cluster east"),
        ({"server_name": "n1", "cluster": "east"}, {"server_name": "n2", "cluster": "east"}, ""),
        ({"server_name": "n1"}, {"server_name": "n9"}, "n1"),
        ({"server_name": "n1"}, {"server_name": "n1"}, ""),
        ({"server_name": "NA", "server_id": "NA"}, {"server_name": "NB", "server_id": "NB"}, ""),
        ({"server_name": "n1", "cluster": "east"}, {"server_name": "x"}, "n1 of cluster east"),
    ],
)
def test_different_server_on_the_old_address_is_named(
    before: dict[str, str], after: dict[str, str], words: str
) -> None:
    lost = ev.Disconnected(t=2.0, outage=1, cause="eof")
    *_, line = logged([connected(1.0, **before), lost, connected(3.0, **after)])
    assert (line.kind == "warn") is bool(words)
    assert line.text.endswith(f"another server than before on that address: {words}") or not words


# -- a proxy of the user's --------------------------------------------------------------------------


async def test_proxy_that_is_not_there_is_not_the_servers_failure(server: NatsServer, refused_port: int) -> None:
    proxy = parse_proxy(f"socks5://{HOST}:{refused_port}")
    failed = await failure(settings(server.url, retry_on_failed_connect=False, proxy=proxy))
    assert failed.where == ("tcp", "proxy")
    assert failed.text == f"proxy {HOST}:{refused_port}: Connection refused"
    assert not failed.logs("is the server running")
    assert failed.logs(f"through the proxy {proxy}")


@pytest.mark.parametrize(
    ("reply", "where", "text"),
    [
        (5, ("tcp", "refused"), "the proxy answered: connection refused, about the server, through the proxy {}"),
        (2, ("tcp", "proxy"), "proxy {}: the proxy answered: connection not allowed by ruleset"),
    ],
)
async def test_failure_behind_a_proxy_names_which_of_the_two_refused(
    reply: int, where: tuple[str, str], text: str
) -> None:
    async with proxy_servers.socks(reply=reply) as peer:
        failed = await failure(once("nats://nats.example:4222", proxy=parse_proxy(f"socks5://{peer.authority}")))
        assert failed.where == where
        assert failed.text == text.format(peer.authority)


@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_proxy_that_does_not_answer_is_not_the_servers_silence(scheme: str) -> None:
    async with peers.silent() as peer:
        proxy = parse_proxy(f"{scheme}://{peer.authority}")
        for timeout in GROWING:
            failed = await failure(once("nats://nats.example:4222", proxy=proxy, connect_timeout=timeout))
            if "accepted" in failed.text:
                break
    assert failed.where == ("tcp", "proxy")
    assert failed.text == f"proxy {peer.authority}: accepted and does not answer"


# -- the system account -----------------------------------------------------------------------------


async def test_reason_of_a_refusal_is_read_by_the_system_account(nats_server: StartServer) -> None:
    def config(extra: str) -> str:
        return f"accounts {{ SYS {{ users: [{{ user: sys, password: pw{extra} }}] }} }}\nsystem_account: SYS"

    refusing = nats_server(config=config(", proxy_required: true"), cluster="c")
    accepting = nats_server(config=config(""), cluster="c", routes=(refusing,))
    await asyncio.to_thread(wait_until_formed, (refusing, accepting))
    wanted = settings(refusing.url, accepting.url, user=Secret("sys"), password=Secret("pw"))
    async with listening(wanted) as run:
        found = await run.events.until(ev.DialFinding)
    assert (found.dial, found.cause) == (1, "auth_proxy_required")
    assert 'from the system account: "Proxy Required"' in found.text


# -- limits of this machine -------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="IP_LOCAL_PORT_RANGE is Linux's")
async def test_local_ports_that_are_used_up_are_a_cause_of_their_own() -> None:
    with socket.create_server((HOST, 0)) as listening_socket:
        port = listening_socket.getsockname()[1]
        with socket.socket() as free:
            free.bind((HOST, 0))
            only = free.getsockname()[1]
        one_port = (socket.IPPROTO_IP, 51, struct.pack("I", (only << 16) | only))  # IP_LOCAL_PORT_RANGE
        dialer = Dialer(socket_options=[one_port])
        try:
            first = await dialer.dial((HOST, port))
        except DialError as error:
            if error.errno == errno.ENOPROTOOPT:
                pytest.skip("this kernel has no IP_LOCAL_PORT_RANGE")
            raise
        with pytest.raises(DialError) as failed:
            await dialer.dial((HOST, port))
        first.writer.transport.abort()
    assert failed.value.cause is Cause.LOCAL_PORTS


async def test_address_without_a_route_does_not_use_up_ports() -> None:
    """The same error of TCP's, on a machine without IPv6."""
    with pytest.raises(DialError) as failed:
        await Dialer().dial(("2001:db8::1", 4222), deadline=asyncio.get_running_loop().time() + 0.3)
    assert failed.value.cause in (Cause.UNREACHABLE, Cause.TIMEOUT)


def test_file_descriptors_that_are_used_up_are_a_cause_of_their_own() -> None:
    program = """
import asyncio, resource, socket
from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError

async def main():
    server = socket.create_server(("127.0.0.1", 0))
    held = []
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
    try:
        while True:
            held.append(socket.socket())
    except OSError:
        pass
    try:
        await Dialer().dial(server.getsockname())
    except DialError as error:
        print(error.cause, error.text)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "file_descriptors Too many open files\n", done.stderr
