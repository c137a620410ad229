"""The page on latency, and what the panels of the dashboard show of it: as text and as pictures."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natsmon.charts.cells import text_of, width_of
from natsmon.charts.latency_course import recent
from natsmon.charts.latency_spread import bars
from natsmon.state.latency_series import SLICE
from natsmon.stream import events as ev
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages import latency_rows
from natsmon.tui.panels import message_panel, round_trip_panel
from tests.state.folding import counted
from tests.tui import latency_streams, streams
from tests.tui.drawn import MOMENTS, moment_of, texts
from tests.tui.pictures import SIZES, Compare, app_on, settle
from tests.tui.streams import Stream

MEASURED = moment_of(latency_streams.measured())
VARIANTS = (
    latency_streams.unverified,
    latency_streams.acknowledged,
    latency_streams.observing,
    latency_streams.pings_out,
)
ALL = [*MOMENTS, MEASURED, *(moment_of(build()) for build in VARIANTS)]


def page(moment: Moment, width: int = 78) -> list[str]:
    return texts(latency_rows.rows(moment, width))


def line(lines: list[str], start: str) -> str:
    return next(text for text in lines if text.startswith(start))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ALL), st.integers(1, 220))
def test_rows_fit_every_width(moment: Moment, width: int) -> None:
    for cells in latency_rows.rows(moment, width):
        assert width_of(cells) == width
        assert text_of(cells).isprintable()


def test_percentiles_are_shown_of_the_last_minute_and_of_the_run() -> None:
    lines = page(MEASURED)
    echo = lines.index(line(lines, "echo"))
    assert lines[echo].split() == ["echo", "minute", "0.38", "0.52", "0.99", "4.10", "4.10", "1,160"]
    assert lines[echo + 1].split()[-2:] == ["34000", "12,200"]
    assert lines[echo + 2].split()[-2:] == ["4.10", "58"]
    assert lines[echo + 3].split()[-2:] == ["12200", "623"]


def test_outage_is_a_gap_in_the_chart() -> None:
    series = MEASURED.state.pings.series()
    drawn = texts(recent(series, MEASURED.state.timeline, MEASURED.now, 128, 4))
    axis = drawn[4][8:]
    lost = [place for place, mark in enumerate(axis) if mark == "×"]
    assert len(lost) == 8
    assert lost == list(range(lost[0], lost[-1] + 1))
    for place in lost[1:-1]:
        assert all(row[8 + place] == " " for row in drawn[:4])
    assert all(row.strip() for row in drawn[:4])
    assert drawn[5].split() == ["-10", "min", "-5", "min", "now"]


def test_past_of_the_chart_does_not_change() -> None:
    series = MEASURED.state.echoes.series()
    later = Moment(MEASURED.state, MEASURED.now + SLICE)
    before, after = (texts(recent(series, moment.state.timeline, moment.now, 128, 4)) for moment in (MEASURED, later))
    for was, is_now in zip(before[:4], after[:4], strict=True):
        assert is_now[8:-1] == was[9:]


def test_bars_are_in_proportion_and_long_gaps_are_left_out() -> None:
    histogram = counted([(150, 80), (400, 20), (1_900, 1), (60_000_000, 40)])
    lines = texts(bars(histogram, 78))
    assert lines[0].split()[:2] == ["200", "µs"]
    assert lines[-1].split()[0] == "1m40s"
    assert [text.count("█") for text in (lines[0], lines[1], lines[-1])] == [40, 10, 20]
    assert lines[2].split() == ["1", "ms", "–"]
    assert "▌" in lines[3]
    assert lines[4].strip() == "⋮"
    assert len(lines) == 6


def test_page_shows_unanswered_pings_and_the_time_to_stale() -> None:
    lines = page(MEASURED)
    assert line(lines, "  unanswered").split() == ["unanswered", "2", "of", "2"]
    assert line(lines, "  stale in").split()[2:] == ["3.2", "s,", "if", "nothing", "arrives"]
    assert any("no connection" in text for text in page(moment_of(streams.outage())))


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (40, "2 of 2 PINGs out, stale in 3.2 s"),
        (30, "2/2 PINGs out, stale in 3.2 s"),
        (26, "2/2 PINGs, stale in 3.2 s"),
        (20, "stale in 3.2 s"),
    ],
)
def test_unanswered_pings_are_shown_on_the_dashboard(width: int, shown: str) -> None:
    moment = moment_of(latency_streams.pings_out())
    assert round_trip_panel.ping_warning(moment, width) == shown
    rows = texts(round_trip_panel.rows(moment, width, 3))
    assert rows[-1].strip() == shown
    assert len(rows) == 3


def test_countdown_to_stale_ends_at_zero() -> None:
    stream = latency_streams.pings_out()
    assert round_trip_panel.ping_warning(moment_of(stream, stream.t + 9.0), 40).endswith("stale in 0.0 s")


def test_one_unanswered_ping_is_not_a_warning() -> None:
    stream = streams.connected()
    stream.add(ev.Keepalive(t=stream.t, interval=120.0, max_out=2, outstanding=1, stale_at=stream.t + 200.0))
    moment = moment_of(stream)
    assert round_trip_panel.ping_warning(moment, 40) == ""
    assert line(page(moment), "  stale in").split()[2:3] == ["3m20s,"]


def test_rarest_percentile_is_shown_where_there_is_room() -> None:
    moment = MEASURED
    (*_, ping, echo) = texts(round_trip_panel.rows(moment, 66, 6))
    assert ping.split()[3:7] == ["p90", "1.05", "p99.9", "–"], "one PING a second"
    assert echo.strip() == "2 of 2 PINGs out, stale in 3.2 s"
    assert "p99.9" not in texts(round_trip_panel.rows(moment, 59, 6))[-1]


def test_availability_is_shown_by_window_with_mttr_and_mtbf() -> None:
    lines = page(MEASURED)
    assert line(lines, "over").split() == ["over", "the", "run", "1", "min", "10", "min"]
    assert line(lines, "available").split()[1::2] == ["94.67", "100.00", "94.16"]
    assert line(lines, "longest").split() == ["longest", "35.0", "s"]
    assert line(lines, "MTTR").split()[1:3] == ["35.0", "s"]
    assert line(page(moment_of(streams.connected())), "MTBF").split()[1] == "–"


def test_counts_are_left_out_where_delivery_is_not_verified() -> None:
    for width, height in ((46, 3), (74, 5)):
        drawn = "\n".join(texts(message_panel.rows(moment_of(latency_streams.unverified()), width, height)))
        assert "delivery not verified: we may not" in drawn
        assert "lost" not in drawn
        assert "echoed" not in drawn
    assert message_panel.title(moment_of(latency_streams.unverified()), 74, 5) == "publishing hello · 1/s"


def test_messages_that_were_not_verified_are_shown_beside_those_that_were() -> None:
    """What is sent is the sum of what is shown."""
    stream = latency_streams.unverified().lose().connect()
    totals = {"attempted": 40, "sent": 40, "delivered": 10, "unverified": 30}
    moment = moment_of(stream.add(ev.Tally(t=stream.t, **totals)))
    for width, height in ((50, 3), (74, 5)):
        drawn = " ".join(texts(message_panel.rows(moment, width, height))).split()
        assert [drawn[drawn.index(name) + 1] for name in ("sent", "delivered", "unverified")] == ["40", "10", "30"]


def test_acknowledged_messages_are_shown_as_delivered() -> None:
    moment = moment_of(latency_streams.acknowledged())
    drawn = " ".join(texts(message_panel.rows(moment, 74, 5))).split()
    assert drawn[drawn.index("delivered") + 1] == "30"
    assert drawn[drawn.index("resent") + 1] == "2"
    assert drawn[drawn.index("suppressed") + 1] == "1"
    assert "echoed" not in drawn
    narrow = " ".join(texts(message_panel.rows(moment, 50, 3))).split()
    assert narrow[narrow.index("delivered") + 1] == "30"
    assert narrow[-1] == "1"
    assert texts(round_trip_panel.rows(moment, 66, 6))[-1].startswith("ack ")


def test_observed_messages_are_shown_with_their_own_counts() -> None:
    moment = moment_of(latency_streams.observing())
    assert message_panel.title(moment, 120, 4) == "observing orders.>"
    drawn = " ".join(texts(message_panel.rows(moment, 74, 5))).split()
    assert drawn[drawn.index("messages") + 1] == "1,234,567"
    assert drawn[drawn.index("missing") + 1] == "2"
    assert "attempted" not in drawn


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_latency_page_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = app_on(latency_streams.measured())
    assert snap_compare(app, terminal_size=size, run_before=settle, press=["l"])


def test_latency_page_is_readable_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_on(latency_streams.measured())
    assert snap_compare(app, terminal_size=(120, 36), run_before=settle, press=["l"])


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("stream", VARIANTS, ids=lambda stream: stream.__name__)
def test_latency_panels_at_each_size(
    snap_compare: Compare, stream: Callable[[], Stream], size: tuple[int, int]
) -> None:
    assert snap_compare(app_on(stream()), terminal_size=size, run_before=settle)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (ev.Audit(t=30.0, stream="ORDERS", acknowledged=1_200, stored=1_200), "stored    1,200 of 1,200"),
        (
            ev.Audit(t=30.0, stream="ORDERS", acknowledged=30, stored=28, missing=2, twice=1, complete=False),
            "stored    28 of 30, 2 missing, 1 twice, not read to its end",
        ),
    ],
)
def test_stored_messages_are_shown_after_reading_back(found: ev.Audit, shown: str) -> None:
    before = texts(message_panel.rows(moment_of(latency_streams.acknowledged()), 70, 3))
    assert not any(text.startswith("stored") for text in before)
    *table, last = texts(message_panel.rows(moment_of(latency_streams.acknowledged().add(found)), 70, 3))
    assert last.rstrip() == shown
    assert table == texts(message_panel.rows(moment_of(latency_streams.acknowledged()), 70, 2))


def test_stale_time_counts_down_between_two_events() -> None:
    """With many PINGs a second, all of them answered, the times change once a second."""
    stream = streams.connected()
    stream.add(ev.Keepalive(t=stream.t, interval=0.1, max_out=2, stale_at=stream.t + 0.25))
    for later, rest in ((0.0, "0.2 s"), (0.04, "0.2 s"), (0.07, "0.3 s"), (0.72, "0.2 s")):
        moment = moment_of(stream, stream.t + later)
        kept = moment.state.keepalive
        assert kept is not None
        assert round_trip_panel.stale_in(kept, moment) == rest, later


def test_only_allowed_unanswered_ping_is_a_warning() -> None:
    stream = streams.connected()
    stream.add(ev.Keepalive(t=stream.t, interval=1.0, max_out=1, outstanding=1, stale_at=stream.t + 1.0))
    assert round_trip_panel.ping_warning(moment_of(stream), 40) == "1 of 1 PINGs out, stale in 1.0 s"
