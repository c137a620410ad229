"""A connection that is opened in the place of another one: what Tracks show, keep and drop."""

import pickle

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon.state import Tracks, availability
from natsmon.state.tracks import REPLACED_KEPT
from natsmon.stream import events as ev
from natsmon.wording.health import health
from natsmon.wording.narration import narrate
from natsmon.wording.plain_log import PlainLog
from natsmon.wording.session_summary import summary
from tests.state.folding import A, B, fold, new_track, same, status
from tests.state.test_snapshot import restored


def life(conn: int, t: float, replaces: int | None = None, server: str = A) -> list[ev.AnyEvent]:
    """A connection from its first event to CONNECTED, one second later."""
    events: list[ev.AnyEvent] = [
        ev.Connection(t=t, replaces=replaces, name="me", context=f"c{conn}", servers=[server]),
        status(t, "CONNECTING", "DISCONNECTED"),
        ev.Connected(t=t + 1, server=server),
        status(t + 1, "CONNECTED", "CONNECTING"),
        ev.Published(t=t + 1, seq=1, outcome="sent"),
        ev.Echoed(t=t + 1, seq=1, latency=0.5),
    ]
    return [with_conn(event, conn) for event in events]


def end(conn: int, t: float) -> list[ev.AnyEvent]:
    events: list[ev.AnyEvent] = [
        status(t, "DRAINING", "CONNECTED", "replaced"),
        status(t + 1, "CLOSED", "DRAINING", "closed"),
        ev.Closed(t=t + 1, cause="closed", text="another connection is opened in its place"),
    ]
    return [with_conn(event, conn) for event in events]


def with_conn(event: ev.AnyEvent, conn: int) -> ev.AnyEvent:
    return replace(event, conn=conn)


BEGIN = ev.Session(t=0.0, id="s", started=1000.0)
SWITCHED: list[ev.AnyEvent] = [BEGIN, *life(0, 0.0), *end(0, 10.0), *life(1, 11.0, replaces=0, server=B)]


def after(events: list[ev.AnyEvent]) -> Tracks:
    tracks = Tracks(narrate)
    for event in events:
        tracks.apply(event)
    return tracks


def test_first_is_the_connection_opened_in_the_place_of_the_first() -> None:
    tracks = after([BEGIN, *life(0, 0.0), *life(1, 1.0)])
    assert tracks.first.state.conn == 0
    for event in (*end(0, 10.0), *life(2, 11.0, replaces=0)):
        tracks.apply(event)
    assert tracks.first.state.conn == 2, "not the one beside it"
    assert [track.state.replaced_by for track in tracks.of_session()] == [2, None, None]


def test_log_goes_on_in_the_connection_that_is_shown() -> None:
    tracks = after(SWITCHED[:-6])
    log = tracks.first.log
    for event in SWITCHED[-6:]:
        tracks.apply(event)
    assert tracks.first.log is log
    assert [line.text for line in log if not line.message] == [
        "natsmon  as 'me': a:4222, no messages",
        "connected to a:4222",
        "switching: draining the connection",
        "connection closed: another connection is opened in its place",
        "switched to context c1: b:4222, no messages",
        "connected to b:4222",
    ]
    assert len([line for line in log if line.message]) == 4
    assert list(tracks.of_session()[0].log) == []


def test_session_goes_on_without_a_connection_that_was_replaced() -> None:
    tracks = after([*SWITCHED, ev.Alive(t=50.0), ev.End(t=60.0, exit_code=0)])
    first, second = (track.state for track in tracks.of_session())
    assert (first.now, second.now) == (11.0, 60.0)
    assert (first.began, second.began) == (0.0, 11.0)
    assert summary(first, first.now)[0].startswith("watched  11.0 s")
    assert "replaced by another connection" in summary(first, first.now)[0]
    assert summary(second, second.now)[0].startswith("watched  49.0 s")
    last_hour = availability.over_the_last(3_600.0, second, 60.0)
    assert last_hour is not None
    assert (last_hour.up, last_hour.since) == (48.0, 11.0)
    assert availability.share_of_run(first, first.now) == 1.0


def test_health_counts_attempts_from_the_opening_of_the_connection() -> None:
    tracks = after([*SWITCHED[:-6], with_conn(ev.Connection(t=100.0, replaces=0), 1)])
    for event in (
        status(100.0, "CONNECTING", "DISCONNECTED"),
        ev.DialStart(t=100.0, dial=1, attempt=1, server=A, reason="initial"),
        ev.DialEnd(t=102.0, dial=1, outcome="failed", stage="tcp", cause="refused", server=A),
    ):
        tracks.apply(with_conn(event, 1))
    assert health(tracks.first.state, 103.0).phrase.startswith("1 attempt in 3 s: ")


def test_draining_is_shown_until_the_next_connection_is_opened() -> None:
    tracks = after([BEGIN, *life(0, 0.0), end(0, 10.0)[0]])
    assert health(tracks.first.state, 10.5).word == "DRAINING"


def test_snapshot_restores_both_connections_and_which_one_is_shown() -> None:
    tracks = after(SWITCHED)
    again = restored(tracks.snapshot())
    assert again.first.state.conn == 1
    for one, other in zip(tracks.of_session(), again.of_session(), strict=True):
        same(one.state, other.state)
        assert list(one.log) == list(other.log)
    assert again.snapshot() == tracks.snapshot()


def test_1000_switches_keep_few_tracks_and_show_the_newest() -> None:
    events: list[ev.AnyEvent] = [BEGIN]
    for conn in range(1_000):
        t = conn * 20.0
        events += [*life(conn, t, conn - 1 if conn else None), *end(conn, t + 10)]
    tracks = after([*events, *life(1_000, 20_000.0, replaces=999)])
    assert [track.state.conn for track in tracks.of_session()] == [*range(1_000 - REPLACED_KEPT, 1_001)]
    assert tracks.first.state.conn == 1_000
    assert tracks.first.state.limits.dials == 250, "it is the only one that is open"
    assert restored(tracks.snapshot()).first.state.conn == 1_000
    copy = pickle.loads(pickle.dumps(tracks))
    copy.apply(with_conn(ev.Paused(t=20_002.0), 1_000))
    assert copy.first.state.paused


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 5)), max_size=20))
def test_numbers_that_make_no_sense_are_taken_as_they_come(opened: list[tuple[int, int | None]]) -> None:
    tracks = after([BEGIN])
    for conn, replaces in opened:
        tracks.apply(ev.Connection(t=1.0, conn=conn, replaces=replaces))
        tracks.apply(ev.Alive(t=2.0))
    assert tracks.first.state.session.id == "s"
    restored(tracks.snapshot())


def test_connection_beside_others_is_opened_at_the_time_of_its_first_event() -> None:
    track = new_track()
    fold(track, ev.Connection(t=5.0))
    fold(track, ev.Connection(t=9.0))
    assert track.state.began == 5.0


def test_plain_log_names_no_connection_while_one_is_open() -> None:
    log = PlainLog()
    lines = [line.decode().split("  ", 1)[1] for event in SWITCHED if (line := log.line(event)) is not None]
    assert [line for line in lines if line.startswith("me: ")] == []
    assert "switched to context c1: b:4222, no messages\n" in lines
    ended = log.line(ev.End(t=60.0, exit_code=0, reason="asked"))
    assert ended is not None
    assert b"1 published, 1 echoed" in ended, "of the connection that is open"
