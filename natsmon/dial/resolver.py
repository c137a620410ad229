"""Name resolution: cancellable, and ordered for the race of RFC 8305."""

import asyncio
import concurrent.futures
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""One address, as ``socket.getaddrinfo`` returns it."""

_STREAM, _TCP = int(socket.SOCK_STREAM), int(socket.IPPROTO_TCP)
_LITERALS = (int(socket.AF_INET), 2), (int(socket.AF_INET6), 4)
_NUMERIC = int(socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)


async def lookup(host: str, port: int) -> Sequence[AddressInfo]:
    """Return the addresses of a host in the order of ``getaddrinfo``. Raises gaierror, or UnicodeError for no name.

    A lookup cannot be cancelled, so it runs on a daemon thread of its own. One that hangs delays neither the next
    dial nor the end of the program, as it would in the loop's executor.
    """
    for family, length in _LITERALS:
        with suppress(OSError, ValueError):
            socket.inet_pton(family, host)
            return [(family, _STREAM, _TCP, "", (host, port, 0, 0)[:length])]
    with suppress(OSError):  # a literal with a zone, or in an older notation
        return socket.getaddrinfo(host, port, type=_STREAM, flags=_NUMERIC)
    answer: concurrent.futures.Future[Sequence[AddressInfo]] = concurrent.futures.Future()
    answer.set_running_or_notify_cancel()  # from here on it cannot be cancelled

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=_STREAM))
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name=f"lookup {host}", daemon=True).start()
    return await asyncio.wrap_future(answer)


def interleave(found: Sequence[AddressInfo]) -> list[AddressInfo]:
    """Order addresses with their families in turn, the first one's family first; no duplicates (RFC 8305, 4)."""
    if len(found) == 1:
        return list(found)
    families: dict[int, list[AddressInfo]] = {}
    for info in dict.fromkeys(found):
        families.setdefault(info[0], []).append(info)
    return [info for turn in zip_longest(*families.values()) for info in turn if info is not None]


def numeric(info: AddressInfo) -> str:
    """Format as ``ip:port``, an IPv6 address in brackets."""
    return authority(*info[4][:2])


def authority(host: str, port: int) -> str:
    """Format as ``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
