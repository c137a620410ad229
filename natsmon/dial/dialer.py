"""Dials one server: resolve its name, race its addresses, hand over the open byte stream.

Stands on the ground floor: it knows sockets and asyncio, and nothing of NATS. DNS and TCP are apart, so that
each can be timed and told; the deadline and a cancel are honoured at every point, and no socket outlives a
dial that failed.
"""

import asyncio
import errno
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Protocol

from natsmon.dial.causes import DialError, classify
from natsmon.dial.deadline import until
from natsmon.dial.race import staggered_race
from natsmon.dial.stages import Stage
from natsmon.dial.trace import DialTrace, Tell

HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds until the next address is tried beside one that has not answered (RFC 8305, section 8)."""

STREAM_LIMIT = 64 * 1024
"""The longest line a stream reads, in bytes."""

_STREAM, _TCP = int(socket.SOCK_STREAM), int(socket.IPPROTO_TCP)
_LITERALS = (int(socket.AF_INET), 2), (int(socket.AF_INET6), 4)
_NUMERIC = int(socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
"""Looks nothing up."""

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""What ``socket.getaddrinfo`` gives for one address."""


class Stream(NamedTuple):
    """An open byte stream, as ``asyncio.open_connection`` gives it, and the address at its other end.

    What need not be a socket may bring objects of its own. Used of the reader are ``read``, ``readexactly``,
    ``readuntil`` and ``at_eof``; of the writer ``write``, ``drain``, ``close``, ``wait_closed``,
    ``get_extra_info``, ``transport.abort`` and, under TLS, ``start_tls`` and ``transport.pause_reading``.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    address: str = ""
    """``ip:port``, or what else a person would call it."""


class CustomDialer(Protocol):
    """What opens streams in the place of ``Dialer``: any object with this one method.

    The idea is nats.go's ``SetCustomDialer``. An error should be a DialError or another OSError; any other
    exception counts as a dial that failed, and ends no more than that.
    """

    async def dial(self, address: tuple[str, int], *, deadline: float | None, trace: DialTrace | None) -> Stream:
        """The open stream to ``(host, port)``.

        ``deadline`` is a time of the running loop's clock, None without one; ``trace`` is for its hooks to be
        called. A cancel must leave nothing open.
        """


class Dialer:
    """Opens TCP connections, racing a name's addresses as RFC 8305 ("Happy Eyeballs") has it.

    ``happy_eyeballs_delay`` is how many seconds an address has to itself before the next is tried beside it.
    """

    def __init__(self, *, happy_eyeballs_delay: float = HAPPY_EYEBALLS_DELAY) -> None:
        self.happy_eyeballs_delay = happy_eyeballs_delay

    async def dial(
        self, address: tuple[str, int], *, deadline: float | None = None, trace: DialTrace | None = None
    ) -> Stream:
        """The open stream to ``(host, port)``.

        ``deadline`` is on the running loop's clock, and covers resolving and connecting together. Raises
        DialError with the stage and the cause class; what became of each address is told to ``trace``.
        """
        tell = Tell(trace)
        stage: Stage = "dns"
        try:
            async with until(deadline):
                found = await self._resolve(*address, tell)
                stage = "tcp"
                return await self._connect(found, tell)
        except TimeoutError as error:
            what = f"no answer to the lookup of {address[0]}" if stage == "dns" else "no answer to the TCP connect"
            raise DialError(stage, "timeout", what) from error

    async def _resolve(self, host: str, port: int, tell: Tell) -> list[AddressInfo]:
        tell(DialTrace.dns_start, host)
        try:
            found = interleave(await lookup(host, port))
        except BaseException as error:
            tell(DialTrace.dns_done, (), error)
            if not isinstance(error, OSError | UnicodeError) or isinstance(error, TimeoutError):
                raise
            text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DialError("dns", "dns", f"{host}: {text}") from error
        tell(DialTrace.dns_done, [numeric(info) for info in found], None)
        return found

    async def _connect(self, found: Sequence[AddressInfo], tell: Tell) -> Stream:
        if len(found) == 1:
            try:
                connected = await _connect_one(found[0], tell)
            except OSError as error:
                raise DialError("tcp", *classify(error)) from error
        else:
            tries = [partial(_connect_one, info, tell) for info in found]
            try:
                connected = await staggered_race(tries, delay=self.happy_eyeballs_delay, discard=socket.socket.close)
            except ExceptionGroup as group:
                raise _all_failed(found, group) from group
        # From here the stream owns the socket; until then nobody else would close it.
        try:
            address = _show(connected.getpeername())
            reader, writer = await asyncio.open_connection(sock=connected, limit=STREAM_LIMIT)
        except BaseException as error:
            connected.close()
            if isinstance(error, OSError):
                raise DialError("tcp", *classify(error)) from error
            raise
        return Stream(reader, writer, address)


async def lookup(host: str, port: int) -> Sequence[AddressInfo]:
    """The addresses of a host, as ``getaddrinfo`` orders them; raises socket.gaierror.

    A lookup cannot be cancelled, so it runs on a daemon thread of its own: one that hangs holds up neither
    the next dial nor the end of the program, as it would in the loop's executor.
    """
    for family, length in _LITERALS:
        with suppress(OSError, ValueError):
            socket.inet_pton(family, host)
            return [(family, _STREAM, _TCP, "", (host, port, 0, 0)[:length])]
    with suppress(OSError):  # a literal too, but one with a zone, or of an older form
        return socket.getaddrinfo(host, port, type=_STREAM, flags=_NUMERIC)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[AddressInfo]] = loop.create_future()

    def give(found: Sequence[AddressInfo], error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def ask() -> None:
        try:
            outcome = partial(give, socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), None)
        except (OSError, UnicodeError) as error:
            outcome = partial(give, (), error)
        with suppress(RuntimeError):  # the loop may be gone by the time the answer comes
            loop.call_soon_threadsafe(outcome)

    threading.Thread(target=ask, name=f"lookup {host}", daemon=True).start()
    return await answer


def interleave(found: Sequence[AddressInfo]) -> list[AddressInfo]:
    """The addresses with their families in turn, the first one's first, without repeats (RFC 8305, section 4)."""
    if len(found) == 1:
        return list(found)
    unique = list(dict.fromkeys(found))
    families: dict[int, list[AddressInfo]] = {}
    for info in unique:
        families.setdefault(info[0], []).append(info)
    queues = list(families.values())
    longest = max((len(queue) for queue in queues), default=0)
    return [queue[i] for i in range(longest) for queue in queues if i < len(queue)]


