"""Pictures of the screen from fixed streams, at the sizes people use."""

from collections.abc import Callable

import pytest

from tests.tui import dial_streams, outage_streams, streams
from tests.tui.pictures import SIZES, Compare, app_on, settle
from tests.tui.streams import Stream


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("stream", [streams.connected, streams.outage], ids=lambda stream: stream.__name__)
def test_dashboard_at_each_size(snap_compare: Compare, stream: Callable[[], Stream], size: tuple[int, int]) -> None:
    assert snap_compare(app_on(stream()), terminal_size=size, run_before=settle)


@pytest.mark.parametrize(
    "stream",
    [streams.dialing, streams.countdown, streams.cancelled, streams.gave_up, streams.hostile, Stream],
    ids=lambda stream: stream.__name__.lower(),
)
def test_dashboard_in_each_state(snap_compare: Compare, stream: Callable[[], Stream]) -> None:
    assert snap_compare(app_on(stream()), terminal_size=(80, 24), run_before=settle)


def test_dashboard_after_the_monitor_stopped(snap_compare: Compare) -> None:
    app = app_on(streams.connected(), ends=True, exit_reason="killed by SIGKILL")
    assert snap_compare(app, terminal_size=(80, 24), run_before=settle)


def test_dashboard_at_the_smallest_size(snap_compare: Compare) -> None:
    assert snap_compare(app_on(streams.outage()), terminal_size=(60, 16), run_before=settle)


def test_dashboard_in_the_light_theme(snap_compare: Compare) -> None:
    assert snap_compare(app_on(streams.outage(), theme="natsmon-light"), terminal_size=(120, 36), run_before=settle)


def test_dashboard_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app_on(streams.outage()), terminal_size=(120, 36), run_before=settle)


def test_help_lists_the_keys(snap_compare: Compare) -> None:
    app = app_on(streams.connected())
    assert snap_compare(app, terminal_size=(120, 50), run_before=settle, press=["question_mark"])


DIALS = {
    "connected": dial_streams.secured,
    "certificate": dial_streams.expired_certificate,
    "race": dial_streams.raced,
    "cancelled": dial_streams.cancelled_race,
}


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", DIALS)
def test_page_of_a_dial(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    assert snap_compare(app_on(DIALS[name]()), terminal_size=size, run_before=settle, press=["enter"])


def test_page_of_a_dial_has_two_columns_on_a_wide_screen(snap_compare: Compare) -> None:
    app = app_on(dial_streams.secured())
    assert snap_compare(app, terminal_size=(200, 60), run_before=settle, press=["enter"])


def test_page_of_a_hostile_dial_is_escaped(snap_compare: Compare) -> None:
    app = app_on(dial_streams.hostile_dial())
    assert snap_compare(app, terminal_size=(120, 36), run_before=settle, press=["tab", "down", "enter"])


def test_cursor_row_is_highlighted(snap_compare: Compare) -> None:
    app = app_on(streams.outage())
    assert snap_compare(app, terminal_size=(80, 24), run_before=settle, press=["tab", "down"])


def test_page_of_the_servers(snap_compare: Compare) -> None:
    assert snap_compare(app_on(dial_streams.secured()), terminal_size=(80, 24), run_before=settle, press=["s"])


def test_page_of_the_servers_counts_those_not_kept(snap_compare: Compare) -> None:
    app = app_on(dial_streams.large_pool())
    assert snap_compare(app, terminal_size=(80, 24), run_before=settle, press=["s", "G"])


def test_servers_are_a_panel_on_a_wide_screen(snap_compare: Compare) -> None:
    assert snap_compare(app_on(dial_streams.secured()), terminal_size=(200, 60), run_before=settle)


PAGES = {
    "outages": (outage_streams.frozen, ["o"]),
    "outages-of-two": (streams.outage, ["o", "down"]),
    "outage": (outage_streams.frozen, ["o", "enter"]),
    "outage-under-way": (outage_streams.long, ["o", "enter"]),
    "upgrade": (outage_streams.upgrade, ["u"]),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", ["outages", "outage", "upgrade"])
def test_pages_at_each_size(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    stream, keys = PAGES[name]
    assert snap_compare(app_on(stream()), terminal_size=size, run_before=settle, press=keys)


@pytest.mark.parametrize("name", ["outages-of-two", "outage-under-way"])
def test_pages_during_an_outage(snap_compare: Compare, name: str) -> None:
    stream, keys = PAGES[name]
    assert snap_compare(app_on(stream()), terminal_size=(80, 24), run_before=settle, press=keys)


def test_terminal_too_small_has_a_notice(snap_compare: Compare) -> None:
    assert snap_compare(app_on(streams.connected()), terminal_size=(50, 10), run_before=settle)
