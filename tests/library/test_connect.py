"""``natsmon.connect``: nats-py, dialed by us."""

import asyncio
import gc
import inspect
import random
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from nats.aio.client import Client

import natsmon
import natsmon.testing
from natsmon import CustomDialer, Dialer, DialError, DialTrace, Stream, connect
from natsmon.dial import resolver
from natsmon.dial.resolver import AddressInfo
from natsmon.lab.nats_server import HOST, NatsServer
from tests.certificates import Certificates
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.leaks import sockets
from tests.harness.peer import Peering
from tests.harness.time_limits import FOREVER, IN_TIME, WAIT
from tests.library.clients import HANDSHAKE, HOOKS, PLAIN_DIAL, Callbacks, Notes, echo, failing, reconnect, until


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


async def test_is_nats_py_in_all_but_the_dial(server: NatsServer) -> None:
    notes = Notes()
    client = await connect(server.url, dialer=Dialer(), trace=notes, name="mine")
    assert isinstance(client, Client)
    await echo(client)

    async def answer(message: Any) -> None:
        await message.respond(message.data.upper())

    await client.subscribe("shout", cb=answer)
    assert (await client.request("shout", b"hey", timeout=WAIT)).data == b"HEY"
    with pytest.raises(nats.errors.NoRespondersError):
        await client.request("no.responder", b"", timeout=WAIT)
    await client.flush()
    assert client.connected_url is not None
    assert client.connected_url.netloc == server.authority
    await client.drain()
    assert client.is_closed
    assert notes.calls == PLAIN_DIAL


async def test_reconnects_go_through_the_dialer(server: NatsServer) -> None:
    notes, callbacks = Notes(), Callbacks()
    client = await connect(server.url, trace=notes, reconnect_time_wait=0.05, **callbacks.options)
    subscription = await client.subscribe("hello")
    await client.flush()
    notes.calls.clear()
    await asyncio.to_thread(server.kill)
    await callbacks.until(lambda: any(isinstance(error, ConnectionRefusedError) for error in callbacks.errors))
    await client.publish("hello", b"kept meanwhile")
    await asyncio.to_thread(server.start)
    await callbacks.until_called("reconnected")
    assert (await subscription.next_msg(WAIT)).data == b"kept meanwhile"
    assert notes.calls[-len(PLAIN_DIAL) :] == PLAIN_DIAL
    assert notes.calls.count("get_conn") >= 2
    assert any(isinstance(error, ConnectionRefusedError) for error in notes.errors)
    assert client.stats["reconnects"] == 1
    await reconnect(client)
    await callbacks.until(lambda: callbacks.calls.count("reconnected") == 2)
    await echo(client)
    await client.close()
    assert callbacks.calls[-1] == "closed"


class Versions(DialTrace):
    """Of TLS, as each handshake that succeeded agreed on it."""

    def __init__(self) -> None:
        self.spoken: list[str | None] = []

    def tls_handshake_done(self, state: ssl.SSLObject | None, error: BaseException | None) -> None:
        if state is not None:
            self.spoken.append(state.version())


async def test_tls(certificates: Certificates, nats_server: StartServer) -> None:
    server = await asyncio.to_thread(nats_server, config=certificates.config())
    versions, callbacks = Versions(), Callbacks()
    client = await connect(
        server.url, trace=versions, tls=certificates.trusting(), reconnect_time_wait=0.05, **callbacks.options
    )
    await echo(client)
    await asyncio.to_thread(server.restart)
    await callbacks.until_called("reconnected")
    await echo(client)
    await client.close()
    assert versions.spoken == ["TLSv1.3", "TLSv1.3"]


async def test_tls_first(certificates: Certificates, nats_server: StartServer) -> None:
    server = await asyncio.to_thread(
        nats_server, config=certificates.config("handshake_first: true"), speaks_first=False
    )
    notes = Notes()
    client = await connect(
        server.url, trace=notes, tls=certificates.trusting(), tls_handshake_first=True, tls_hostname="localhost"
    )
    await echo(client)
    await client.close()
    assert notes.calls == [*PLAIN_DIAL[:6], "tls_handshake_start", "tls_handshake_done", *HANDSHAKE]


@pytest.mark.parametrize("peering", [peers.silent, peers.info_then_silent])
async def test_cancelled_in_the_handshake_it_leaves_no_socket(peering: Callable[[], Peering]) -> None:
    async with peering() as peer:
        before = sockets()
        dialing = asyncio.ensure_future(connect(peer.url, connect_timeout=FOREVER))
        await peer.until_connected()
        await asyncio.sleep(0.05)
        began = time.monotonic()
        dialing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialing
        assert time.monotonic() - began < IN_TIME
        await peer.until_left()
        await until(lambda: set(sockets()) <= set(before))


async def test_dead_first_address_costs_one_delay(
    blackhole: int, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lookup(host: str, port: int) -> Sequence[AddressInfo]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, at)) for at in (blackhole, server.port)]

    monkeypatch.setattr(resolver, "lookup", lookup)
    began = time.monotonic()
    client = await connect("nats://two.example:4222")
    assert time.monotonic() - began < IN_TIME
    await client.close()


