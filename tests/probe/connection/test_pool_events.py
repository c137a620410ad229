"""Pool events: changes only, in bounded pieces, and lame ducks."""

import time

from natsmon.config.settings import Server
from natsmon.probe.connection.pool_events import CHANGES_EMITTED, PoolEvents
from natsmon.probe.connection.server_pool import DISCOVERED_KEPT, Pool, advertised
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit, Emitter
from tests.harness.listening import Events

A, B = Server("a.example"), Server("b.example")


def observed(*servers: Server, limit: int | None = None) -> tuple[Pool, PoolEvents, Events]:
    pool = Pool(servers, randomize=False)
    pool.begin(limit)
    events = Events()
    return pool, PoolEvents(pool, Emit(Emitter([events]), 0)), events


def changes(events: Events) -> list[list[str]]:
    return [[member.server for member in event.changed] for event in events.of(ev.Pool)]


def test_first_event_lists_every_member() -> None:
    _, pool_events, events = observed(A, B, limit=3)
    pool_events.pool_changed()
    (event,) = events.of(ev.Pool)
    assert [(member.server, member.attempts_left) for member in event.changed] == [(A.url, 3), (B.url, 3)]


def test_failed_dial_changes_one_member() -> None:
    pool, pool_events, events = observed(A, B, limit=3)
    pool_events.pool_changed()
    pool.failed(B)
    pool_events.member_changed(B.url)
    (member,) = events.of(ev.Pool)[-1].changed
    assert (member.server, member.failures, member.attempts_left) == (B.url, 1, 2)


def test_unchanged_pool_emits_nothing() -> None:
    _, pool_events, events = observed(A, B)
    for _ in range(3):
        pool_events.pool_changed()
        pool_events.member_changed(A.url)
    assert changes(events) == [[A.url, B.url]]


def test_unknown_server_emits_no_change() -> None:
    _, pool_events, events = observed(A)
    pool_events.member_changed(B.url)
    assert changes(events) == []


def test_server_that_left_is_removed_once() -> None:
    pool, pool_events, events = observed(A)
    pool.discover(advertised(["c:1", "d:1"], A), A)
    pool_events.pool_changed()
    pool.discover(advertised(["d:1"], A), A)
    pool_events.pool_changed()
    pool_events.pool_changed()
    assert [event.removed for event in events.of(ev.Pool)] == [[], ["nats://c:1"]]


def test_long_list_of_changes_is_several_events() -> None:
    pool, pool_events, events = observed(A)
    pool.discover(advertised([f"h{n}:1" for n in range(200)], A), A)
    pool_events.pool_changed()
    sizes = [len(each) for each in changes(events)]
    assert (sum(sizes), max(sizes)) == (201, CHANGES_EMITTED)


def test_lame_duck_ends_when_advertised_again_or_accepting() -> None:
    _, pool_events, events = observed(A, B)
    pool_events.lame.update({A.url: "192.0.2.1:4222", B.url: "192.0.2.2:4222"})
    pool_events.pool_changed()
    assert [member.lame_duck for member in events.of(ev.Pool)[-1].changed] == [True, True]
    pool_events.advertised({"192.0.2.1:4222"})
    del pool_events.lame[B.url]
    assert not pool_events.lame
    pool_events.pool_changed()
    assert [member.lame_duck for member in events.of(ev.Pool)[-1].changed] == [False, False]


def test_cost_of_a_dial_does_not_grow_with_the_pool() -> None:
    def seconds(members: int) -> float:
        pool, pool_events, _ = observed(A)
        pool.discover(advertised([f"h{n}:1" for n in range(members)], A), A)
        pool_events.pool_changed()
        began = time.thread_time()
        for _ in range(300):
            server = pool.take()
            assert server is not None
            pool.failed(server)
            pool_events.member_changed(server.url)
            assert pool.peek() is not None
        return time.thread_time() - began

    few = min(seconds(50) for _ in range(3))
    many = min(seconds(DISCOVERED_KEPT) for _ in range(3))
    assert many < 5 * few, "twenty times as many members"
