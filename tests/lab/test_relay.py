"""The relay: bytes pass both ways, and each fault does what its method documents."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from natsmon.lab.nats_server import HOST
from natsmon.lab.relay import Relay
from natsmon.lab.relayed_connection import Direction
from tests.harness.time_limits import WAIT

SOON = 0.05
"""Seconds in which everything arrives on loopback that is on its way."""


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    """The server behind the relay: a listening socket, of which each test decides what it does."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(WAIT)
        yield listener


@pytest.fixture
def relay(peer: socket.socket) -> Iterator[Relay]:
    with Relay(peer.getsockname()[1]) as relay:
        yield relay


@contextmanager
def connection(relay: Relay, peer: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of one through the relay: the client's, the server's."""
    with ExitStack() as held:
        client = held.enter_context(socket.create_connection((HOST, relay.port), WAIT))
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


def test_connection_relays_until_both_sides_have_ended_it(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        assert relay.connections == 1
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


def test_reset_reaches_both_sides_and_next_connection_works(relay: Relay, peer: socket.socket) -> None:
    port = relay.port
    with connection(relay, peer) as (client, server):
        relay.reset()
        assert_reset(client)
        assert_reset(server)
    assert (relay.connections, relay.port) == (0, port)
    with connection(relay, peer) as (client, server):
        server.sendall(b"x")
        assert received(client, 1) == b"x"


@pytest.mark.parametrize("hurt", ["client", "server"])
def test_reset_by_one_side_is_passed_on(relay: Relay, peer: socket.socket, hurt: str) -> None:
    with connection(relay, peer) as ends:
        one, other = ends if hurt == "client" else reversed(ends)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        one.close()
        assert_reset(other)


def test_cut_discards_bytes_and_heal_resets(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.cut()
        client.sendall(b"lost")
        server.sendall(b"lost")
        assert silent(server)
        assert silent(client)
        with socket.create_connection((HOST, relay.port), WAIT) as late:
            assert silent(late)
            relay.heal()
            assert_reset(client)
            assert_reset(server)
            with peer.accept()[0] as served:
                served.sendall(b"x")
                assert received(late, 1) == b"x"


def test_connection_without_lost_bytes_survives_cut(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.cut()
        relay.heal()
        client.sendall(b"x")
        assert received(server, 1) == b"x"


def test_stalled_bytes_arrive_after_heal(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.stall()
        client.sendall(b"late")
        client.close()
        assert silent(server)
        assert relay.connections == 1
        relay.heal()
        assert received(server, 4) == b"late"
        assert server.recv(1) == b""


def test_refuse_lasts_until_heal_and_keeps_connections(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, relay.port), WAIT)
        client.sendall(b"x")
        assert received(server, 1) == b"x"
    relay.heal()
    with connection(relay, peer):
        pass


def test_delay_keeps_order_when_it_ends(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.delay(10 * SOON)
        client.sendall(b"first ")
        assert silent(client)  # meanwhile the relay has it
        relay.delay(0.0)
        client.sendall(b"second")
        assert received(server, 12) == b"first second"


def test_reset_after_counts_bytes_of_both_directions(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server), connection(relay, peer) as (bystander, _):
        relay.reset_after(5)
        client.sendall(b"1234")
        assert received(server, 4) == b"1234"
        server.sendall(b"56789")
        assert received(client, 1) == b"5"
        assert_reset(client)
        assert_reset(bystander)
    with connection(relay, peer) as (client, server):
        client.sendall(b"123456")
        assert received(server, 6) == b"123456"


def test_finish_sends_fin_to_both_sides(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.finish()
        assert client.recv(1) == b""
        assert server.recv(1) == b""
    with connection(relay, peer) as (client, server):
        server.sendall(b"x")
        assert received(client, 1) == b"x"


def test_finish_returns_while_a_side_does_not_read(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (_, server):
        server.settimeout(SOON)
        with pytest.raises(TimeoutError):
            server.sendall(bytes(64 << 20))
        relay.finish()
        assert relay.connections == 0


def test_truncate_ends_a_connection_with_fin_within_its_bytes(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.truncate(3, "down")
        client.sendall(b"passes")
        assert received(server, 6) == b"passes"
        server.sendall(b"12345")
        assert received(client, 3) == b"123"
        assert client.recv(1) == b""
        assert server.recv(1) == b""


@pytest.mark.parametrize("fault", [Relay.stall, Relay.cut])
def test_one_way_fault_leaves_the_other_direction_alone(
    relay: Relay, peer: socket.socket, fault: Callable[[Relay, Direction], None]
) -> None:
    with connection(relay, peer) as (client, server):
        fault(relay, "down")
        server.sendall(b"x")
        assert silent(client)
        client.sendall(b"y")
        assert received(server, 1) == b"y"
        with connection(relay, peer):  # what a new client sends arrives, too
            pass


def test_accept_silently_keeps_new_clients_waiting_and_old_ones_working(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.accept_silently()
        with socket.create_connection((HOST, relay.port), WAIT) as late:
            late.sendall(b"x")
            assert silent(late)
            server.sendall(b"y")
            assert received(client, 1) == b"y"
            relay.heal()
            with peer.accept()[0] as served:
                assert received(served, 1) == b"x"


def test_drip_sends_byte_by_byte(peer: socket.socket) -> None:
    pieces: list[bytes] = []
    with Relay(peer.getsockname()[1], lambda _, __, data: pieces.append(data)) as relay:
        with connection(relay, peer) as (client, server):
            relay.drip(0.001, "down")
            server.sendall(b"abc")
            assert received(client, 3) == b"abc"
            client.sendall(b"xyz")
            assert received(server, 3) == b"xyz"
        assert pieces[:4] == [b"a", b"b", b"c", b"xyz"]


def test_garble_inverts_a_bit_until_heal(relay: Relay, peer: socket.socket) -> None:
    with connection(relay, peer) as (client, server):
        relay.garble("up")
        client.sendall(b"abc")
        assert received(server, 3) == b"\xe1\xe2\xe3"
        server.sendall(b"abc")
        assert received(client, 3) == b"abc"
        relay.heal()
        client.sendall(b"abc")
        assert received(server, 3) == b"abc"


def test_latency_stays_after_heal(peer: socket.socket) -> None:
    with Relay(peer.getsockname()[1], latency=10 * SOON) as relay, connection(relay, peer) as (client, server):
        relay.delay(60.0)
        relay.heal()
        began = time.monotonic()
        client.sendall(b"x")
        assert received(server, 1) == b"x"
        assert time.monotonic() - began >= 10 * SOON


def test_client_is_reset_while_server_is_down(relay: Relay, peer: socket.socket) -> None:
    peer.close()
    with pytest.raises(ConnectionResetError), socket.create_connection((HOST, relay.port), WAIT) as client:
        client.recv(1)


def test_tap_is_called_with_bytes_and_one_end_for_each_direction(peer: socket.socket) -> None:
    passed: list[tuple[int, Direction, bytes]] = []
    with Relay(peer.getsockname()[1], lambda *passing: passed.append(passing)) as relay:
        with connection(relay, peer) as (client, server):
            client.sendall(b"up")
            assert received(server, 2) == b"up"
            server.sendall(b"down")
            assert received(client, 4) == b"down"
            client.close()
            assert server.recv(1) == b""
        with connection(relay, peer):
            pass
    assert passed[:3] == [(1, "up", b"up"), (1, "down", b"down"), (1, "up", b"")]
    assert passed.count((1, "up", b"")) == passed.count((1, "down", b"")) == 1
    assert {number for number, _, _ in passed} == {1, 2}


FAULTS: dict[str, Callable[[Relay], None]] = {
    "none": lambda relay: None,
    "cut": Relay.cut,
    "stall": Relay.stall,
    "refuse": Relay.refuse,
    "accept silently": Relay.accept_silently,
    "delay": lambda relay: relay.delay(60.0),
    "drip": lambda relay: relay.drip(60.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_close_resets_connections_during_any_fault(fault: str, peer: socket.socket) -> None:
    relay = Relay(peer.getsockname()[1]).start()
    with connection(relay, peer) as (client, server):
        client.sendall(b"x")
        assert received(server, 1) == b"x"
        FAULTS[fault](relay)
        relay.close()
        assert_reset(server)
        assert_reset(client)
    relay.close()
