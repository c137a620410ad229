"""States folded from events, any or the usual ones, and whether two of them are the same."""

from collections import deque
from typing import Any

from hypothesis import strategies as st

from natsmon.state import State
from natsmon.stream import events as ev
from tests.harness.vocabulary import EVENTS, anything_of, made_of

A, B = "nats://a:4222", "nats://b:4222"

times = st.one_of(
    st.integers(0, 50).map(float),
    st.floats(0, 100),
    st.floats(allow_nan=False, allow_infinity=False),
)

few: dict[Any, st.SearchStrategy[Any]] = {
    **anything_of,
    float: times,
    int: st.integers(0, 4) | st.integers(-(2**63), 2**63 - 1),
    str: st.sampled_from(["", A, B, "forced", "127.0.0.1:1", "127.0.0.1:2"]),
}
"""Values from so few that events find each other; some of them make no sense."""

any_event = st.one_of([made_of(cls, few, conn=st.sampled_from([0, 0, 0, 1])) for cls in EVENTS])


def folded(*events: ev.AnyEvent) -> State:
    state = State()
    for event in events:
        state.apply(event)
    return state


def same(one: State, other: State) -> None:
    """Every attribute, and its type."""
    assert vars(one) == vars(other)
    for name, value in vars(one).items():
        assert type(value) is type(getattr(other, name)), name
        if isinstance(value, deque):
            assert value.maxlen == getattr(other, name).maxlen, name
            assert [*map(type, value)] == [*map(type, getattr(other, name))], name


def status(t: float, to: ev.Status, before: ev.Status, cause: str = "") -> ev.StatusChanged:
    return ev.StatusChanged(t=t, status=to, previous=before, cause=cause)


def dial(t: float, number: int, why: ev.Why = "reconnect") -> ev.DialStart:
    return ev.DialStart(t=t, dial=number, attempt=number, round=1, server=A, why=why)


def dialed(t: float, number: int, outcome: ev.DialOutcome = "connected") -> ev.DialEnd:
    return ev.DialEnd(t=t, dial=number, outcome=outcome, stage="connect", total=0.5, server=A)


LOST_AND_FOUND: tuple[ev.AnyEvent, ...] = (
    ev.Session(t=0.0, id="x", started=1000.0),
    status(0.0, "CONNECTING", "DISCONNECTED"),
    dial(0.0, 1, "initial"),
    dialed(1.0, 1),
    ev.Connected(t=1.0, server=A),
    status(1.0, "CONNECTED", "CONNECTING"),
    ev.Disconnected(t=7.0, cause="eof", server=A),
    status(7.0, "RECONNECTING", "CONNECTED", "eof"),
    dial(7.0, 2),
    dialed(7.5, 2, "failed"),
    ev.Waiting(t=7.5, delay=2.0, base=2.0, jitter=0.0, until=9.5, server=A),
    dial(9.5, 3),
    dialed(10.0, 3),
    ev.Connected(t=10.0, server=B),
    status(10.0, "CONNECTED", "RECONNECTING"),
    ev.Reconnected(t=10.0, before=A, after=B, downtime=3.0, attempts=2),
)
