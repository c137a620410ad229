"""The dialers for a UNIX socket, a command, the PROXY protocol, and the proxy of the environment."""

import asyncio
import errno
import gc
import ipaddress
import os
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from natsmon import (
    CommandDialer,
    CustomDialer,
    Dialer,
    DialError,
    HttpConnectDialer,
    ProxyProtocolDialer,
    SocksDialer,
    UnixDialer,
    WebSocketDialer,
    connect,
    proxy_from_environment,
)
from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.testing import ScriptedServer
from tests.certificates import Certificates
from tests.conftest import StartServer
from tests.dial import proxy_servers
from tests.harness.leaks import our_children, sockets
from tests.harness.peer import Peer, Talk, playing
from tests.harness.time_limits import IN_TIME
from tests.library.clients import Callbacks, Notes, echo, reconnect, until
from tests.protocol import websockets

RELAY = """
import os, socket, sys, threading
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def forward():
    while data := os.read(0, 65536):
        there.sendall(data)
    os._exit(0)
threading.Thread(target=forward, daemon=True).start()
while data := there.recv(65536):
    os.write(1, data)
"""


def relay_command() -> list[str]:
    return [sys.executable, "-c", RELAY, "{host}", "{port}"]


async def failure(dialer: CustomDialer, host: str = "nats.example", port: int = 4222) -> DialError:
    with pytest.raises(DialError) as caught:
        await dialer.dial((host, port), deadline=asyncio.get_running_loop().time() + IN_TIME, trace=None)
    return caught.value


# -- UNIX sockets --------------------------------------------------------------------------------------


