"""Dials one server: resolve its name, race its addresses, return the open byte stream.

Independent of NATS. The lookup and the TCP connect are separate, so that each
can be timed and traced. The deadline and a cancel take effect at every point, and a failed dial leaves no socket open.
"""

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from natsmon.dial import resolver
from natsmon.dial.arguments import check, check_address, check_seconds
from natsmon.dial.causes import Cause, Stage
from natsmon.dial.deadline import until
from natsmon.dial.errors import DialError, classify
from natsmon.dial.race import staggered_race
from natsmon.dial.resolver import AddressInfo, authority, interleave, numeric
from natsmon.dial.socket_stream import open_stream
from natsmon.dial.stream import Address, Stream
from natsmon.dial.trace import DialTrace, Hooks

HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds until the next address is dialed beside one that has not answered (RFC 8305, section 8)."""

_FAMILIES = socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6

SocketOption = tuple[int, int, int | bytes]
"""Level, option and value, as ``socket.setsockopt`` takes them."""


class Dialer:
    """Opens TCP connections, racing the addresses of a name ("Happy Eyeballs", RFC 8305).

    Args:
        happy_eyeballs_delay: Seconds until the next address is dialed beside one that has not answered.
        socket_options: Set on each socket before it connects: keep-alive, ``TCP_USER_TIMEOUT``, a mark.
        local_address: Address and port to connect from; port 0 for any. Only server addresses of its family are used.
        family: ``socket.AF_INET`` or ``socket.AF_INET6``, to use only addresses of that family.

    Raises:
        TypeError: An argument is of another type.
        ValueError: The delay is negative, an option is no tuple for ``setsockopt``, or the family another one;
            ``local_address`` is not an IP address and a port, or is of another family.
    """

    def __init__(
        self,
        *,
        happy_eyeballs_delay: float = HAPPY_EYEBALLS_DELAY,
        socket_options: Sequence[SocketOption] = (),
        local_address: Address | None = None,
        family: int = socket.AF_UNSPEC,
    ) -> None:
        check_seconds("happy_eyeballs_delay", happy_eyeballs_delay)
        options = "a sequence of tuples (level, option, number or bytes)"
        check("socket_options", socket_options, options, Sequence, lambda given: all(map(_is_option, given)))
        check("family", family, "socket.AF_INET, AF_INET6 or AF_UNSPEC", int, lambda family: family in _FAMILIES)
        self.happy_eyeballs_delay = happy_eyeballs_delay
        self._options = tuple(socket_options)
        self._local = local_address
        if local_address is not None:
            check_address("local_address", local_address, least_port=0, ip=True)
            of_local = socket.AF_INET6 if ":" in local_address[0] else socket.AF_INET
            if family not in (socket.AF_UNSPEC, of_local):
                raise ValueError("local_address is of another family")
            family = of_local
        self._family = family

    async def dial(self, address: Address, *, deadline: float | None = None, trace: DialTrace | None = None) -> Stream:
        """Open a TCP connection, racing the addresses of a name.

        Args:
            address: Host and port.
            deadline: Time on the running loop's clock, in seconds; None for no limit.
                Covers the lookup and the connect together.
            trace: Hooks to call for each step.

        Returns:
            The open stream, with the address it is connected to.

        Raises:
            DialError: With the stage and the cause. No socket is left open.
            TypeError: The address is not a pair of a string and a number.
            ValueError: The host is empty, or the port is not one of TCP.
        """
        check_address("address", address)
        hooks = Hooks(trace)
        stage: Stage = "dns"
        try:
            async with until(deadline):
                found = await self._resolve(*address, hooks)
                stage = "tcp"
                return await self._connect(found, hooks)
        except DialError as error:
            error.address = error.address or authority(*address)
            raise
        except TimeoutError as error:
            what = f"no answer to the lookup of {address[0]}" if stage == "dns" else "no answer to the TCP connect"
            raise DialError(stage, "timeout", what, address=authority(*address)) from error

    async def _resolve(self, host: str, port: int, hooks: Hooks) -> list[AddressInfo]:
        hooks(DialTrace.dns_start, host)
        try:
            found = interleave(await resolver.lookup(host, port))
            if self._family:
                found = [info for info in found if info[0] == self._family]
                if not found:
                    kind = "IPv6" if self._family == socket.AF_INET6 else "IPv4"
                    raise socket.gaierror(socket.EAI_NONAME, f"no {kind} address")
        except BaseException as error:
            hooks(DialTrace.dns_done, (), error)
            if not isinstance(error, OSError | UnicodeError) or isinstance(error, TimeoutError):
                raise
            text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DialError("dns", "dns", f"{host}: {text}", origin=error) from error
        hooks(DialTrace.dns_done, [numeric(info) for info in found], None)
        return found

    async def _connect(self, found: Sequence[AddressInfo], hooks: Hooks) -> Stream:
        tries = [partial(self._connect_one, info, hooks) for info in found]
        try:
            if len(found) == 1:
                connected = await tries[0]()
            else:
                connected = await staggered_race(tries, delay=self.happy_eyeballs_delay, discard=socket.socket.close)
            try:
                return await open_stream(connected, authority(*connected.getpeername()[:2]))
            except BaseException:  # the stream does not own the socket yet
                connected.close()
                raise
        except ExceptionGroup as group:
            raise _all_failed(found, group) from group
        except OSError as error:
            raise DialError("tcp", *classify(error), origin=error) from error

    async def _connect_one(self, info: AddressInfo, hooks: Hooks) -> socket.socket:
        family, kind, protocol, _, where = info
        with hooks.connecting(numeric(info)):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)
                for option in self._options:
                    _set(sock, option)
                if self._local is not None:
                    _bind(sock, self._local)
                await _establish(sock, where)
                if sock.getsockname() == sock.getpeername():
                    # A dial to a free local port can connect to itself, and would occupy the server's port.
                    raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            except BaseException:
                sock.close()
                raise
            return sock


def _is_option(option: object) -> bool:
    """Whether ``setsockopt`` takes it."""
    match option:
        case (int(), int(), int() | bytes()):
            return True
    return False


def _set(sock: socket.socket, option: SocketOption) -> None:
    """Set an option; its errors, such as EPERM for a mark, are not those of the connect."""
    try:
        sock.setsockopt(*option)
    except OSError as error:
        cause, text = classify(error)
        raise DialError("tcp", cause, f"the socket option {option}: {text}", origin=error) from error


def _bind(sock: socket.socket, local: Address) -> None:
    """Bind to a local address; its errors are those of the address, not of a dial that finds no free port."""
    try:
        sock.bind(local)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            text = f"{local[0]} is not an address of this machine"
            raise DialError("tcp", Cause.UNREACHABLE, text, origin=error) from error
        if error.errno == errno.EADDRINUSE:
            text = f"the local port {local[1]} is in use"
            raise DialError("tcp", Cause.LOCAL_PORTS, text, origin=error) from error
        raise


async def _establish(sock: socket.socket, where: tuple[Any, ...]) -> None:
    """Connect a non-blocking socket, without a turn of the loop where the peer is on this machine.

    On loopback the handshake is complete when connect() returns, and a second call reports it; the loop would take
    longer than the rest of the TCP connect.
    """
    code = errno.EINPROGRESS
    if sys.platform == "linux":
        code = sock.connect_ex(where)
        if code == errno.EINPROGRESS:
            code = sock.connect_ex(where)
    if code in (errno.EINPROGRESS, errno.EALREADY):
        await asyncio.get_running_loop().sock_connect(sock, where)
    elif code not in (0, errno.EISCONN):
        if code == errno.EADDRNOTAVAIL and not _has_source(sock.family, where):
            code = errno.ENETUNREACH
        raise OSError(code, os.strerror(code))


def _has_source(family: int, where: tuple[Any, ...]) -> bool:
    """Whether this machine has an address to reach a destination from; without, TCP's error is that of no port."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(where)  # sends nothing
    except OSError:
        return False
    return True


def _all_failed(found: Sequence[AddressInfo], group: ExceptionGroup) -> DialError:
    """One line for a person; the group is its ``__cause__``."""
    failures = [classify(error) for error in group.exceptions]
    if len({cause for cause, _ in failures}) == 1:
        return DialError("tcp", *failures[0], origin=group)
    each = (f"{numeric(info)}: {text}" for info, (_, text) in zip(found, failures, strict=False))
    return DialError("tcp", failures[0][0], "; ".join(each), origin=group)
