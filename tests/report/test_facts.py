"""Facts of a report: exact figures, several sessions, limits."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from natsmon.report import compare, details, outages, sessions, summary
from natsmon.report.blocks import Prose, Table
from natsmon.report.facts import Comparison, Failure, Run
from natsmon.state import FULL
from natsmon.state.latency_slices import LatencySlices
from natsmon.stream import events as ev
from natsmon.text import units
from tests.report.reports import known_after
from tests.tui import streams
from tests.tui.streams import STARTED, Stream

REFUSED = "[Errno 111] Connect call failed"


def run_of(events: Iterable[ev.AnyEvent]) -> Run:
    (run,), more = sessions.runs(events, "run.jsonl")
    assert more == 0
    return run


def test_run_with_two_outages_has_its_figures() -> None:
    run = run_of(streams.outage().events)
    found = run.availability
    assert (run.started, run.seconds, run.health) == (STARTED, 123.0752, "RECONNECTING")
    assert (run.finished, run.exit_code, run.dials, run.reconnects) == (False, None, 4, 1)
    assert found.share == pytest.approx(120 / 123.0731)
    assert (found.up, found.down) == (pytest.approx(120.0), pytest.approx(3.0731))
    assert (found.outages, found.manual, found.silent) == (2, 0, 0.0)
    assert (found.longest, found.to_recover) == (pytest.approx(2.0726), pytest.approx(2.0726))
    assert found.between == pytest.approx(60.0)
    assert (run.messages.attempted, run.messages.sent, run.messages.delivered, run.messages.lost) == (123, 122, 120, 1)
    assert run.echo is not None
    assert (run.echo.run.count, run.echo.run.p50, run.echo.run.p99, run.echo.run.max) == (120, 0.000301, 0.0041, 0.0041)
    assert len(run.echo.series) == 120
    assert run.echo.histogram.count == 120
    assert run.echo.run == (run.ping.run if run.ping else None)


def _stuck(stream: Stream, seconds: float) -> None:
    """Messages are due and none is delivered."""
    first = stream.t
    while stream.t < first + seconds:
        sent = int(stream.t)
        stream.wait(1.0).add(ev.Tally(t=stream.t, attempted=sent, sent=sent, delivered=1, buffered=sent - 1))


def _deliver(stream: Stream) -> None:
    sent = int(stream.t)
    stream.add(ev.Tally(t=stream.t, attempted=sent, sent=sent, delivered=sent))


@pytest.mark.parametrize("then", ["delivered", "lost", "ended"])
def test_time_without_delivery_is_in_the_report(then: str) -> None:
    stream = Stream().become("CONNECTING").connect("east-1:4222")
    stream.add(ev.Tally(t=stream.t, attempted=1, sent=1, delivered=1)).wait(1.0)
    assert run_of(stream.events).without_delivery == 0.0
    began = stream.t - 1.0
    _stuck(stream, 20.0)
    ended = stream.t
    if then == "delivered":
        _deliver(stream)
    if then == "lost":
        stream.lose().become("RECONNECTING").wait(5.0)
        stream.add(ev.Tally(t=stream.t, attempted=30, sent=1, delivered=1, buffered=29))
        stream.connect("east-1:4222", "reconnect")
        _deliver(stream)
    run = run_of(stream.events)
    assert run.without_delivery == pytest.approx(ended - began, abs=0.01)
    (note,) = (row.note for row in summary.figures(run).rows if row.name == "availability")
    assert note.endswith(f"connected, but no message was delivered for {units.elapsed(run.without_delivery)}")
    known = [*known_after(stream.events)]
    assert run_of(known).without_delivery == pytest.approx(run.without_delivery)


def test_outage_has_cause_cost_and_failed_dials() -> None:
    first, last = run_of(streams.outage().events).outages
    assert (first.number, first.at, first.cause) == (1, STARTED + 80.0021, "eof")
    assert (first.ended, first.seconds) == (82.0747, pytest.approx(2.0726))
    assert (first.before, first.after, first.detected_after) == ("east-1:4222", "east-2:4222", 0.21)
    assert (first.dials, first.buffered, first.lost, first.settled) == (2, 2, 1, True)
    assert first.failures == (Failure("east-1:4222", "tcp", "refused", 1, REFUSED),)
    assert (last.ended, last.seconds, last.settled) == (None, pytest.approx(1.0005), False)
    assert last.failures == (Failure("east-2:4222", "tcp", "refused", 1, REFUSED),)


def test_server_that_only_failed_has_the_name_of_its_info() -> None:
    stream = Stream().become("CONNECTING").start_dial("east-1:4222")
    stream.add(ev.DialInfo(t=stream.t, dial=1, info={"server_name": "east", "server_id": "N1"}))
    stream.end_dial("failed", "tls", "tls_expired", "certificate has expired")
    (server,) = run_of(stream.events).servers
    assert (server.names, server.connections, server.failed) == (("east",), 0, 1)


def test_versions_of_a_server_are_in_order_and_end_with_the_newest() -> None:
    stream = Stream()
    for version in ("2.10.25", "2.15.1", "2.15.1", "2.10.25"):
        stream.connect()
        stream.events[-1] = replace(stream.events[-1], version=version)
        stream.run(5).lose()
    run = run_of(stream.events)
    assert run.servers[0].versions == ("2.10.25", "2.15.1", "2.10.25")
    table = next(block for block in details.blocks(run, 2) if isinstance(block, Table) and "version" in str(block))
    assert "2.15.1 → 2.10.25" in str(table)


def test_servers_are_listed_with_time_and_stages() -> None:
    first, second = run_of(streams.outage().events).servers
    assert (first.server, first.names, first.versions) == ("east-1:4222", ("east-1",), ("2.15.0",))
    assert (first.connections, first.dials, first.connected, first.failed) == (1, 2, 1, 1)
    assert (first.seconds, second.seconds) == (pytest.approx(80.0), pytest.approx(40.0))
    assert [(stage.stage, stage.mean) for stage in first.stages] == list(streams.STAGES)


def test_silent_time_is_a_figure_beside_downtime() -> None:
    stream = streams.connected()
    stream.wait(3.0).add(ev.Silent(t=stream.t, since=stream.t - 2.0, server="east-1:4222"))
    stream.wait(8.0).add(ev.SilenceEnded(t=stream.t, seconds=10.0)).wait(9.0).add(ev.Paused(t=stream.t))
    found = run_of(stream.events).availability
    assert (found.share, found.down, found.silent) == (1.0, 0.0, pytest.approx(10.0))
    assert found.share_without_silence == pytest.approx(0.9, abs=1e-4)
    row = {row.name: row for row in summary.figures(run_of(stream.events)).rows}["availability"]
    assert row.value.text == "100 %"
    assert row.note.endswith("; 90.00 % without the 10.0 s in which the server was silent")


def test_manual_reconnects_are_shown_and_not_counted() -> None:
    stream = streams.connected()
    stream.lose("manual", "reconnect requested").wait(0.5).connect("east-2:4222", "manual").run(5)
    run = run_of(stream.events)
    assert (run.availability.outages, run.availability.manual, run.availability.share) == (0, 1, 1.0)
    assert [outage.manual for outage in run.outages] == [True]
    row = {row.name: row for row in summary.figures(run).rows}["outages"]
    assert (row.value.text, row.note) == ("none", "1 manual reconnect, not counted")
    (lead,) = [block.lead for block in outages.blocks(run, 2) if isinstance(block, Prose) and block.lead]
    assert lead == "Manual reconnect 1."


def test_undelivered_messages_are_a_figure() -> None:
    stream = streams.connected()
    stream.add(ev.Tally(t=stream.t, attempted=80, sent=80, delivered=50, undelivered=30))
    row = {row.name: row for row in summary.figures(run_of(stream.events)).rows}["undelivered"]
    assert (row.value.text, row.note[:17]) == ("30 messages", "did not come back")


def test_every_connection_of_a_session_is_a_run() -> None:
    events = streams.outage().events
    second = [replace(event, conn=1) for event in events if not isinstance(event, ev.SessionEvent)]
    found, _ = sessions.runs([*events, *second], "run.jsonl")
    assert [(run.number, run.conn, run.availability.outages) for run in found] == [(1, 0, 2), (1, 1, 2)]
    assert [run.label for run in compare.labelled(found)] == ["run.jsonl (connection 0)", "run.jsonl (connection 1)"]


def test_silence_lasts_to_the_next_answer_or_to_the_loss() -> None:
    stream = streams.connected()
    stream.wait(3.0).add(ev.Silent(t=stream.t, since=stream.t - 2.0, server="east-1:4222"))
    stream.wait(1.0).add(ev.SilenceEnded(t=stream.t, seconds=3.0))
    answered = stream.t
    stream.wait(5.0).add(ev.Silent(t=stream.t, since=stream.t - 4.0, server="east-1:4222")).wait(2.0).lose("stale")
    run = run_of(stream.events)
    assert run.silences == (pytest.approx((answered - 3.0, answered)), pytest.approx((stream.t - 6.0, stream.t)))
    assert run.outages[0].silent == pytest.approx(6.0)


@pytest.mark.parametrize("drained", [True, False])
def test_silence_ends_with_its_connection(drained: bool) -> None:
    stream = streams.connected().wait(3.0)
    since = stream.t - 2.0
    stream.add(ev.Silent(t=stream.t, since=since, server="east-1:4222"))
    if drained:
        stream.become("DRAINING", "user").wait(5.0).become("CLOSED", "user")
        ended = stream.t
        stream.wait(10.0).become("CONNECTING", "user")
    else:
        ended = stream.t
    stream.connect("east-2:4222").run(5)
    assert run_of(stream.events).silences == ((since, pytest.approx(ended, abs=0.01)),)


def test_omitted_pings_count_in_the_series() -> None:
    run = run_of([*Stream().events, ev.Rtt(t=10.0, seconds=3.5, omitted=3)])
    assert run.ping is not None
    assert run.ping.run.count == sum(point.count for point in run.ping.series) == 4


def test_outages_beyond_the_limit_of_a_state_are_all_reported() -> None:
    stream = streams.connected()
    wanted = FULL.outages + 7
    for _ in range(wanted):
        began = stream.t
        stream.lose().wait(0.5).connect("east-2:4222", "reconnect").settle(began, lost=2).wait(1.0)
    run = run_of(stream.events)
    assert len(run.outages) == run.availability.outages == wanted
    assert [outage.number for outage in run.outages] == list(range(1, wanted + 1))
    assert {outage.lost for outage in run.outages} == {2}
    assert run.servers[0].connections == wanted
    assert run.dials == wanted + 1
    assert run.left_out == ()


def test_entries_beyond_the_limits_are_counted_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LIMITS", replace(sessions.LIMITS, outages=1, stretches=2, dials=3))
    run = run_of(streams.outage().events)
    assert len(run.outages) == 1
    assert run.availability.outages == 2
    assert run.left_out == (
        "1 outage of 2: only counted", "1 dial of 4: only counted", "the timeline of the first 2m02s",
    )  # fmt: skip


def test_unfinished_dial_is_counted_once() -> None:
    stream = Stream().become("CONNECTING", "initial")
    stream.start_dial("east-1:4222").stage("tcp", outcome="started").wait(1.0)
    stream.start_dial("east-2:4222").stage("tcp", outcome="started").wait(1.0)
    run = run_of(stream.events)
    assert run.dials == 2
    assert [(server.dials, server.failed, server.connected) for server in run.servers] == [(1, 0, 0), (1, 0, 0)]
    assert run.dialing
    (prose,) = [block for block in details.blocks(run, 2) if isinstance(block, Prose) and "dials" in block.text]
    assert prose.text == "2 dials: 0 connected, 0 failed, 1 cancelled, 1 in progress when the recording stops."


def test_repeated_session_continues_its_run() -> None:
    one, two = streams.connected().events, streams.outage().events
    other = replace(two[0], id="s2", started=STARTED + 500.0)
    found, _ = sessions.runs([*one[:50], one[0], *one[50:], other, *two[1:]], "run.jsonl")
    assert [(run.number, run.id, run.availability.outages) for run in found] == [(1, "s1", 0), (2, "s2", 2)]
    assert found[0].messages.attempted == 80
    assert [run.label for run in compare.labelled(found)] == ["run.jsonl (1)", "run.jsonl (2)"]


def test_only_the_last_sessions_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RUNS_KEPT", 2)
    first = Stream().events[0]
    found, more = sessions.runs([replace(first, id=str(number)) for number in range(1, 4)], "run.jsonl")
    assert ([(run.number, run.id) for run in found], more) == ([(2, "2"), (3, "3")], 1)


def test_only_the_last_connections_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """One session may have thousands of connections."""
    monkeypatch.setattr(sessions, "RUNS_KEPT", 3)
    events = [Stream().events[0], *(ev.Connection(t=0.0, conn=conn, subject=str(conn)) for conn in range(5))]
    found, more = sessions.runs(events, "run.jsonl")
    assert ([run.subject for run in found], more) == (["2", "3", "4"], 2)


def test_stream_without_its_beginning_has_no_wall_clock() -> None:
    run = run_of(streams.outage().events[1:])
    assert (run.started, run.id) == (0.0, "")
    assert run.availability.outages == 2


def test_stream_without_events_has_no_run() -> None:
    assert sessions.runs([], "run.jsonl") == ([], 0)


@pytest.mark.parametrize("at", [1, 30, 200, 420, 430])
def test_snapshot_at_the_beginning_is_reported(at: int) -> None:
    events = streams.outage().events
    whole = run_of(events)
    cut = run_of([*known_after(events[:at]), *events[at:]])
    assert cut.availability.outages == len(cut.outages) == 2
    assert [(o.began, o.ended, o.lost) for o in cut.outages] == [(o.began, o.ended, o.lost) for o in whole.outages]
    assert cut.availability.share == pytest.approx(whole.availability.share)
    assert cut.timeline == whole.timeline
    assert [(s.server, s.names, s.connections, s.dials, s.connected) for s in cut.servers] == [
        (s.server, s.names, s.connections, s.dials, s.connected) for s in whole.servers
    ]
    assert [s.seconds for s in cut.servers] == pytest.approx([s.seconds for s in whole.servers])
    assert cut.echo is not None
    assert whole.echo is not None
    assert cut.echo.run == whole.echo.run


def test_series_gets_coarser_and_keeps_every_sample() -> None:
    slices = LatencySlices(240)
    for second in range(10_000):
        slices.at(float(second)).record(0.001 * (second % 7 + 1))
    points = slices.points()
    assert len(points) <= 240
    assert sum(point.count for point in points) == 10_000
    assert {point.seconds for point in points} == {64.0}
    assert max(point.max for point in points) == pytest.approx(0.007)


# -- side by side -------------------------------------------------------------------------------------


def side_by_side(*runs: Run) -> tuple[tuple[Run, ...], Comparison]:
    labelled = compare.labelled(runs)
    comparison = compare.compared(labelled)
    assert comparison is not None
    return labelled, comparison


def row(comparison: Comparison, name: str) -> tuple[tuple[object, ...], tuple[str, ...]]:
    found = next(row for row in comparison.rows if row.name == name)
    return found.values, found.marks


def test_single_run_has_no_comparison() -> None:
    assert compare.compared((run_of(streams.connected().events),)) is None


def test_later_run_is_marked_better_or_worse() -> None:
    before = replace(run_of(streams.outage().events), file="before.jsonl")
    after = replace(run_of(streams.connected().events), file="after.jsonl", started=STARTED + 10_000.0)
    runs, comparison = side_by_side(before, after)
    assert [run.label for run in runs] == ["before.jsonl", "after.jsonl"]
    assert not comparison.overlapping
    output = [block for block in compare.blocks(runs, comparison) if isinstance(block, Table)]
    started = next(cells for cells in output[0].rows if cells[0].text == "started (UTC)")
    assert started[1].text == "2025-06-15 15:06:40"
    assert row(comparison, "outages") == ((2, 0), ("", "better"))
    assert row(comparison, "lost") == ((1, 0), ("", "better"))
    assert row(comparison, "availability")[1] == ("", "better")
    assert row(comparison, "latency p50")[1] == ("", "")
    _, comparison = side_by_side(after, before)
    assert row(comparison, "outages") == ((0, 2), ("", "worse"))


def test_run_without_a_connection_compares_as_worse() -> None:
    hurt, never = run_of(streams.outage().events), run_of(streams.gave_up().events)
    _, comparison = side_by_side(hurt, never)
    for name in ("availability", "outages", "longest outage", "downtime", "lost"):
        values, marks = row(comparison, name)
        assert (values[1], marks[1]) == (None, ""), name
    output = {row.name: row for row in summary.figures(never).rows}
    assert output["availability"].value.text == "never connected"
    assert (output["outages"].value.kind, output["outages"].note) == ("plain", "there was no connection to lose")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([(27, 27)], " Lost: number 27."),
        ([(138, 172)], " Lost: numbers 138–172."),
        ([(3, 3), (5, 6)], " Lost: numbers 3, 5–6."),
    ],
)
def test_lost_messages_are_listed_by_number(numbers: list[tuple[int, int]], expected: str) -> None:
    run = run_of(streams.outage().events)
    assert expected in outages.paragraph(replace(run.outages[0], lost_seqs=tuple(numbers)), run)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100 %"), (0.12347, "12.34 %"), (0.99987, "99.98 %"), (0.99996, "99.996 %"),
        (0.9999964, "99.9996 %"), (1 - 1e-9, "99.9999 %"),
    ],
)  # fmt: skip
def test_availability_is_rounded_down(share: float, text: str) -> None:
    assert units.availability(share) == text


@pytest.mark.parametrize(
    ("count", "of", "text"),
    [(0, 5, "0 %"), (5, 5, "100 %"), (10**400, 1, "100 %"), (1, 122, "0.82 %"), (1, 10**6, "<0.01 %"),
     (10**6 - 1, 10**6, ">99.99 %"), (3, 0, "0 %")],
)  # fmt: skip
def test_share_is_not_rounded_to_0_or_100_percent(count: int, of: int, text: str) -> None:
    assert units.part(count, of) == text


def test_reason_of_the_end_is_in_words() -> None:
    stream = streams.connected()
    stream.add(ev.End(t=stream.t, exit_code=0, reason="duration"))
    (ended,) = [row for row in summary.figures(run_of(stream.events)).rows if row.name == "ended"]
    assert (ended.value.text, ended.note) == ("normally", "--duration reached")


def test_exit_code_of_a_limit_has_the_limit_as_its_reason() -> None:
    stream = streams.dialing()
    stream.add(ev.Closed(t=stream.t, cause="closed")).add(ev.End(t=stream.t, exit_code=1, reason="duration"))
    (ended,) = [row for row in summary.figures(run_of(stream.events)).rows if row.name == "ended"]
    assert (ended.value.text, ended.note) == ("exit code 1", "--duration reached")


def test_runs_that_touch_overlap() -> None:
    one = replace(run_of(streams.outage().events), file="a/run.jsonl")
    other = replace(one, file="b/run.jsonl", started=one.started + one.seconds - 0.1)
    runs, comparison = side_by_side(one, other)
    assert comparison.overlapping
    assert [run.label for run in runs] == ["a/run.jsonl", "b/run.jsonl"]


def test_duration_is_marked_worse_only_where_it_has_a_meaning() -> None:
    run = run_of(streams.connected().events)
    assert run.echo is not None
    for p99, mark in ((0.0041, ""), (0.00415, ""), (0.0048, "worse"), (0.0030, "better")):
        other = replace(run, echo=replace(run.echo, run=replace(run.echo.run, p99=p99)))
        assert row(side_by_side(run, other)[1], "latency p99")[1] == ("", mark)
    assert row(side_by_side(run, replace(run, echo=None))[1], "latency p99") == ((0.0041, None), ("", ""))


def test_losses_are_unknown_after_unverified_delivery() -> None:
    stream = streams.connected()
    stream.add(ev.Unverified(t=stream.t, reason="we may not subscribe")).lose().connect(
        "east-2:4222", "reconnect", "east-2"
    )
    run = run_of(stream.events)
    assert run.unverified == "we may not subscribe"
    (lost,) = [row for row in summary.figures(run).rows if row.name == "lost"]
    assert (lost.value.text, lost.note) == (
        "unknown",
        "delivery not verified in a part of the run: we may not subscribe",
    )


def test_unverified_run_has_the_reason_after_its_end() -> None:
    stream = Stream().become("CONNECTING", "initial").connect()
    stream.add(ev.Unverified(t=stream.t, reason="we may not subscribe"))
    stream.add(ev.Tally(t=stream.t, attempted=3, sent=3, in_flight=3)).become("CLOSED", "user")
    (lost,) = [row for row in summary.figures(run_of(stream.events)).rows if row.name == "lost"]
    assert (lost.value.text, lost.note) == ("unknown", "delivery not verified: we may not subscribe")