async def _connect_one(info: AddressInfo, tell: Tell) -> socket.socket:
    family, kind, protocol, _, where = info
    address = numeric(info)
    tell(DialTrace.connect_start, address)
    try:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await _establish(sock, where)
            if sock.getsockname() == sock.getpeername():
                # Dialing a free port of this machine may meet itself, and would keep the server from starting there.
                raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        except BaseException:
            sock.close()
            raise
    except BaseException as error:
        tell(DialTrace.connect_done, address, error)
        raise
    tell(DialTrace.connect_done, address, None)
    return sock


async def _establish(sock: socket.socket, where: tuple[Any, ...]) -> None:
    """Connect a non-blocking socket; without a turn of the loop where the peer is this machine.

    There the handshake is over before connect() has returned, and asking again tells; waiting for the loop
    to say so takes longer than all the rest of a dial's TCP.
    """
    code = errno.EINPROGRESS
    if sys.platform == "linux":
        code = sock.connect_ex(where)
        if code == errno.EINPROGRESS:
            code = sock.connect_ex(where)
    if code in (errno.EINPROGRESS, errno.EALREADY):
        await asyncio.get_running_loop().sock_connect(sock, where)
    elif code not in (0, errno.EISCONN):
        raise OSError(code, os.strerror(code))


def numeric(info: AddressInfo) -> str:
    """``ip:port``, an IPv6 address in brackets."""
    return _show(info[4])


def _show(where: tuple[Any, ...]) -> str:
    host, port = where[0], where[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _all_failed(found: Sequence[AddressInfo], group: ExceptionGroup) -> DialError:
    """One line for the user, the group behind it for the curious."""
    told = [classify(error) for error in group.exceptions]
    causes = {cause for cause, _ in told}
    if len(causes) == 1:
        return DialError("tcp", *told[0])
    return DialError(
        "tcp",
        told[0][0],
        "; ".join(f"{numeric(info)}: {text}" for info, (_, text) in zip(found, told, strict=False)),
    )
