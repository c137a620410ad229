"""What the benchmarks connect to, on loopback: a real server, and ports at which no connection succeeds."""

from collections.abc import Iterator
from contextlib import contextmanager

from natsmon.config.settings import Server
from natsmon.lab.nats_server import HOST, NatsServer
from tests.harness import dead_ports


def nats_server(config: str = "") -> NatsServer:
    """Return a nats-server that runs while it is used as a context."""
    return NatsServer(config=config)


def address(server: NatsServer) -> Server:
    return Server(HOST, server.port)


@contextmanager
def refusing() -> Iterator[Server]:
    with dead_ports.refused_port() as port:
        yield Server(HOST, port)


@contextmanager
def silent() -> Iterator[Server]:
    with dead_ports.silent_port() as port:
        yield Server(HOST, port)


@contextmanager
def blackholed() -> Iterator[Server]:
    with dead_ports.blackhole_port() as port:
        yield Server(HOST, port)
