"""Arguments of what other programs import are refused where they are given, and the error names them."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from natsmon import (
    CommandDialer,
    Dialer,
    HttpConnectDialer,
    LoggingTrace,
    OpenTelemetryTrace,
    ProxyProtocolDialer,
    SocksDialer,
    UnixDialer,
    WebSocketDialer,
    connect,
    proxy_from_environment,
)
from natsmon.testing import RelayDialer, ScriptedServer, greet, reject

PROXY = ("proxy", 1080)
SECRET = "hunter2"
WRONG: list[tuple[Callable[..., Any], str, list[Any]]] = [
    (lambda value: Dialer(happy_eyeballs_delay=value), "happy_eyeballs_delay", [-1, math.nan, "1", None]),
    (lambda value: Dialer(socket_options=value), "socket_options", [5, [(1, 2)], (1, 2, 3), [(1, 2, "x")]]),
    (lambda value: Dialer(family=value), "family", ["x", 1, -3, None]),
    (lambda value: Dialer(local_address=value), "local_address",
     ["127.0.0.1", ("127.0.0.1",), ("127.0.0.1", "0"), ("127.0.0.1", -1), (b"127.0.0.1", 1), ("name", 1), (None, 0)]),
    *((lambda value, kind=kind: kind(value), "proxy",
       ["x:1", ("x",), ("x", "1"), ("", 1), ("x", 0), ("x", 2**16), (b"x", 1), None])
      for kind in (SocksDialer, HttpConnectDialer)),
    (lambda value: SocksDialer(PROXY, user=value, password="p"), "user", [b"u", 5, ""]),
    (lambda value: HttpConnectDialer(PROXY, user="u", password=value), "password", [SECRET.encode(), 5]),
    (lambda value: SocksDialer(PROXY, tls=value), "tls", [True, "x"]),
    *((lambda value, make=make: make(dialer=value), "a dialer", [5, Dialer])
      for make in (proxy_from_environment, ProxyProtocolDialer, lambda **o: SocksDialer(PROXY, **o),
                   lambda **o: WebSocketDialer("ws://x", **o))),
    (UnixDialer, "path", ["", None, b"/x", 5]),
    (CommandDialer, "command",
     ["", [], None, 5, b"x", [1], "{host.__class__}", "{host!r}", "{port:05d}", "{host:>{port}}", "{user}", "{}", "{"]),
    (lambda value: ProxyProtocolDialer(version=value), "version", [3, "2", 2.0]),
    (lambda value: ProxyProtocolDialer(source=value), "source",
     ["1.2.3.4", ("1.2.3.4",), ("1.2.3.4", "1"), ("x", 1), (b"1234", 1), ("1.2.3.4", 1, 2), ("1.2.3.4", 1.0)]),
    (WebSocketDialer, "URL|url", [
        "x", "", b"ws://x", None, "ws://x:99999", "ws://x:0", "ws://[::1", "ws://x/a b", "ws://x/#f",
        "ws://{host}:{port}/", f"ws://me:{SECRET}@x y/",
    ]),
    (lambda value: WebSocketDialer("ws://x", headers=value), "header",
     ["x", [("a", "b")], {"a": 5}, {"a": b"x"}, {"a b": "c"}, {"Authorization": f"Bearer {SECRET}\n"}]),
    (lambda value: LoggingTrace(level=value), "level", ["DEBUG", None]),
    (LoggingTrace, "logger", ["natsmon", 5]),
    (OpenTelemetryTrace, "tracer", ["natsmon", 5]),
    (ScriptedServer, "a script", [5, "serve", [greet(b""), reject("x")]]),
    (greet, "data", ["INFO", None]),
    (reject, "text", [b"x", None]),
    (lambda value: RelayDialer(latency=value), "latency", [-1, math.nan, "1"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        pytest.param(make, name, value, id=f"{number}-{name}-{each}")
        for number, (make, name, values) in enumerate(WRONG)
        for each, value in enumerate(values)
    ],
)
def test_wrong_argument_is_named_where_it_is_given(make: Callable[[Any], Any], name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=name) as caught:
        make(value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("address", [("h", 2**16), ("h", 0), ("h", "1"), ("h", None)])
@pytest.mark.parametrize(
    "dialer",
    [Dialer(), SocksDialer(PROXY), HttpConnectDialer(PROXY), WebSocketDialer("ws://x")],
    ids=lambda dialer: type(dialer).__name__,
)
async def test_wrong_address_is_named_before_the_dial(dialer: Dialer, address: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="address"):
        await dialer.dial(address)


def test_usual_arguments_are_taken() -> None:
    Dialer(happy_eyeballs_delay=0, socket_options=[(1, 9, 1), (1, 25, b"lo")], local_address=("::1", 0))
    Dialer(happy_eyeballs_delay=math.inf, family=2, local_address=("127.0.0.1", 0))
    SocksDialer(("2001:db8::1", 1080), user="me", password="x")
    CommandDialer(["ssh", "-W", "[{host}]:{port}", "{{x}}"])
    ProxyProtocolDialer(version=1, source=("2001:db8::1", 0))
    WebSocketDialer("WSS://me:x@x:1/{host}?{port}", headers={"A": ["b", "c"], "D": "e"})


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"deadline": "5"}, "deadline"), ({"deadline": math.nan}, "deadline"),
        ({"connect_timeout": "2"}, "connect_timeout"), ({"connect_timeout": math.nan}, "connect_timeout"),
        ({"tls": True}, "tls"),
    ],
)  # fmt: skip
async def test_wrong_option_of_connect_is_refused_before_the_first_dial(options: dict[str, Any], name: str) -> None:
    async with ScriptedServer() as server:
        with pytest.raises((TypeError, ValueError), match=f"^{name} is "):
            await connect("nats://test", dialer=server, **options)
        assert not server.sessions
