"""Dialing through a proxy."""

import asyncio
import errno
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from natsmon import DialError, HttpConnectDialer, SocksDialer, Stream, connect
from natsmon.lab.nats_server import HOST, NatsServer
from tests.dial import proxy_servers
from tests.harness import peers
from tests.harness.peer import Peering, Talk, playing
from tests.harness.time_limits import GROWING, IN_TIME, WAIT

SECRET = "pa:ss wörd"
KINDS: dict[str, tuple[Any, Callable[..., Peering]]] = {
    "socks": (SocksDialer, proxy_servers.socks),
    "http": (HttpConnectDialer, proxy_servers.http),
}


async def refused(
    dialer: SocksDialer | HttpConnectDialer, host: str = "nats.example", within: float = IN_TIME
) -> DialError:
    with pytest.raises(DialError) as caught:
        await dialer.dial((host, 4222), deadline=asyncio.get_running_loop().time() + within)
    assert SECRET not in str(caught.value) + repr(caught.value.__cause__)
    return caught.value


@pytest.mark.parametrize("login", [None, ("me", SECRET)], ids=["open", "password"])
@pytest.mark.parametrize("kind", KINDS)
async def test_proxy_resolves_the_name(kind: str, login: tuple[str, str] | None, server: NatsServer) -> None:
    make, serve = KINDS[kind]
    async with serve(login) as proxy:
        user, password = login or (None, None)
        dialer = make((HOST, proxy.port), user=user, password=password)
        client = await connect(f"nats://nats.example:{server.port}", dialer=dialer, allow_reconnect=False)
        subscription = await client.subscribe("hello")
        await client.publish("hello", b"world")
        assert (await subscription.next_msg(WAIT)).data == b"world"
        await client.close()
        assert proxy.targets == [f"nats.example:{server.port}"]
        await proxy.until_left()


@pytest.mark.parametrize("kind", KINDS)
async def test_address_is_given_as_an_address(kind: str, server: NatsServer) -> None:
    make, serve = KINDS[kind]
    async with serve() as proxy:
        stream = await make((HOST, proxy.port)).dial((HOST, server.port))
        assert stream.address == server.authority
        assert (await stream.reader.readuntil()).startswith(b"INFO ")
        stream.writer.close()
        await proxy.until_left()
        assert proxy.targets == [server.authority]


@pytest.mark.parametrize("kind", KINDS)
async def test_tls_with_the_proxy_is_not_tls_with_the_server(kind: str, server: NatsServer) -> None:
    class TlsToProxy:
        async def dial(self, address: tuple[str, int], **_: Any) -> Stream:
            return Stream(*await asyncio.open_connection(*address), tls_done=True)

    make, serve = KINDS[kind]
    async with serve() as proxy:
        stream = await make((HOST, proxy.port), dialer=TlsToProxy()).dial((HOST, server.port))
        assert not stream.tls_done
        stream.writer.close()
        await proxy.until_left()


async def test_ipv6_addresses() -> None:
    async with proxy_servers.socks(reply=4) as proxy:
        await refused(SocksDialer((HOST, proxy.port)), "2001:db8::1")
        assert proxy.targets == ["20010db8000000000000000000000001:4222"]
    async with proxy_servers.http(status="502 Bad Gateway") as proxy:
        await refused(HttpConnectDialer((HOST, proxy.port)), "2001:db8::1")
        assert proxy.targets == ["[2001:db8::1]:4222"]


@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_password(kind: str) -> None:
    make, serve = KINDS[kind]
    async with serve(("me", "right")) as proxy:
        error = await refused(make((HOST, proxy.port), user="me", password=SECRET))
        assert (error.stage, error.cause) == ("tcp", "proxy")
        assert error.text in (
            "the proxy refused the user or the password",
            "the proxy answered: 407 Proxy Authentication Required",
        )
        await proxy.until_left()


async def test_password_is_wanted() -> None:
    async with proxy_servers.socks(("me", "right")) as proxy:
        error = await refused(SocksDialer((HOST, proxy.port)))
        assert error.text == "the proxy requires a user and a password, or another authentication"


