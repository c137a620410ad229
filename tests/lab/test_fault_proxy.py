"""The proxy that is hurt in place of a network; here it is held to what its methods say."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from natsmon.lab.fault_relay import FaultProxy
from natsmon.lab.nats_server import HOST
from natsmon.lab.relay import Way

WAIT = 5.0
SOON = 0.05
"""Seconds in which on loopback everything comes that is coming."""


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    """The server behind the proxy: a listening socket, so that each test says itself what the server does."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(WAIT)
        yield listener


@pytest.fixture
def proxy(peer: socket.socket) -> Iterator[FaultProxy]:
    with FaultProxy(peer.getsockname()[1]) as proxy:
        yield proxy


@contextmanager
def connection(proxy: FaultProxy, peer: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of one through the proxy: the client's, the server's."""
    with ExitStack() as held:
        client = held.enter_context(socket.create_connection((HOST, proxy.port), WAIT))
        server = held.enter_context(peer.accept()[0])
        server.settimeout(WAIT)
        yield client, server


def received(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, f"it ended after {data!r}"
        data += piece
    return data


def silent(sock: socket.socket) -> bool:
    sock.settimeout(SOON)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    finally:
        sock.settimeout(WAIT)
    return False


def assert_reset(sock: socket.socket) -> None:
    with pytest.raises(ConnectionResetError):
        sock.recv(1)


def test_relays_both_ways_until_both_sides_have_ended_it(proxy: FaultProxy, peer: socket.socket) -> None:
    with connection(proxy, peer) as (client, server):
        assert proxy.connections == 1
        client.sendall(b"ping")
        assert received(server, 4) == b"ping"
        client.shutdown(socket.SHUT_WR)
        assert server.recv(1) == b""
        payload = bytes(range(256)) * 4096
        sending = threading.Thread(target=server.sendall, args=(payload,))
        sending.start()
        assert received(client, len(payload)) == payload
        sending.join()
        server.close()
        assert client.recv(1) == b""


def test_a_reset_reaches_both_sides_and_the_next_connection_is_good(proxy: FaultProxy, peer: socket.socket) -> None:
    port = proxy.port
    with connection(proxy, peer) as (client, server):
        proxy.reset()
        assert_reset(client)
        assert_reset(server)
    assert (proxy.connections, proxy.port) == (0, port)
    with connection(proxy, peer) as (client, server):
        server.sendall(b"x")
        assert received(client, 1) == b"x"


@pytest.mark.parametrize("hurt", ["client", "server"])
def test_a_reset_by_one_side_is_passed_on(proxy: FaultProxy, peer: socket.socket, hurt: str) -> None:
    with connection(proxy, peer) as ends:
        one, other = ends if hurt == "client" else reversed(ends)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        one.close()
        assert_reset(other)


def test_what_is_sent_into_a_cut_vanishes_and_healing_ends_it(proxy: FaultProxy, peer: socket.socket) -> None:
    with connection(proxy, peer) as (client, server):
        proxy.cut()
        client.sendall(b"lost")
        server.sendall(b"lost")
        assert silent(server)
        assert silent(client)
        with socket.create_connection((HOST, proxy.port), WAIT) as late:
            assert silent(late)
            proxy.heal()
            assert_reset(client)
            assert_reset(server)
            with peer.accept()[0] as served:
                served.sendall(b"x")
                assert received(late, 1) == b"x"


def test_a_connection_on_which_nothing_was_sent_outlives_a_cut(proxy: FaultProxy, peer: socket.socket) -> None:
    with connection(proxy, peer) as (client, server):
        proxy.cut()
        proxy.heal()
        client.sendall(b"x")
        assert received(server, 1) == b"x"


def test_what_is_sent_into_a_hold_arrives_when_it_is_healed(proxy: FaultProxy, peer: socket.socket) -> None:
    with connection(proxy, peer) as (client, server):
        proxy.hold()
        client.sendall(b"late")
        client.close()
        assert silent(server)
        assert proxy.connections == 1
        proxy.heal()
        assert received(server, 4) == b"late"
        assert server.recv(1) == b""


def test_refuses_on_its_port_until_it_is_healed(proxy: FaultProxy, peer: socket.socket) -> None:
    with connection(proxy, peer) as (client, server):
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, proxy.port), WAIT)
        client.sendall(b"x")
        assert received(server, 1) == b"x"
    proxy.heal()
    with connection(proxy, peer):
        pass


def test_a_delay_keeps_the_order_also_when_it_ends(proxy: FaultProxy, peer: socket.socket) -> None:
    with connection(proxy, peer) as (client, server):
        proxy.delay(2 * SOON)
        client.sendall(b"first ")
        assert silent(server)
        proxy.delay(0.0)
        client.sendall(b"second")
        assert received(server, 12) == b"first second"


def test_drops_every_connection_after_so_many_bytes(proxy: FaultProxy, peer: socket.socket) -> None:
    with connection(proxy, peer) as (client, server), connection(proxy, peer) as (bystander, _):
        proxy.drop_after(5)
        client.sendall(b"1234")
        assert received(server, 4) == b"1234"
        server.sendall(b"56789")
        assert received(client, 1) == b"5"
        assert_reset(client)
        assert_reset(bystander)
    with connection(proxy, peer) as (client, server):
        client.sendall(b"123456")
        assert received(server, 6) == b"123456"


def test_a_server_that_is_down_resets_the_client(proxy: FaultProxy, peer: socket.socket) -> None:
    peer.close()
    with pytest.raises(ConnectionResetError), socket.create_connection((HOST, proxy.port), WAIT) as client:
        client.recv(1)


def test_a_tap_is_told_what_passes_and_when_each_way_ends(peer: socket.socket) -> None:
    told: list[tuple[int, Way, bytes]] = []
    with FaultProxy(peer.getsockname()[1], lambda *passing: told.append(passing)) as proxy:
        with connection(proxy, peer) as (client, server):
            client.sendall(b"up")
            assert received(server, 2) == b"up"
            server.sendall(b"down")
            assert received(client, 4) == b"down"
            client.close()
            assert server.recv(1) == b""
        with connection(proxy, peer):
            pass
    assert told[:3] == [(1, "up", b"up"), (1, "down", b"down"), (1, "up", b"")]
    assert told.count((1, "up", b"")) == told.count((1, "down", b"")) == 1
    assert {number for number, _, _ in told} == {1, 2}


FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "none": lambda proxy: None,
    "cut": FaultProxy.cut,
    "hold": FaultProxy.hold,
    "refuse": FaultProxy.refuse,
    "delay": lambda proxy: proxy.delay(60.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_left_of_it_whatever_is_under_way(fault: str, peer: socket.socket) -> None:
    proxy = FaultProxy(peer.getsockname()[1]).start()
    with connection(proxy, peer) as (client, server):
        client.sendall(b"x")
        assert received(server, 1) == b"x"
        FAULTS[fault](proxy)
        proxy.close()
        assert_reset(server)
        assert_reset(client)
    proxy.close()
