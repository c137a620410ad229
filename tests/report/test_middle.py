"""Recordings that begin, or go on, in the middle of a session: nothing is output that is not known, and all that is."""

from collections.abc import Callable, Sequence

import pytest

from natsmon.report import build, compare, sessions, summary
from natsmon.report.facts import Run
from natsmon.state import FULL
from natsmon.stream import events as ev
from tests.report.reports import known_after, report_of
from tests.tui import outage_streams, streams
from tests.tui.streams import STARTED, Stream

EAST = "east-1:4222"


def run_of(events: Sequence[ev.AnyEvent]) -> Run:
    (run,), more = sessions.runs(events, "run.jsonl")
    assert more == 0
    return run


def figure(run: Run, name: str) -> tuple[str, str]:
    row = next(row for row in summary.figures(run).rows if row.name == name)
    return row.value.text, row.note


def many_dials(count: int) -> Stream:
    """A connection that was lost, and came back with the last of so many dials."""
    stream = streams.connected().lose()
    for _ in range(count - 1):
        stream.refused("east-2:4222", "reconnect").wait(2.0)
    return stream.connect("east-2:4222", "reconnect", "east-2")


# -- with a snapshot ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [streams.outage, outage_streams.upgrade, outage_streams.frozen])
def test_events_between_parts_are_reported_from_the_snapshot(make: Callable[[], Stream]) -> None:
    events = make().events
    whole = run_of(events)

    def facts(run: Run) -> object:
        servers = [(s.server, s.names, s.connections, s.dials, s.connected, s.failed) for s in run.servers]
        times = [round(server.seconds, 6) for server in run.servers]
        return run.dials, run.dialing, servers, times, run.failures, run.outages, run.timeline

    for stop in range(1, len(events), 29):
        for again in range(stop, len(events), 31):
            cut = run_of([*events[:stop], *known_after(events[:again]), *events[again:]])
            assert facts(cut) == facts(whole), (stop, again)


def test_silence_begins_or_ends_between_parts() -> None:
    stream = streams.connected().wait(3.0)
    silent = stream.add(ev.Silent(t=stream.t, since=stream.t - 2.0, server=EAST)).events[:]
    since, until = stream.t - 2.0, stream.t
    stream.wait(1.0).add(ev.SilenceEnded(t=stream.t, seconds=3.0)).wait(1.0)
    further = stream.add(ev.Paused(t=stream.t)).events
    assert run_of([*silent[:-1], *known_after(silent), *further[len(silent) :]]).silences == ((since, until + 1.0),)
    assert run_of([*silent, *known_after(silent), *further[len(silent) :]]).silences == ((since, until + 1.0),)
    assert run_of([*silent, *known_after(further)]).silences == ((since, until + 1.0),), "the snapshot holds its end"


def test_silence_before_a_loss_is_reported_once() -> None:
    stream = streams.connected().wait(3.0)
    since = stream.t - 2.0
    silent = stream.add(ev.Silent(t=stream.t, since=since, server=EAST)).events[:]
    lost = stream.wait(1.0).lose("stale").events
    expected = ((since, stream.t),)
    for cut in (lost, [*silent, *known_after(lost)], [*silent[:-1], *known_after(lost)], [*lost, *known_after(lost)]):
        assert run_of(cut).silences == expected


def test_dials_that_are_only_counted_are_reported() -> None:
    events = many_dials(FULL.dials + 50).events
    whole, cut = run_of(events), run_of([events[0], *known_after(events)])
    assert whole.dials == cut.dials == FULL.dials + 51
    assert sum(server.dials for server in cut.servers) == FULL.dials
    assert "51 dials of 301: only counted" in cut.left_out
    report = " ".join(build.render(report_of([events[0], *known_after(events)]), "text").split())
    assert "301 dials: 1 connected, 249 failed, 51 only counted." in report
    assert "cancelled" not in report


def test_unknown_server_version_does_not_differ() -> None:
    events = streams.outage().events
    cut = run_of([events[0], *known_after(events)])
    assert {server.server: server.versions for server in cut.servers} == {EAST: ("2.15.0",), "east-2:4222": ("2.15.0",)}
    events = streams.connected().lose().events
    other = Stream().events[:1]
    found = compare.compared((run_of(events), run_of(other)))
    assert found is not None
    (row,) = [row for row in found.rows if row.name == "servers' version"]
    assert (row.values, row.marks) == (("2.15.0", ""), ("", ""))


def test_snapshot_without_session_line_has_its_wall_clock() -> None:
    events = streams.outage().events
    run = run_of([*known_after(events)[1:], *events[-3:], events[0], *events[-3:]])
    assert (run.started, run.id, run.missing, run.left_out[0]) == (
        STARTED, "s1", None, "events of the first 2m03s: the recording begins then, with a snapshot"
    )  # fmt: skip


# -- without one --------------------------------------------------------------------------------------


def test_stream_without_its_beginning_has_no_availability() -> None:
    stream = many_dials(20)
    stream.settle(80.0).run(10)
    tail = stream.events[-60:]
    run = run_of(tail)
    assert run.missing == tail[0].t
    assert run.watched == pytest.approx(run.seconds - tail[0].t)
    assert (run.availability.share, run.availability.between, run.availability.outages) == (None, None, 1)
    assert run.left_out[0].startswith("the first 1m")
    assert figure(run, "availability") == ("unknown", "the beginning is not in the recording")
    assert figure(run, "outages")[0] == "1"
    found = compare.compared((run_of(stream.events), run))
    assert found is not None
    (row,) = [row for row in found.rows if row.name == "availability"]
    assert row.values[1] is None


def test_tail_without_a_status_is_reported_without_one() -> None:
    run = run_of(streams.connected().events[-4:])
    assert figure(run, "ended") == ("unknown", "the recording stops")
    assert figure(run, "outages")[0] == "none"


def test_availability_is_known_without_the_first_line() -> None:
    events = streams.outage().events
    run = run_of(events[1:])
    assert run.availability == run_of(events).availability
    assert (run.missing, run.started) == (None, 0.0)
    assert run.left_out == ("when it began: the first line of the session is not in the recording",)
    run = run_of([events[0], *events[2:]])
    assert run.left_out == ("what it connects to: the first line of the connection is not in the recording",)
