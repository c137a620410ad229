"""One check: connect to PONG, one round trip, one message published and received; then close.

Uses what a monitored connection uses, so that its times and its causes are the same. Nothing is retried.
"""

import asyncio
import secrets
import signal
import socket
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import msgspec

from natsmon.check.verdict import NO_ADDRESS, Found, failure
from natsmon.config.secret import redact
from natsmon.config.settings import Server, Settings
from natsmon.dial import resolver
from natsmon.dial.stream import Stream
from natsmon.dial.trace import DialTrace
from natsmon.probe.connection.dial_attempt import DialAttempts, FailedDial
from natsmon.probe.inquiry.second_look import SecondLook
from natsmon.protocol import tls
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_errors import classify_server_error
from natsmon.state import Dial, DialPart, Track
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit, Emitter
from natsmon.stream.sink import Sink
from natsmon.text.plain_text import printable
from natsmon.text.units import go_duration

T = TypeVar("T")

_AT_ONCE = 4
"""Addresses checked side by side; more would measure each other."""
_NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
_CLOSING = 1.0
"""Seconds a connection may take to close gently."""


def run(settings: Settings, *, every_address: bool = False) -> list[Found] | None:
    """Check in this process; None when a signal ended it."""
    return asyncio.run(_unless_interrupted(settings, every_address))


async def _unless_interrupted(settings: Settings, every_address: bool) -> list[Found] | None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # errors of a broken transport are reported by the check
    checking = asyncio.ensure_future(check_all(settings) if every_address else check(settings))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, checking.cancel)
    try:
        return await checking
    except asyncio.CancelledError:
        return None


async def check(settings: Settings) -> list[Found]:
    """Check the servers in their order, until one can be connected to."""
    await warm_up(settings)
    dials: list[Dial] = []
    for server in settings.servers:
        found = await _check_one(server, settings)
        dials += found.dials
        if found.connected or found.broken:
            break
    return [replace(found, dials=dials)]


async def check_all(settings: Settings) -> list[Found]:
    """Check every address of every server, in their order."""
    await warm_up(settings)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def at(address: Server, server: Server, seconds: float) -> Found:
        async with slots:
            found = await _check_one(address, settings)
        return _as_part_of(found, server, address.authority, seconds)

    async def of(server: Server) -> list[Found]:
        async with slots:
            began = time.perf_counter()
            addresses = await _look_up(server, settings)
            seconds = time.perf_counter() - began
        if isinstance(addresses, Dial):
            return [Found(server.url, NO_ADDRESS, (addresses,))]
        return await asyncio.gather(*(at(address, server, seconds) for address in addresses))

    groups = await asyncio.gather(*map(of, dict.fromkeys(settings.servers)))
    return [found for group in groups for found in group]


class _Prepared(NamedTuple):
    """A dialer whose stream already holds all that a server sends until PONG."""

    stream: socket.socket

    async def dial(self, address: tuple[str, int], *, deadline: float | None, trace: DialTrace | None) -> Stream:
        return Stream(*await asyncio.open_connection(sock=self.stream))


async def warm_up(settings: Settings) -> None:
    """Do each step once before it is measured: the first time in a process takes longer than a server's answer."""
    with suppress(OSError):  # the dial reports it
        tls.make_context(settings)
    await resolver.lookup("127.0.0.1", 0)
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b'INFO {"server_id":"","version":"","headers":true,"max_payload":1024}\r\nPONG\r\n')
        made = await DialAttempts(Settings(), Emit(Emitter([]), 0), _Prepared(ours)).make(Server("127.0.0.1"))
        if not isinstance(made, FailedDial):
            made.abort()


# -- addresses ----------------------------------------------------------------------------------------


