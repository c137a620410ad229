"""Ports on loopback at which no connection succeeds."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from natsmon.lab.nats_server import HOST

_BACKLOG = 512
"""Connections that the kernel completes for a silent port."""


class Unsupported(OSError):
    """This system has no such ports."""


@contextmanager
def refused_port() -> Iterator[int]:
    """A port that refuses connections and stays reserved; a nats-server may still be started on it."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, 0))
        yield sock.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port at which TCP connects succeed and nothing is sent: the kernel accepts, no program does."""
    with socket.create_server((HOST, 0), backlog=_BACKLOG) as sock:
        yield sock.getsockname()[1]


@contextmanager
def blackhole_port() -> Iterator[int]:
    """A port at which TCP connects neither succeed nor fail: its queue of connections is full.

    Raises:
        Unsupported: This system completes connections beyond the queue.
    """
    with ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind((HOST, 0))
        listener.listen(0)
        for _ in range(16):
            filler = held.enter_context(socket.socket())
            filler.settimeout(0.05)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                yield listener.getsockname()[1]
                return
        raise Unsupported("this system completes connections that no program accepts")
