"""All that is known, written down and read back: the same in every attribute, and the same from there on."""

import time
from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon.recording.shadow import LINES_KEPT, MESSAGES_KEPT, Shadow
from natsmon.state import State
from natsmon.state.snapshot import restore, snapshot, types
from natsmon.stream import events as ev
from natsmon.tui.watch import Watch
from tests.harness.vocabulary import EVENTS, anything_of, made_of
from tests.state.folding import same
from tests.tui import dial_streams, streams
from tests.tui.fakes import Recorded

by_type = {
    **anything_of,
    float: st.floats(0, 1e6, allow_nan=False),
    int: st.integers(-3, 10**6),
    str: st.sampled_from(["", "nats://a:4222", "nats://b:4222", "eof", "ä\x1b"]),
}
numbers = st.integers(0, 3)
EVENT: st.SearchStrategy[Any] = st.one_of(
    [made_of(cls, by_type, dial=numbers, conn=st.just(0)) for cls in EVENTS if cls is not ev.Snapshot]
)


def after(stream: list[ev.AnyEvent]) -> State:
    state = State()
    for event in stream:
        state.apply(event)
    return state


def restored(state: State) -> State:
    """By way of a line, as a reader gets it."""
    line = ev.encode(ev.Snapshot(t=state.now, state=snapshot(state)))
    event = ev.decode_event(line)
    assert event is not None
    other = State()
    other.apply(event)
    return other


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENT, max_size=30), st.lists(EVENT, max_size=10))
def test_what_is_restored_is_the_same_and_stays_so(before: list[ev.AnyEvent], further: list[ev.AnyEvent]) -> None:
    state = after(before)
    other = restored(state)
    same(state, other)
    for event in further:
        state.apply(event)
        other.apply(event)
    same(state, other)


def test_the_type_of_every_attribute_is_known() -> None:
    assert set(types()) == set(vars(State()))
    assert types()["dials"] == deque[type_of_dial()]  # type: ignore[misc]


def type_of_dial() -> Any:
    from natsmon.state import Dial

    return Dial


def test_a_snapshot_shares_nothing_that_changes() -> None:
    state = after(streams.outage().events)
    plain = snapshot(state)
    other = State()
    restore(other, plain)
    for event in streams.connected().events:
        other.apply(event)
    same(after(streams.outage().events), state)
    assert plain == snapshot(state)


@given(st.dictionaries(st.sampled_from([*vars(State()), "telepathy"]), st.none() | st.text() | st.lists(st.integers())))
def test_a_snapshot_that_makes_no_sense_changes_nothing_it_cannot(plain: dict[str, Any]) -> None:
    state = after(streams.outage().events)
    state.apply(ev.Snapshot(t=0.0, state=plain))
    for event in streams.outage().events:
        state.apply(event)
    assert state.timeline


def full() -> State:
    """As much as is ever kept."""
    state = State()
    one = [event for event in dial_streams.secured().events if not isinstance(event, ev.Session)]
    for round_ in range(1100):
        for event in one:
            moved: dict[str, Any] = {"t": event.t + round_ * 100.0}
            if hasattr(event, "dial"):
                moved["dial"] = event.dial + round_ * 10
            state.apply(replace(event, **moved))
        state.apply(ev.Disconnected(t=round_ * 100.0 + 90, cause="eof"))
        for number in range(4):
            state.apply(ev.Rtt(t=round_ * 100.0 + 91 + number, seconds=0.001))
    return state


def test_a_full_state_is_quickly_copied() -> None:
    """10 ms on a quiet machine; here only the order of it."""
    state = full()
    took = []
    for _ in range(5):
        began = time.process_time()
        plain = snapshot(state)
        took.append(time.process_time() - began)
    assert min(took) < 0.05
    other = State()
    restore(other, plain)
    same(state, other)


def test_a_shadow_sees_what_a_view_sees() -> None:
    stream = streams.outage()
    shadow, watch = Shadow(), Watch(Recorded(stream), lambda: stream.t)
    for event in stream.events:
        shadow.take(ev.encode(event))
        watch.take(event)
    first, second = shadow.head().splitlines()
    assert first + b"\n" == ev.encode(stream.events[0])
    snapshot_event = ev.decode_event(second)
    assert isinstance(snapshot_event, ev.Snapshot)
    again = Watch(Recorded(stream), lambda: stream.t)
    again.take(stream.events[0])
    again.take(snapshot_event)
    same(watch.state, again.state)
    watch.book.select(messages=True)
    again.book.select(messages=True)
    assert again.book.newest(10_000) == watch.book.latest(LINES_KEPT, MESSAGES_KEPT)
    further = Shadow()
    for line in shadow.head().splitlines(keepends=True):
        further.take(line)
    assert further.head() == shadow.head()