class Counting:
    """A dialer of a user's own, which is no class of ours."""

    def __init__(self, *errors: Exception) -> None:
        self.calls: list[tuple[tuple[str, int], float | None, DialTrace | None]] = []
        self._errors = list(errors)

    async def dial(self, address: tuple[str, int], *, deadline: float | None, trace: DialTrace | None) -> Stream:
        self.calls.append((address, deadline, trace))
        if self._errors:
            raise self._errors.pop(0)
        return Stream(*await asyncio.open_connection(*address))


async def test_own_dialer_is_used(server: NatsServer) -> None:
    dialer, notes = Counting(), Notes()
    custom: CustomDialer = dialer
    now = asyncio.get_running_loop().time()
    client = await connect(server.url, dialer=custom, trace=notes, connect_timeout=IN_TIME)
    await echo(client)
    await client.close()
    ((address, deadline, trace),) = dialer.calls
    assert (address, trace) == ((HOST, server.port), notes)
    assert deadline is not None
    assert IN_TIME <= deadline - now < FOREVER
    assert notes.calls == ["get_conn", "got_conn", *HANDSHAKE]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("mine"), "ValueError: mine"),
        (KeyError(), "KeyError"),
        (TimeoutError(), "the dialer did not connect in time"),
        (EOFError(), "closed by the server"),
        (socket.gaierror(), "name not found"),
        (nats.errors.Error("x"), "Error: x"),
        (OSError("two\nlines"), r"two\nlines"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
async def test_exception_of_a_dialer_is_a_failed_dial(error: Exception, text: str, server: NatsServer) -> None:
    callbacks = Callbacks()
    dialer = Counting(error)
    client = await connect(server.url, dialer=dialer, reconnect_time_wait=0.02, **callbacks.options)
    assert len(dialer.calls) == 2
    (failed,) = callbacks.errors
    assert f": {text} (stage tcp, cause " in str(failed)
    dialer._errors = [error]
    await reconnect(client)
    await callbacks.until_called("reconnected")
    assert len(dialer.calls) == 4
    await client.close()


async def test_dialer_that_ignores_its_deadline_is_cancelled() -> None:
    class Sleepy:
        async def dial(self, address: object, *, deadline: object, trace: object) -> Stream:
            await asyncio.sleep(FOREVER)
            raise AssertionError

    options: dict[str, Any] = {"connect_timeout": 0.1, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.02}
    began = time.monotonic()
    error = await failing(connect("nats://x", dialer=Sleepy(), error_cb=Callbacks().options["error_cb"], **options))
    assert time.monotonic() - began < IN_TIME
    assert isinstance(error.__cause__, DialError)
    assert error.__cause__.cause == "timeout"


@pytest.mark.parametrize("hook", HOOKS)
async def test_exception_in_a_hook_is_contained(
    hook: str, certificates: Certificates, nats_server: StartServer
) -> None:
    server = await asyncio.to_thread(nats_server, config=certificates.config())
    trace = DialTrace()

    def broken(*_: object) -> None:
        raise RuntimeError("a broken observer")

    setattr(trace, hook, broken)
    client = await connect(server.url, trace=trace, tls=certificates.trusting())
    await echo(client)
    await client.close()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_cancelled_at_any_moment_it_leaves_nothing(
    secure: bool, certificates: Certificates, nats_server: StartServer
) -> None:
    server = await asyncio.to_thread(nats_server, config=certificates.config() if secure else "")
    context = certificates.trusting() if secure else None
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    before, tasks = sockets(), asyncio.all_tasks()
    rng = random.Random(1)
    for _ in range(200):
        dialing = asyncio.ensure_future(connect(server.url, tls=context))
        await asyncio.sleep(rng.uniform(0, 0.006 if secure else 0.003))
        dialing.cancel()
        done, _ = await asyncio.wait([dialing], timeout=IN_TIME)
        assert done
        if not dialing.cancelled():
            await dialing.result().close()
    await until(lambda: asyncio.all_tasks() == tasks and set(sockets()) <= set(before))
    gc.collect()
    assert not complaints


def test_public_functions_document_their_arguments() -> None:
    """Hooks and scripts have one docstring for all, in the class and in the module."""
    undocumented = []
    for module, names in ((natsmon, natsmon.__all__), (natsmon.testing, dir(natsmon.testing))):
        for name in names:
            thing = getattr(module, name)
            if not inspect.isclass(thing) or issubclass(thing, DialTrace | tuple | DialError):
                continue
            for method, function in vars(thing).items():
                documented = inspect.getdoc(function) or ""
                if method.startswith("_") or not inspect.isfunction(function) or "See ``" in documented:
                    continue
                if inspect.signature(function).parameters.keys() - {"self"} and "Args:" not in documented:
                    undocumented.append(f"{name}.{method}")
    assert [each for each in undocumented if not each.startswith(("ByteReader", "ByteWriter"))] == []


def test_everything_promised_is_there() -> None:
    for name in natsmon.__all__:
        assert getattr(natsmon, name) is not None
        assert name in dir(natsmon)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = natsmon.nothing  # type: ignore[attr-defined]