@pytest.mark.parametrize(
    ("reply", "hop", "cause", "text"),
    [
        (1, "proxy", "proxy", "general SOCKS server failure"),
        (4, "server", "unreachable", "host unreachable"),
        (5, "server", "refused", "connection refused"),
        (77, "proxy", "proxy", "error 77"),
    ],
)
async def test_socks_refusal_names_the_end_that_failed(reply: int, hop: str, cause: str, text: str) -> None:
    async with proxy_servers.socks(reply=reply) as proxy:
        error = await refused(SocksDialer((HOST, proxy.port)))
        assert (error.stage, error.cause, error.text) == ("tcp", cause, f"the proxy answered: {text}")
        assert (error.address, error.proxy, error.hop) == ("nats.example:4222", proxy.authority, hop)
        assert isinstance(error, ConnectionRefusedError if cause == "refused" else OSError)
        assert str(error) == (
            f"nats.example:4222 through the proxy {proxy.authority}: the proxy answered: {text}"
            f" (stage tcp, cause {cause}, at the {hop})"
        )


async def test_http_refusal_is_in_the_error() -> None:
    async with proxy_servers.http(status="503 no way \x1b[31m") as proxy:
        error = await refused(HttpConnectDialer((HOST, proxy.port)))
        assert error.text == r"the proxy answered: 503 no way \x1b[31m"


async def test_refusal_with_the_password_in_it_is_redacted() -> None:
    async with proxy_servers.http(("me", SECRET), status=f"503 {SECRET}") as proxy:
        error = await refused(HttpConnectDialer((HOST, proxy.port), user="me", password=SECRET))
        assert error.text == "the proxy answered: 503 Service Unavailable"
    async with proxy_servers.http(("me", SECRET), status=f"599 {SECRET}") as proxy:
        error = await refused(HttpConnectDialer((HOST, proxy.port), user="me", password=SECRET))
        assert error.text == "the proxy answered: 599"


async def test_other_successes_and_interim_answers(server: NatsServer) -> None:
    async with proxy_servers.http(status="204 No Content", interim=b"HTTP/1.1 102 Wait\r\n\r\n") as proxy:
        stream = await HttpConnectDialer((HOST, proxy.port)).dial((HOST, server.port))
        assert (await stream.reader.readuntil()).startswith(b"INFO ")
        stream.writer.close()
        await proxy.until_left()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"INFO {}\r\n", "the peer is not an HTTP proxy"),
        (b"HTTP/1.1 abc\r\n\r\n", "the proxy's answer is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", "the proxy's answer is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 200_000, "the proxy's answer does not end"),
        (b"HTTP/1.1 102 Wait\r\n\r\n" * 20, "the proxy answered: 102 Wait"),
    ],
)
async def test_peer_that_is_not_an_http_proxy_is_reported(data: bytes, text: str) -> None:
    async with proxy_servers.answering(data) as peer:
        error = await refused(HttpConnectDialer((HOST, peer.port)))
        assert (error.stage, error.cause, error.text) == ("tcp", "proxy", text)
        await peer.until_left()