@asynccontextmanager
async def forwarding(path: Path, server: NatsServer) -> AsyncIterator[None]:
    """A UNIX socket before a server."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection(HOST, server.port)
        await asyncio.gather(proxy_servers.pump(reader, to), proxy_servers.pump(there, writer))

    listener = await asyncio.start_unix_server(forward, path)
    async with listener:
        yield


async def test_unix_socket_carries_nats_and_reconnects(server: NatsServer, tmp_path: Path) -> None:
    notes, callbacks = Notes(), Callbacks()
    async with forwarding(tmp_path / "nats.sock", server):
        dialer = UnixDialer(tmp_path / "nats.sock")
        client = await connect("nats://any", dialer=dialer, trace=notes, reconnect_time_wait=0, **callbacks.options)
        await echo(client)
        await reconnect(client)
        await callbacks.until_called("reconnected")
        await client.close()
    assert notes.calls[:4] == ["get_conn", "connect_start", "connect_done", "got_conn"]


async def test_unix_socket_carries_tls(nats_server: StartServer, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    server = await asyncio.to_thread(nats_server, config=certificates.config())
    async with forwarding(tmp_path / "nats.sock", server):
        client = await connect(
            "tls://localhost", dialer=UnixDialer(tmp_path / "nats.sock"), tls=certificates.trusting()
        )
        await echo(client)
        await client.close()


async def test_missing_unix_socket_is_named(tmp_path: Path) -> None:
    error = await failure(UnixDialer(tmp_path / "none.sock"))
    assert (error.stage, error.cause, error.address) == ("tcp", "refused", str(tmp_path / "none.sock"))
    assert error.text == f"there is no {tmp_path / 'none.sock'}"
    error = await failure(UnixDialer("\0natsmon-none"))
    assert (error.cause, error.address) == ("refused", "@natsmon-none")


@pytest.mark.parametrize("make", [UnixDialer, lambda path: CommandDialer("cat {host}")], ids=["unix", "command"])
async def test_deadline_that_has_passed_is_a_timeout(make: Callable[[Path], CustomDialer], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "nats.sock"))
        listener.listen()
        before = sockets()
        with pytest.raises(DialError) as caught:
            await make(tmp_path / "nats.sock").dial(("nats.example", 4222), deadline=0.0, trace=None)
        assert (caught.value.stage, caught.value.cause) == ("tcp", "timeout")
        await until(lambda: sockets() == before)


# -- commands ------------------------------------------------------------------------------------------


async def test_command_carries_nats_and_ends_with_its_connection(server: NatsServer) -> None:
    before, callbacks = our_children(), Callbacks()
    client = await connect(
        server.url,
        dialer=CommandDialer(relay_command()),
        connect_timeout=IN_TIME,
        reconnect_time_wait=0,
        **callbacks.options,
    )
    await echo(client)
    assert len(our_children().keys() - before.keys()) == 1
    await reconnect(client)
    await callbacks.until_called("reconnected")
    await echo(client)
    await client.close()
    await until(lambda: not our_children().keys() - before.keys())


async def test_command_carries_tls(nats_server: StartServer, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    server = await asyncio.to_thread(nats_server, config=certificates.config())
    dialer = CommandDialer(relay_command())
    client = await connect(server.url, dialer=dialer, tls=certificates.trusting(), connect_timeout=IN_TIME)
    await echo(client)
    await client.close()


async def test_command_that_fails_is_quoted() -> None:
    command = CommandDialer("sh -c 'echo first >&2; printf \"Permission denied\\033[31m\" >&2; exit 7'")
    with pytest.raises(DialError) as caught:
        await connect("nats://x", dialer=command, allow_reconnect=False, connect_timeout=IN_TIME, **Callbacks().options)
    assert (caught.value.stage, caught.value.cause) == ("tcp", "command")
    assert caught.value.text == r"the command ended with exit status 7: Permission denied\x1b[31m"


async def test_command_that_does_not_exist_is_named() -> None:
    error = await failure(CommandDialer("no-such-program {host}"))
    assert (error.cause, error.text) == ("command", "no-such-program: No such file or directory")


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a;b", "$(x)", "a b", "", "a\nb", "ä"])
async def test_host_that_is_an_option_or_a_shell_s_is_refused(host: str) -> None:
    error = await failure(CommandDialer("sh -c 'touch /nowhere' {host}"), host)
    assert (error.stage, error.cause) == ("dns", "dns")


@pytest.mark.parametrize("command", ["", "ssh {user}", "ssh {0}", "ssh {host", "'"])
def test_command_that_cannot_be_used_raises_value_error(command: str) -> None:
    with pytest.raises(ValueError, match=r"is empty|fields|quotation"):
        CommandDialer(command)


async def test_command_that_ignores_sigterm_is_killed() -> None:
    before = our_children()
    dialer = CommandDialer("sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1; done'")
    stream = await dialer.dial(("x", 1))
    assert await stream.reader.readuntil() == b"ready\n"
    stream.writer.transport.abort()
    await until(lambda: not our_children().keys() - before.keys())


def test_loop_that_ends_leaves_no_command() -> None:
    before = our_children()

    async def main() -> None:
        stream = await CommandDialer("sleep 60").dial(("x", 1))
        stream.writer.transport.abort()

    asyncio.run(main())
    assert not our_children().keys() - before.keys()


# -- the PROXY protocol --------------------------------------------------------------------------------


@asynccontextmanager
async def header_of(dialer: ProxyProtocolDialer, size: int) -> AsyncIterator[tuple[bytes, Peer]]:
    async def script(talk: Talk) -> None:
        await talk.exactly(size)
        await talk.until_closed()

    async with playing(script) as peer:
        stream = await dialer.dial((HOST, peer.port))
        await peer.until(lambda peer: len(peer.received) == size)
        stream.writer.transport.abort()
        await peer.until_left()
        yield peer.received, peer


async def test_proxy_protocol_1_is_a_line() -> None:
    line = b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 "
    async with header_of(ProxyProtocolDialer(version=1, source=("203.0.113.9", 4711)), len(line) + 7) as (sent, peer):
        assert sent == line + f"{peer.port}\r\n".encode()


async def test_proxy_protocol_2_is_binary() -> None:
    async with header_of(ProxyProtocolDialer(source=("203.0.113.9", 4711)), 28) as (sent, peer):
        assert sent[:16] == b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
        assert sent[16:24] == ipaddress.ip_address("203.0.113.9").packed + ipaddress.ip_address(HOST).packed
        assert sent[24:] == (4711).to_bytes(2, "big") + peer.port.to_bytes(2, "big")


@pytest.mark.parametrize("version", [1, 2])
async def test_server_accepts_the_proxy_protocol(version: Literal[1, 2], nats_server: StartServer) -> None:
    server = await asyncio.to_thread(nats_server, config="proxy_protocol: true", speaks_first=False)
    client = await connect(server.url, dialer=ProxyProtocolDialer(version=version, source=("203.0.113.9", 4711)))
    await echo(client)
    await client.close()


async def test_source_of_another_family_fails_the_dial(server: NatsServer) -> None:
    before = set(sockets())
    error_of = ProxyProtocolDialer(source=("2001:db8::1", 1))
    with pytest.raises(DialError, match="different address families"):
        await error_of.dial((HOST, server.port))
    await asyncio.sleep(0)
    assert set(sockets()) <= before


@pytest.mark.parametrize("source", [None, ("203.0.113.9", 4711)])
async def test_header_between_other_addresses_is_refused_in_words(
    source: tuple[str, int] | None, server: NatsServer, tmp_path: Path
) -> None:
    path = tmp_path / "nats.sock"
    async with forwarding(path, server):
        for dialer in (UnixDialer(path), CommandDialer("cat"), ScriptedServer()):
            error = await failure(ProxyProtocolDialer(source=source, dialer=dialer))
            assert error.text == "no header of the PROXY protocol: the connection is not between two IP addresses"
            if isinstance(dialer, ScriptedServer):
                await dialer.close()


# -- options of the socket -----------------------------------------------------------------------------


async def test_option_that_the_system_refuses_is_named(server: NatsServer) -> None:
    before = set(sockets())
    error = await failure(Dialer(socket_options=[(socket.SOL_SOCKET, 9999, 1)]), HOST, server.port)
    assert (error.stage, error.errno) == ("tcp", errno.ENOPROTOOPT)
    assert error.text == f"the socket option ({int(socket.SOL_SOCKET)}, 9999, 1): {os.strerror(errno.ENOPROTOOPT)}"
    assert set(sockets()) <= before


async def test_options_and_local_address_are_those_of_the_socket(server: NatsServer) -> None:
    keep_alive = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    dialer = Dialer(socket_options=[keep_alive], local_address=("127.0.0.9", 0), family=socket.AF_INET)
    stream = await dialer.dial(("localhost", server.port))
    opened = stream.writer.get_extra_info("socket")
    assert opened.getsockopt(*keep_alive[:2]) == 1
    assert opened.getsockname()[0] == "127.0.0.9"
    stream.writer.transport.abort()


@pytest.mark.parametrize("local", [("name", 0), ("127.0.0.9", 65_536), ("127.0.0.9", -1), ("127.0.0.9:1", 0), ("", 0)])
def test_local_address_that_is_none_raises_value_error(local: Any) -> None:
    with pytest.raises(ValueError, match="local_address"):
        Dialer(local_address=local)


async def test_local_address_of_another_machine_is_named(server: NatsServer) -> None:
    error = await failure(Dialer(local_address=("203.0.113.7", 0)), HOST, server.port)
    assert (error.stage, error.cause) == ("tcp", "unreachable")
    assert error.text == "203.0.113.7 is not an address of this machine"


async def test_local_port_in_use_is_named(server: NatsServer) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        error = await failure(Dialer(local_address=(HOST, port)), HOST, server.port)
    assert (error.cause, error.text) == ("local_ports", f"the local port {port} is in use")


# -- the environment -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "http"])
@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
async def test_proxy_of_the_environment_is_used(scheme: str, variable: str, server: NatsServer) -> None:
    serve = proxy_servers.http if scheme == "http" else proxy_servers.socks
    async with serve(("me", "p w")) as proxy:
        dialer = proxy_from_environment({variable: f"{scheme}://me:p%20w@{proxy.authority} "})
        client = await connect(f"nats://nats.example:{server.port}", dialer=dialer, allow_reconnect=False)
        await echo(client)
        await client.close()
        assert proxy.targets == [f"nats.example:{server.port}"]
        await proxy.until_left()


@pytest.mark.parametrize(
    ("no_proxy", "host", "direct"),
    [
        ("*", "anything", True),
        ("example.com", "example.com", True),
        ("example.com", "EU.example.com.", True),
        ("example.com", "notexample.com", False),
        (".example.com", "eu.example.com", True),
        (".example.com", "example.com", False),
        ("*.example.com", "eu.example.com", True),
        ("a, b ,example.com:4222", "example.com", True),
        ("example.com:80", "example.com", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("[::1]:4222", "::1", True),
        ("::1", "::1", True),
        ("fe80::/10", "fe80::1", True),
        ("", "example.com", False),
    ],
)
async def test_no_proxy_lists_servers_dialed_directly(no_proxy: str, host: str, direct: bool) -> None:
    class Direct:
        def __init__(self) -> None:
            self.dialed: list[str] = []

        async def dial(self, address: tuple[str, int], **_: object) -> Any:
            self.dialed.append(address[0])
            raise DialError("tcp", "unreachable", "not here")

    dialer = Direct()
    chosen = proxy_from_environment({"ALL_PROXY": "socks5://proxy:1080", "NO_PROXY": no_proxy}, dialer=dialer)
    await failure(chosen, host)
    assert dialer.dialed == ([host] if direct else ["proxy"])


def test_without_a_proxy_the_environment_gives_the_plain_dialer() -> None:
    assert type(proxy_from_environment({})) is Dialer


@pytest.mark.parametrize("url", ["ftp://me:secret@host", "socks5://me:secret@", "socks5://me:secret@host:port", "//"])
def test_unusable_proxy_of_the_environment_raises_value_error_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="no usable URL") as caught:
        proxy_from_environment({"ALL_PROXY": url})
    assert "secret" not in str(caught.value)


# -- proxies over TLS ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SocksDialer, HttpConnectDialer])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS in TLS"])
async def test_proxy_over_tls(
    kind: type[SocksDialer] | type[HttpConnectDialer], secure: bool, nats_server: StartServer, tmp_path: Path
) -> None:
    certificates = Certificates(tmp_path)
    server = await asyncio.to_thread(nats_server, config=certificates.config() if secure else "")
    context = certificates.trusting()
    serve = proxy_servers.http if kind is HttpConnectDialer else proxy_servers.socks
    async with serve() as proxy, under_tls(proxy, certificates) as port:
        dialer = kind((HOST, port), tls=context)
        client = await connect(server.url, dialer=dialer, tls=context if secure else None)
        await echo(client)
        await client.close()
        await proxy.until_left()
        wrong = await failure(kind(("localhost", port), tls=Certificates(tmp_path, "other.example").trusting()))
        assert (wrong.stage, wrong.hop, wrong.proxy) == ("tls", "proxy", f"localhost:{port}")
        assert isinstance(wrong, OSError)


@asynccontextmanager
async def under_tls(peer: Peer, certificates: Certificates) -> AsyncIterator[int]:
    """A port that takes TLS off, before a peer."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection(HOST, peer.port)
        await asyncio.gather(proxy_servers.pump(reader, to), proxy_servers.pump(there, writer))

    listener = await asyncio.start_server(forward, HOST, 0, ssl=certificates.presenting())
    async with listener:
        yield listener.sockets[0].getsockname()[1]


