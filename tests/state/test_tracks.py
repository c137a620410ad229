"""Tracks: each event belongs to one connection or to the session, and each outage has one number."""

from natsmon.state import Limits, Tracks
from natsmon.stream import events as ev
from natsmon.wording.narration import narrate
from tests.state.folding import A, folded, status

OUTAGES = 3_727
SHORT = 2.0**-12
"""Seconds of an outage, and of the connection before it: a quarter of a millisecond, exact in binary."""


def closed_after_pong() -> list[ev.AnyEvent]:
    """A peer that closes right after PONG, with ``--reconnect-wait 0``; each cost is known during the next outage."""
    events: list[ev.AnyEvent] = []
    for number in range(1, OUTAGES + 1):
        began = number * 2 * SHORT
        events += [
            ev.Connected(t=began - SHORT, server=A),
            status(began - SHORT, "CONNECTED", "RECONNECTING"),
            ev.Disconnected(t=began, outage=number, cause="eof", server=A),
            status(began, "RECONNECTING", "CONNECTED", "eof"),
        ]
        if number > 1:
            before = began - 2 * SHORT
            events.append(
                ev.Outage(t=began, outage=number - 1, began=before, ended=before + SHORT, cause="eof", dials=1)
            )
    return events


def test_outages_within_a_millisecond_have_their_own_numbers() -> None:
    state = folded(*closed_after_pong(), limits=Limits(outages=OUTAGES))
    assert state.outage_count == OUTAGES
    assert [outage.id for outage in state.outages] == list(range(1, OUTAGES + 1))
    assert [outage.dials for outage in state.outages] == [1] * (OUTAGES - 1) + [0]
    for outage in list(state.outages)[:-1]:
        assert outage.began == outage.id * 2 * SHORT
        assert outage.ended == outage.began + SHORT


def test_log_and_state_ignore_events_of_other_connections() -> None:
    tracks = Tracks(narrate)
    events: list[ev.AnyEvent] = [
        ev.Session(t=0.0, id="x", started=1000.0),
        ev.Connection(t=0.0, name="first"),
        ev.Connection(t=0.0, conn=1, name="second"),
        ev.Paused(t=1.0, conn=1),
        ev.AsyncError(t=2.0, text="of the first"),
        ev.Clock(t=3.0, wall=2000.0, suspended=10.0),
    ]
    for event in events:
        tracks.apply(event)
    first, second = tracks.of_session()
    assert [line.text.split(":")[0] for line in first.log][1:] == [
        "error on the connection", "the machine was suspended for 10.0 s",
    ]  # fmt: skip
    assert [line.text for line in second.log][1:] == ["publishing paused", "the machine was suspended for 10.0 s"]
    assert (first.state.paused, second.state.paused) == (False, True)
    assert (len(first.state.errors), len(second.state.errors)) == (1, 0)