@pytest.mark.parametrize("data", [b"INFO {}\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_peer_that_is_not_a_socks_proxy_is_reported(data: bytes) -> None:
    async with proxy_servers.answering(data) as peer:
        error = await refused(SocksDialer((HOST, peer.port)))
        assert error.text == "the peer is not a SOCKS5 proxy"


@pytest.mark.parametrize("make", [SocksDialer, HttpConnectDialer])
async def test_proxy_that_closes_or_is_silent_or_is_not_there(
    make: type[SocksDialer] | type[HttpConnectDialer], refused_port: int
) -> None:
    async with peers.close_at_once() as peer:
        error = await refused(make((HOST, peer.port)))
        assert (error.stage, error.cause) == ("tcp", "proxy")
    async with peers.silent() as peer:
        for seconds in GROWING:
            began = time.monotonic()
            error = await refused(make((HOST, peer.port)), within=seconds)
            assert time.monotonic() - began < seconds + IN_TIME
            if peer.received:
                break
        assert (error.stage, error.cause, error.text) == ("tcp", "timeout", "no answer from the proxy")
        await peer.until_left()
    error = await refused(make((HOST, refused_port)))
    assert (error.stage, error.cause) == ("tcp", "refused")


@pytest.mark.parametrize("make", [SocksDialer, HttpConnectDialer])
async def test_proxy_that_closes_after_the_request_is_named(make: type[SocksDialer] | type[HttpConnectDialer]) -> None:
    async def script(talk: Talk) -> None:
        await talk.exactly(3)

    async with playing(script) as peer:
        error = await refused(make((HOST, peer.port)))
    assert (error.stage, error.cause, error.text) == ("tcp", "proxy", "closed by the proxy")
    assert (error.hop, error.proxy) == ("proxy", peer.authority)


@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "no"),
            "refused",
            "the connection to the proxy: Connection refused",
        ),
        (TimeoutError(), "timeout", "no answer from the proxy"),
        (EOFError(), "proxy", "closed by the proxy"),
        (DialError("tcp", "unreachable", "no route"), "unreachable", "no route"),
    ],
    ids=["refused", "timeout", "eof", "dial error"],
)
@pytest.mark.parametrize("make", [SocksDialer, HttpConnectDialer])
async def test_error_of_the_dialer_to_the_proxy_names_the_proxy(
    make: type[SocksDialer] | type[HttpConnectDialer], error: Exception, cause: str, text: str
) -> None:
    class Failing:
        async def dial(self, address: tuple[str, int], **_: object) -> Any:
            raise error

    failure = await refused(make(("proxy", 1), dialer=Failing()))
    assert (failure.stage, failure.cause, failure.text) == ("tcp", cause, text)
    assert (failure.address, failure.proxy, failure.hop) == ("nats.example:4222", "proxy:1", "proxy")


@pytest.mark.parametrize("make", [SocksDialer, HttpConnectDialer])
async def test_tls_that_a_proxy_does_not_answer_is_a_timeout_of_tls(
    make: type[SocksDialer] | type[HttpConnectDialer],
) -> None:
    context = ssl.create_default_context()
    async with peers.silent() as peer:
        for seconds in GROWING:
            error = await refused(make((HOST, peer.port), tls=context), within=seconds)
            if peer.received:
                break
        assert (error.stage, error.cause, error.text) == ("tls", "timeout", "no TLS handshake with the proxy")
        assert (error.hop, error.proxy) == ("proxy", peer.authority)
        await peer.until_left()


async def test_cancel_leaves_nothing() -> None:
    async with peers.silent() as peer:
        dialing = asyncio.ensure_future(SocksDialer((HOST, peer.port)).dial(("nats.example", 4222)))
        await peer.until_received(b"\x05\x01\x00")
        dialing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialing
        await peer.until_left()


@pytest.mark.parametrize("host", ["a b", "x\r\nHost: y", "", "a" * 256, "\udcff"])
@pytest.mark.parametrize("kind", KINDS)
async def test_invalid_name_is_not_sent_to_the_proxy(kind: str, host: str) -> None:
    make, serve = KINDS[kind]
    async with serve() as proxy:
        error = await refused(make((HOST, proxy.port)), host)
        assert (error.stage, error.cause) == ("dns", "dns")
        assert not proxy.connections


async def test_proxy_behind_a_proxy_is_dialed(server: NatsServer) -> None:
    async with proxy_servers.socks() as outer, proxy_servers.http() as inner:
        dialer = HttpConnectDialer((HOST, inner.port), dialer=SocksDialer((HOST, outer.port)))
        client = await connect(server.url, dialer=dialer, allow_reconnect=False)
        assert client.is_connected
        await client.close()
        assert (outer.targets, inner.targets) == ([f"{HOST}:{inner.port}"], [server.authority])
        await inner.until_left()
        await outer.until_left()


def test_credentials_that_cannot_be_sent_are_refused_and_masked() -> None:
    for make in (
        lambda: SocksDialer((HOST, 1), user="me", password=SECRET * 100),
        lambda: HttpConnectDialer((HOST, 1), user=f"me:{SECRET}"),
    ):
        with pytest.raises(ValueError, match=r"the password has|no colon") as caught:
            make()
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_password_without_a_user_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="a password needs a user"):
        KINDS[kind][0]((HOST, 1), password=SECRET)