# -- cancels -------------------------------------------------------------------------------------------


CANCELS = 1_000
"""Of all dialers together; ``make bench`` does as many with each, and measures how long a cancel takes."""


@pytest.mark.timeout(600)
async def test_cancel_at_any_moment_leaves_nothing_of_any_dialer(server: NatsServer, tmp_path: Path) -> None:
    loop, rng = asyncio.get_running_loop(), random.Random(1)
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
    async with AsyncExitStack() as held:
        await held.enter_async_context(forwarding(tmp_path / "s", server))
        socks = await held.enter_async_context(proxy_servers.socks())
        http = await held.enter_async_context(proxy_servers.http())
        gateway = await held.enter_async_context(websockets.speaking(websockets.handshake))
        processes, files = our_children(), len(os.listdir("/proc/self/fd"))
        dialers: list[CustomDialer] = [
            UnixDialer(tmp_path / "s"),
            CommandDialer("cat"),
            CommandDialer(["sleep", "60"]),
            ProxyProtocolDialer(),
            SocksDialer((HOST, socks.port)),
            HttpConnectDialer((HOST, http.port)),
            WebSocketDialer(f"ws://{HOST}:{gateway.port}/"),
            Dialer(socket_options=[], local_address=(HOST, 0)),
        ]
        for number in range(CANCELS):
            dialer = dialers[number % len(dialers)]
            connecting = asyncio.ensure_future(connect(server.url, dialer=dialer, connect_timeout=60))
            await asyncio.sleep(rng.uniform(0, 0.006))
            connecting.cancel()
            await asyncio.wait([connecting])
            if not connecting.cancelled():
                await connecting.result().close()
        await until(lambda: not our_children().keys() - processes.keys() and len(os.listdir("/proc/self/fd")) <= files)
    gc.collect()
    assert not complaints
