"""Pool events: changes only, in bounded pieces, and lame ducks."""

import time

from natsmon.config.settings import Server
from natsmon.probe.connection.server_pool import DISCOVERED_KEPT, Pool, advertised
from natsmon.probe.connection.server_reports import CHANGES_EMITTED, ServerReports
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit, Emitter
from tests.harness.listening import Events

A, B = Server("a.example"), Server("b.example")


def observed(*servers: Server, limit: int | None = None) -> tuple[Pool, ServerReports, Events]:
    pool = Pool(servers, randomize=False)
    pool.begin(limit)
    events = Events()
    return pool, ServerReports(pool, Emit(Emitter([events]), 0), discover=True), events


def changes(events: Events) -> list[list[str]]:
    return [[member.server for member in event.changed] for event in events.of(ev.Pool)]


def test_first_event_lists_every_member() -> None:
    _, reports, events = observed(A, B, limit=3)
    reports.pool_changed()
    (event,) = events.of(ev.Pool)
    assert [(member.server, member.attempts_left) for member in event.changed] == [(A.url, 3), (B.url, 3)]


def test_failed_dial_changes_one_member() -> None:
    pool, reports, events = observed(A, B, limit=3)
    reports.pool_changed()
    pool.failed(B)
    reports.member_changed(B.url)
    (member,) = events.of(ev.Pool)[-1].changed
    assert (member.server, member.failures, member.attempts_left) == (B.url, 1, 2)


def test_unchanged_pool_emits_nothing() -> None:
    _, reports, events = observed(A, B)
    for _ in range(3):
        reports.pool_changed()
        reports.member_changed(A.url)
    assert changes(events) == [[A.url, B.url]]


def test_unknown_server_emits_no_change() -> None:
    _, reports, events = observed(A)
    reports.member_changed(B.url)
    assert changes(events) == []


def test_server_that_left_is_removed_once() -> None:
    pool, reports, events = observed(A)
    pool.discover(advertised(["c:1", "d:1"], A), A)
    reports.pool_changed()
    pool.discover(advertised(["d:1"], A), A)
    reports.pool_changed()
    reports.pool_changed()
    assert [event.removed for event in events.of(ev.Pool)] == [[], ["nats://c:1"]]


def test_long_list_of_changes_is_several_events() -> None:
    pool, reports, events = observed(A)
    pool.discover(advertised([f"h{n}:1" for n in range(200)], A), A)
    reports.pool_changed()
    sizes = [len(each) for each in changes(events)]
    assert (sum(sizes), max(sizes)) == (201, CHANGES_EMITTED)


def test_lame_duck_ends_when_advertised_again_or_accepting() -> None:
    _, reports, events = observed(A, B)
    reports.lame.update({A.url: "192.0.2.1:4222", B.url: "192.0.2.2:4222"})
    reports.pool_changed()
    assert [member.lame_duck for member in events.of(ev.Pool)[-1].changed] == [True, True]
    reports.advertised({"192.0.2.1:4222"})
    del reports.lame[B.url]
    assert not reports.lame
    reports.pool_changed()
    assert [member.lame_duck for member in events.of(ev.Pool)[-1].changed] == [False, False]


def test_cost_of_a_dial_does_not_grow_with_the_pool() -> None:
    def seconds(members: int) -> float:
        pool, reports, _ = observed(A)
        pool.discover(advertised([f"h{n}:1" for n in range(members)], A), A)
        reports.pool_changed()
        began = time.thread_time()
        for _ in range(300):
            server = pool.take()
            assert server is not None
            pool.failed(server)
            reports.member_changed(server.url)
            assert pool.peek() is not None
        return time.thread_time() - began

    few = min(seconds(50) for _ in range(3))
    many = min(seconds(DISCOVERED_KEPT) for _ in range(3))
    assert many < 5 * few, "twenty times as many members"