async def _look_up(server: Server, settings: Settings) -> list[Server] | Dial:
    """The server at each address of its name, with the certificate checked for the name; a failed dial without one."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(settings.connect_timeout):
            found = resolver.interleave(await resolver.lookup(server.host, server.port))
    except TimeoutError:
        cause, text = "timeout", f"no answer to the lookup of {server.host}"
    except (OSError, UnicodeError) as error:
        cause, text = "dns", f"{server.host}: {getattr(error, 'strerror', None) or error}"
    else:
        name = server.tls_name or server.host
        hosts = dict.fromkeys(socket.getnameinfo(info[4], _NUMERIC)[0] for info in found)  # with its zone
        return [msgspec.structs.replace(server, host=host, tls_name=name) for host in hosts]
    seconds = round(time.perf_counter() - began, 6)
    record = DialPart("dns", 0.0, "failed", seconds, cause, text)
    return Dial(
        0, 0.0, server=server.url, stages={"dns": record}, outcome="failed", stage_reached="dns", cause=cause,
        text=text, total=seconds,
    )  # fmt: skip


def _as_part_of(found: Found, server: Server, address: str, seconds: float) -> Found:
    """Add the lookup of the name to the dial of one of its addresses."""
    if found.dial is not None:
        found.dial.total = round(found.dial.total + seconds, 6)
        if (dns := found.dial.stages.get("dns")) is not None:
            dns.elapsed = round(dns.elapsed + seconds, 6)
    found = replace(found, server=server.url, address=address)
    return replace(found, failed=replace(found.failed, server=found.where) if found.failed else None)


# -- one server ---------------------------------------------------------------------------------------


class _Folding(Sink):
    """Folds the events of one check into a Track, and redacts server text that contains a secret."""

    def __init__(self, secrets: list[str]) -> None:
        self.track = Track()
        self.setting_failed = ""
        self._secrets = secrets

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        # The dial itself redacts answers to CONNECT; what a second look finds later may repeat a secret, too.
        if isinstance(event, ev.DialFinding) and self.track.state.dials[-1].stage_reached == "connect":
            event = msgspec.structs.replace(event, text=redact(event.text, self._secrets))
        if isinstance(event, ev.SettingFailed):
            self.setting_failed = f"--{event.setting}: {event.text}"
        self.track.apply(event)


async def _check_one(server: Server, settings: Settings) -> Found:
    folding = _Folding(_secrets(settings))
    emit = Emit(Emitter([folding]), 0)
    second_look = SecondLook(settings, emit)
    found = Found(server.url)
    try:
        made = await DialAttempts(settings, emit).make(server)
        found = replace(found, dials=tuple(folding.track.state.dials))
        if isinstance(made, FailedDial):
            second_look.dial_failed(made)
            await second_look.finished()
            return replace(found, setting_failed=folding.setting_failed)
        try:
            found = await _try_out(made, found, settings)
            await made.drain(_CLOSING)
            return found
        finally:
            made.abort()
    except Exception as error:  # a monitoring system expects a status, not a traceback
        text = redact(f"{type(error).__name__}: {error}", _secrets(settings))
        return replace(found, broken=printable(f"the check itself failed: {text}"))
    finally:
        second_look.stop()


class _Failed(Exception):
    """Its arguments are the cause and the text."""


async def _try_out(connection: ServerConnection, found: Found, settings: Settings) -> Found:
    """Measure the round trip and the message, until one of them fails."""
    stage = "rtt"
    try:
        rtt = await _within(settings.timeout, connection.round_trip(), connection, "no PONG")
        found = replace(found, rtt=round(rtt, 6))
        stage = "request"
        request = await _message(connection, settings.inbox_prefix, settings.timeout)
        return replace(found, request=round(request, 6))
    except _Failed as failed:
        return replace(found, failed=failure(connection.server.url, stage, *failed.args))


async def _message(connection: ServerConnection, prefix: str, within: float) -> float:
    """Seconds from publishing a message to receiving it, on an inbox of this check alone."""
    subject, payload = f"{prefix}.{secrets.token_hex(11)}", secrets.token_hex(16).encode()
    arrived: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def receive(_subject: bytes, _reply: bytes, _headers: bytes, body: bytes) -> None:
        if body == payload and not arrived.done():
            arrived.set_result(time.perf_counter())

    connection.subscribe(subject, receive)
    began = time.perf_counter()
    connection.write(b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(payload), payload))
    return await _within(within, arrived, connection, "the message did not come back") - began


async def _within(seconds: float, step: Awaitable[T], connection: ServerConnection, without: str) -> T:
    """The result of a step. Raises _Failed when the server refused it, the connection ended, or it timed out."""
    refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    connection.on_error = lambda text: None if refused.done() else refused.set_result(text)
    doing = asyncio.ensure_future(step)
    try:
        ends: set[asyncio.Future[Any]] = {doing, refused, connection.lost}
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if doing.done() and doing.exception() is None:
            return doing.result()
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.wait((doing,))
    if refused.done():
        text = refused.result()
        raise _Failed("permissions" if "permissions" in text.lower() else classify_server_error(text), text)
    if connection.lost.done():
        raise _Failed(*connection.lost.result())
    raise _Failed("timeout", f"{without} in {go_duration(seconds)}")


def _secrets(settings: Settings) -> list[str]:
    given = (settings.password, settings.token, settings.jwt, settings.seed, settings.creds_data, settings.nkey_data)
    return [secret.reveal() for secret in given if secret is not None]
