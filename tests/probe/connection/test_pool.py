"""The server pool: turns, rounds, limits, and what a cluster advertises. Pure."""

import random

import pytest

from natsmon.config.settings import Server
from natsmon.probe.connection.server_pool import DISCOVERED_KEPT, Pool, advertised

A, B, C, D = (Server(f"{name}.example") for name in "abcd")


def pool(*servers: Server, limit: int | None = None) -> Pool:
    made = Pool(servers, randomize=False)
    made.begin(limit)
    return made


def failing(made: Pool, times: int) -> list[Server]:
    """Take and fail as often as that, or until no server is left."""
    tried: list[Server] = []
    while len(tried) < times and (server := made.take()) is not None:
        made.failed(server)
        tried.append(server)
    return tried


def members(made: Pool) -> list[Server]:
    return [member.server for member in made.members]


def test_in_the_order_given_round_after_round() -> None:
    made = pool(A, B, C)
    rounds = []
    for _ in range(7):
        server = made.take()
        rounds.append((server, made.pool_pass, made.pass_complete))
    assert rounds == [
        (A, 1, False), (B, 1, False), (C, 1, True),
        (A, 2, False), (B, 2, False), (C, 2, True),
        (A, 3, False),
    ]  # fmt: skip


def test_peek_takes_no_turn() -> None:
    made = pool(A, B)
    assert [made.peek(), made.peek(), made.take(), made.peek(), made.take(), made.peek()] == [A, A, A, B, B, A]


def test_one_server_is_a_round() -> None:
    made = pool(A)
    assert [(made.take(), made.pool_pass, made.pass_complete) for _ in range(3)] == [(A, n, True) for n in (1, 2, 3)]


def test_repeated_servers_are_one() -> None:
    assert members(pool(A, B, A)) == [A, B]


def test_random_order_is_fair_and_optional() -> None:
    orders = {tuple(members(Pool([A, B, C], randomize=True, rng=random.Random(seed)))) for seed in range(100)}
    assert len(orders) == 6
    assert members(Pool([A, B, C], randomize=False)) == [A, B, C]


def test_limit_is_for_each_server() -> None:
    made = pool(A, B, limit=2)
    assert failing(made, 100) == [A, B, A, B]
    assert made.peek() is None
    assert made.take() is None


def test_limit_0_allows_nothing() -> None:
    made = pool(A, limit=0)
    assert made.peek() is None
    assert made.take() is None


def test_no_limit() -> None:
    made = pool(A, B)
    assert len(failing(made, 1000)) == 1000
    assert made.peek() is not None


def test_begin_forgives() -> None:
    made = pool(A, limit=1)
    failing(made, 1)
    assert made.peek() is None
    made.begin(1)
    assert (made.pool_pass, made.peek()) == (1, A)


def test_exhausted_servers_do_not_hold_up_a_round() -> None:
    made = pool(A, B, limit=2)
    made.failed(A)
    made.failed(A)
    assert [made.take(), made.pass_complete, made.take(), made.pool_pass] == [B, True, B, 2]


def test_skip_passes_over_the_next() -> None:
    made = pool(A, B, C)
    made.take()
    made.skip()
    assert made.take() == C
    assert made.pass_complete


def test_skip_between_rounds_begins_the_new_one() -> None:
    made = pool(A, B)
    failing(made, 2)
    made.skip()
    assert (made.pool_pass, made.take()) == (2, B)


def test_skip_with_one_server_left_does_nothing() -> None:
    made = pool(A, B, limit=1)
    failing(made, 1)
    made.skip()
    assert made.take() == B


def test_lost_server_goes_last() -> None:
    made = pool(A, B, C)
    made.to_end(A)
    assert members(made) == [B, C, A]


def test_discovered_servers_are_emitted_once() -> None:
    made = pool(A)
    assert made.discover([B, C], A) == [B, C]
    assert made.discover([C, B], A) == []
    assert members(made) == [A, B, C]
    assert [member.discovered for member in made.members] == [False, True, True]


def test_known_by_authority_not_by_scheme() -> None:
    assert pool(A).discover([Server(A.host, scheme="tls")], A) == []


def test_discovered_leave_but_for_the_one_we_are_on() -> None:
    made = pool(A)
    made.discover([B, C, D], A)
    made.discover([D], C)
    assert members(made) == [A, C, D]
    made.discover([D], A)
    assert members(made) == [A, D]


def test_discovered_by_another_name_are_the_same_servers() -> None:
    """Each server advertises the same addresses, checked under its own name: nothing is discovered."""
    made = pool(A, B)
    first = made.discover(advertised(["192.0.2.1:4222"], A), A)
    made.failed(first[0])
    assert made.discover(advertised(["192.0.2.1:4222"], B), B) == []
    assert [(m.server, m.failures) for m in made.members if m.discovered] == [(first[0], 1)]


def test_empty_advertisement_changes_nothing() -> None:
    made = pool(A)
    made.discover([B], A)
    assert made.discover([], A) == []
    assert members(made) == [A, B]


def test_discovered_are_mixed_where_order_is_random() -> None:
    orders = set()
    for seed in range(50):
        made = Pool([A], randomize=True, rng=random.Random(seed))
        orders.add(tuple(made.discover([B, C, D], A)))
    assert len(orders) == 6


def test_discovered_have_the_limit_too() -> None:
    made = pool(A, limit=1)
    made.discover([B], A)
    assert failing(made, 10) == [A, B]


@pytest.mark.parametrize("url", ["", ":4222", "a b:4222", "h:99999", "[::1", "h:x", "\x1b[2J:1", "h:1/p", "u:p@"])
def test_invalid_advertised_address_is_skipped(url: str) -> None:
    assert [s.authority for s in advertised([url, "127.0.0.1:4222", "[::1]:4223"], A)] == [
        "127.0.0.1:4222",
        "[::1]:4223",
    ]


def test_discovered_servers_come_after_those_that_were_connected() -> None:
    made = pool(A)
    made.take()
    made.discover([B, C], A)
    made.connected(C)
    made.begin(None)
    made.to_end(C)
    assert [made.take() for _ in range(4)] == [A, C, B, A]


def test_advertised_servers_are_bounded() -> None:
    made = pool(A)
    many = [f"h{n}:1" for n in range(DISCOVERED_KEPT)]
    made.discover(advertised(many, A), A)
    made.discover(advertised([f"x{n}:1" for n in range(DISCOVERED_KEPT)], A), A)
    assert len(members(made)) == DISCOVERED_KEPT + 1
