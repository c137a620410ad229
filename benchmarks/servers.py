"""What there is to connect to: a real server, and three ports that never let anybody in. All on loopback."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from natsmon.config.settings import Server
from natsmon.lab.nats_server import HOST, NatsServer

_QUEUE = 512
"""Connections a silent peer takes without anybody accepting them."""


@contextmanager
def nats_server(config: str = "") -> Iterator[NatsServer]:
    """A running nats-server."""
    with NatsServer(config=config) as server:
        yield server


def address(server: NatsServer) -> Server:
    return Server(HOST, server.port)


@contextmanager
def refusing() -> Iterator[Server]:
    """A port that nobody listens on, and that nobody else is given meanwhile."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        yield Server(HOST, sock.getsockname()[1])


@contextmanager
def silent() -> Iterator[Server]:
    """TCP connects complete, and no INFO comes: the kernel accepts, no program does."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        sock.listen(_QUEUE)
        yield Server(HOST, sock.getsockname()[1])


@contextmanager
def blackholed() -> Iterator[Server]:
    """TCP connects neither succeed nor fail: the queue of connections is full."""
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
                yield Server(HOST, listener.getsockname()[1])
                return
        raise OSError("this system completes connections that nobody accepts")
