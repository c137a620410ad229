"""The dialer on real sockets."""

import asyncio
import errno
import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from natsmon.dial import resolver
from natsmon.dial.dialer import HAPPY_EYEBALLS_DELAY, Dialer
from natsmon.dial.errors import DialError
from natsmon.dial.resolver import AddressInfo, interleave, numeric
from natsmon.dial.stream import Stream
from natsmon.dial.trace import DialTrace
from tests.harness.leaks import sockets
from tests.harness.time_limits import GROWING, IN_TIME

HOST = "127.0.0.1"


class Notes(DialTrace):
    """Records the hooks that are called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []
        self.errors: dict[str, BaseException | None] = {}
        self.looking = asyncio.Event()
        self.connecting = asyncio.Event()

    def dns_start(self, host: str) -> None:
        self.calls.append(("dns_start", host))
        self.looking.set()

    def dns_done(self, addresses: Sequence[str], error: BaseException | None) -> None:
        self.calls.append(("dns_done", list(addresses)))
        self.errors["dns"] = error

    def connect_start(self, address: str) -> None:
        self.calls.append(("connect_start", address))
        self.connecting.set()

    def connect_done(self, address: str, error: BaseException | None) -> None:
        self.calls.append(("connect_done", address))
        self.errors[address] = error


@pytest.fixture
def live() -> Iterator[int]:
    """A port whose connections the system completes."""
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


def at(port: int, host: str = HOST, family: int = socket.AF_INET, protocol: int = 6) -> AddressInfo:
    return (family, socket.SOCK_STREAM, protocol, "", (host, port))


def resolving(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Every name has two ports of loopback for its addresses, which may be the same port."""

    async def lookup(host: str, port: int) -> Sequence[AddressInfo]:
        return [at(port, protocol=protocol) for port, protocol in zip(ports, (6, 0), strict=True)]

    monkeypatch.setattr(resolver, "lookup", lookup)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that hangs; the event is set once it has been asked."""
    asked, release = threading.Event(), threading.Event()
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: object, **kwargs: object) -> object:
        if kwargs.get("flags"):
            return real(host, *args, **kwargs)  # type: ignore[arg-type]
        asked.set()
        release.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield asked
    release.set()


async def close(stream: Stream) -> None:
    stream.writer.close()
    await stream.writer.wait_closed()


async def refused_by(dialing: asyncio.Future[Stream]) -> DialError:
    with pytest.raises(DialError) as caught:
        await dialing
    return caught.value


async def dial(
    port: int, *, host: str = HOST, within: float | None = None, trace: DialTrace | None = None, delay: float = 0.25
) -> Stream:
    deadline = asyncio.get_running_loop().time() + within if within is not None else None
    return await Dialer(happy_eyeballs_delay=delay).dial((host, port), deadline=deadline, trace=trace)


async def test_dial_returns_the_address(live: int) -> None:
    notes = Notes()
    stream = await dial(live, trace=notes)
    assert stream.address == f"{HOST}:{live}"
    assert stream.writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    await close(stream)
    assert notes.calls == [
        ("dns_start", HOST),
        ("dns_done", [f"{HOST}:{live}"]),
        ("connect_start", f"{HOST}:{live}"),
        ("connect_done", f"{HOST}:{live}"),
    ]
    assert notes.errors == {"dns": None, f"{HOST}:{live}": None}


async def test_name_is_looked_up(live: int) -> None:
    notes = Notes()
    await close(await dial(live, host="localhost", trace=notes))
    assert ("connect_start", f"{HOST}:{live}") in notes.calls


async def test_refused(refused_port: int) -> None:
    notes = Notes()
    error = await refused_by(asyncio.ensure_future(dial(refused_port, trace=notes)))
    assert (error.stage, error.cause, error.text) == ("tcp", "refused", "Connection refused")
    assert isinstance(notes.errors[f"{HOST}:{refused_port}"], ConnectionRefusedError)


async def test_blackhole_ends_at_the_deadline(blackhole: int) -> None:
    for seconds in GROWING:
        notes = Notes()
        began = time.monotonic()
        error = await refused_by(asyncio.ensure_future(dial(blackhole, within=seconds, trace=notes)))
        assert 0.9 * seconds < time.monotonic() - began < seconds + IN_TIME
        if notes.connecting.is_set():
            break
    assert (error.stage, error.cause) == ("tcp", "timeout")
    assert isinstance(notes.errors[f"{HOST}:{blackhole}"], asyncio.CancelledError)


async def test_blackhole_is_cancelled_at_once(blackhole: int) -> None:
    notes = Notes()
    before = sockets()
    dialing = asyncio.ensure_future(dial(blackhole, trace=notes))
    await notes.connecting.wait()
    assert len(sockets()) == len(before) + 1
    dialing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialing
    assert sockets() == before


async def test_dead_first_address_costs_one_delay(blackhole: int, live: int, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, blackhole, live)
    notes = Notes()
    began = time.monotonic()
    stream = await dial(1, host="two.example", trace=notes)
    took = time.monotonic() - began
    assert stream.address == f"{HOST}:{live}"
    await close(stream)
    assert 0.9 * HAPPY_EYEBALLS_DELAY < took < IN_TIME
    assert isinstance(notes.errors[f"{HOST}:{blackhole}"], asyncio.CancelledError)
    assert notes.errors[f"{HOST}:{live}"] is None


async def test_refusing_first_address_costs_nothing(
    refused_port: int, live: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, refused_port, live)
    notes = Notes()
    await close(await dial(1, host="two.example", trace=notes, delay=60.0))
    assert [what for what, _ in notes.calls].count("connect_start") == 2
    assert isinstance(notes.errors[f"{HOST}:{refused_port}"], ConnectionRefusedError)


async def test_error_lists_every_address_that_refused(refused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        port = other.getsockname()[1]
        resolving(monkeypatch, refused_port, port)
        notes = Notes()
        error = await refused_by(asyncio.ensure_future(dial(1, host="two.example", trace=notes)))
    assert (error.stage, error.cause, error.text) == ("tcp", "refused", "Connection refused")
    assert isinstance(error.__cause__, ExceptionGroup)
    assert [what for what, _ in notes.calls].count("connect_done") == 2
    assert all(isinstance(notes.errors[f"{HOST}:{p}"], ConnectionRefusedError) for p in (refused_port, port))


async def test_error_lists_different_failures_by_address(refused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lookup(host: str, port: int) -> Sequence[AddressInfo]:
        return [at(refused_port), at(9, "255.255.255.255")]

    monkeypatch.setattr(resolver, "lookup", lookup)
    error = await refused_by(asyncio.ensure_future(dial(1, host="two.example", within=IN_TIME)))
    assert (error.stage, error.cause) == ("tcp", "refused")
    assert f"{HOST}:{refused_port}: Connection refused; 255.255.255.255:9: " in error.text


async def test_two_blackholes_share_one_deadline(blackhole: int, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, blackhole, blackhole)
    before = sockets()
    for seconds in GROWING:
        notes = Notes()
        error = await refused_by(
            asyncio.ensure_future(dial(1, host="two.example", within=seconds, delay=0.01, trace=notes))
        )
        if [what for what, _ in notes.calls].count("connect_start") == 2:
            break
    assert (error.stage, error.cause) == ("tcp", "timeout")
    assert [what for what, _ in notes.calls].count("connect_done") == 2
    assert sockets() == before


async def test_name_that_does_not_resolve() -> None:
    notes = Notes()
    error = await refused_by(asyncio.ensure_future(dial(1, host="unknown.invalid", within=IN_TIME, trace=notes)))
    assert (error.stage, error.cause) == ("dns", "dns")
    assert error.text.startswith("unknown.invalid: ")
    assert isinstance(notes.errors["dns"], socket.gaierror)
    assert [what for what, _ in notes.calls] == ["dns_start", "dns_done"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "\udcff.example"])
async def test_invalid_name_is_a_dns_failure(host: str) -> None:
    error = await refused_by(asyncio.ensure_future(dial(1, host=host, within=IN_TIME)))
    assert (error.stage, error.cause) == ("dns", "dns")


async def test_hanging_lookup_is_cancelled_at_once(hanging: threading.Event) -> None:
    notes = Notes()
    dialing = asyncio.ensure_future(dial(1, host="slow.example", trace=notes))
    await asyncio.to_thread(hanging.wait)
    began = time.monotonic()
    dialing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialing
    assert time.monotonic() - began < IN_TIME
    assert isinstance(notes.errors["dns"], asyncio.CancelledError)


async def test_hanging_lookup_ends_at_the_deadline(hanging: threading.Event) -> None:
    error = await refused_by(asyncio.ensure_future(dial(1, host="slow.example", within=0.05)))
    assert (error.stage, error.cause, error.text) == ("dns", "timeout", "no answer to the lookup of slow.example")


async def test_hanging_lookup_does_not_hold_up_the_next_dial(hanging: threading.Event, live: int) -> None:
    stuck = [asyncio.ensure_future(dial(1, host=f"slow-{i}.example")) for i in range(40)]
    await asyncio.to_thread(hanging.wait)
    await close(await dial(live, within=IN_TIME))
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


@pytest.mark.parametrize("hook", ["dns_start", "dns_done", "connect_start", "connect_done"])
async def test_trace_that_raises_is_dropped(hook: str, live: int, caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()

    def broken(*_: object) -> None:
        notes.calls.append((hook, "raised"))
        raise RuntimeError("a broken observer")

    setattr(notes, hook, broken)
    with caplog.at_level(logging.CRITICAL):
        await close(await dial(live, trace=notes))
    assert notes.calls[-1] == (hook, "raised")


async def test_no_socket_outlives_a_cancel_at_any_moment(live: int, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, live, live)
    before = sockets()
    for ticks in range(30):
        dialing = asyncio.ensure_future(dial(live, host="two.example", delay=0.0))
        for _ in range(ticks):
            await asyncio.sleep(0)
        dialing.cancel()
        outcome = (await asyncio.gather(dialing, return_exceptions=True))[0]
        if isinstance(outcome, Stream):
            await close(outcome)
        await asyncio.sleep(0)
    assert sockets() == before


async def test_peer_that_is_gone_before_the_stream_is_made(live: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(dialer: Dialer, info: AddressInfo, hooks: object) -> socket.socket:
        return socket.socket()  # not connected: it has no peer

    monkeypatch.setattr(Dialer, "_connect_one", gone)
    error = await refused_by(asyncio.ensure_future(dial(live)))
    assert (error.stage, error.text) == ("tcp", "Transport endpoint is not connected")
    assert isinstance(error.__cause__, OSError)
    assert error.__cause__.errno == errno.ENOTCONN


def test_families_take_turns() -> None:
    v6 = [at(1, f"2001:db8::{i}", socket.AF_INET6) for i in range(3)]
    v4 = [at(1, f"192.0.2.{i}") for i in range(2)]
    assert interleave([*v6, *v4]) == [v6[0], v4[0], v6[1], v4[1], v6[2]]
    assert interleave([*v4, *v6, *v4]) == [v4[0], v6[0], v4[1], v6[1], v6[2]]
    assert interleave([]) == []


def test_ipv6_is_shown_in_brackets() -> None:
    assert numeric(at(4222, "::1", socket.AF_INET6)) == "[::1]:4222"


async def test_dial_that_meets_itself_is_refused(refused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a free port of this machine a connect may be given that very port for its own end, and succeed."""
    real = asyncio.get_running_loop().sock_connect

    async def sock_connect(sock: socket.socket, where: tuple[str, int]) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)  # what the kernel does by chance
        await real(sock, where)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
    error = await refused_by(asyncio.ensure_future(dial(refused_port, within=IN_TIME)))
    assert (error.stage, error.cause, error.text) == ("tcp", "refused", "Connection refused")
