"""A session in which a connection was opened in the place of another one: each is a run of the report."""

import pytest

from natsmon.report import build, html, text
from natsmon.stream import events as ev
from tests.report.reports import known_after, report_of
from tests.tui import streams
from tests.tui.streams import STARTED

EVENTS = [*streams.switched().events, ev.End(t=streams.switched().t, exit_code=0, reason="asked")]
SWITCHED = streams.connected().t


def test_each_connection_has_its_own_figures() -> None:
    first, second = report_of(EVENTS).runs
    assert [run.label for run in (first, second)] == ["0.jsonl (connection 0)", "0.jsonl (connection 1)"]
    assert (first.conn, first.began, first.watched, first.replaced_by) == (0, 0.0, SWITCHED, 1)
    assert (second.conn, second.began, second.replaced_by) == (1, SWITCHED, None)
    assert second.watched == pytest.approx(streams.outage().t)
    assert (len(first.outages), len(second.outages)) == (0, 2)
    assert first.availability.share == 1.0
    alone = report_of(streams.outage().events).runs[0]
    assert second.availability.up == pytest.approx(alone.availability.up)
    assert first.messages.attempted == 80
    assert not second.left_out


def test_text_has_when_each_was_watched_and_how_it_ended() -> None:
    report = report_of(EVENTS)
    shown = text.render(build.blocks(report), width=110)
    assert "2 connections, one after the other" in shown
    watched = [" ".join(line.split()) for line in shown.splitlines() if line.startswith("watched")]
    assert watched[1:] == [
        "watched 1m20s 2025-06-15 15:06:40 to 15:08:00 UTC, as orders",
        "watched 2m03s 2025-06-15 15:08:00 to 15:10:03 UTC, as orders",
    ]
    ended = [" ".join(line.split()) for line in shown.splitlines() if line.startswith("ended")]
    assert ended == ["ended replaced connection 1 was opened in its place", "ended normally quit by user"]
    assert html.render(build.blocks(report), "both").count("<svg") >= 4


def test_charts_of_a_connection_begin_when_it_was_opened() -> None:
    second = report_of(EVENTS).runs[1]
    alone = report_of(streams.outage().events).runs[0]
    assert second.clock.span.startswith("2025-06-15 15:08:00 to")
    assert second.echo is not None
    assert alone.echo is not None
    assert [point.count for point in second.echo.series][:30] == [point.count for point in alone.echo.series][:30]
    shown = text.render(build.blocks(report_of(EVENTS)), width=100).splitlines()
    (bar,) = [line for line in shown if line.startswith("█") and "▒" in line and "connected" not in line]
    assert len(bar) == 100, "from the first cell to the last"


def test_snapshot_of_both_gives_the_same_figures() -> None:
    whole, cut = report_of(EVENTS).runs, report_of(known_after(EVENTS)).runs
    for one, other in zip(whole, cut, strict=True):
        assert (one.began, one.seconds, one.replaced_by, one.outages) == (
            other.began, other.seconds, other.replaced_by, other.outages,
        )  # fmt: skip
        assert one.availability == other.availability


def test_started_of_a_connection_is_compared() -> None:
    comparison = report_of(EVENTS).comparison
    assert comparison is not None
    (row,) = [row for row in comparison.rows if row.name == "started"]
    assert row.values == (STARTED, STARTED + SWITCHED)
