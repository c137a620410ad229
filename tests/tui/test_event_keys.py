"""Keys of the events: filter, hold, single messages."""

import re

from natsmon.config.settings import ViewSettings
from natsmon.stream import events as ev
from tests.tui import streams
from tests.tui.driven import driven


async def test_filter_is_typed_kept_and_removed() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("slash", *"refused")
        assert drive.source.sent_commands == [], "letters typed into the filter are not commands"
        window = drive.app.viewed.window
        assert len(window.listed)
        assert all("refused" in line.text for _, line in window.newest(99))
        await drive.press("enter")
        assert "refused" in drive.title("events")
        assert drive.shown("keybar").startswith("c cancel")
        await drive.press("escape")
        assert "refused" not in drive.title("events")
        await drive.press("slash", "z", "z")
        assert "contains “zz”" in drive.shown("events")
        await drive.press("escape")
        assert any("connected to" in line.text for _, line in drive.app.viewed.window.newest(100))


async def test_held_events_count_the_new_ones_and_follow_again() -> None:
    async with driven(streams.outage(), size=(80, 24)) as drive:
        await drive.press("f")
        before = drive.shown("events")
        t = drive.source.t
        await drive.emit(*(ev.AsyncError(t=t, text=f"error {n}") for n in range(12)))
        assert drive.shown("events") == before
        assert "held, +12 lines" in drive.title("events")
        await drive.press("end")
        assert "error 11" in drive.shown("events")
        assert drive.title("events") == "events"
        await drive.press("f")
        assert "held" in drive.title("events")
        await drive.press("home")
        assert "natsmon 0.1.0" in drive.shown("events")
        await drive.press("f")
        assert "error 11" in drive.shown("events")
        await drive.press("pageup", "pagedown")
        assert drive.title("events") == "events"


async def test_turning_pages_leaves_no_event_out() -> None:
    stream = streams.connected().lose()
    for _ in range(40):
        stream.refused("east-1:4222", "reconnect")
    async with driven(stream, size=(80, 50)) as drive:
        seen: set[str] = set()
        for _ in range(12):
            seen |= set(re.findall(r"✗ attempt (\d+) on", drive.shown("events")))
            await drive.press("pageup")
        assert "natsmon 0.1.0" in drive.shown("events")
        assert seen == {str(attempt) for attempt in range(1, 41)}


async def test_single_messages_are_shown_when_asked_for() -> None:
    async with driven(streams.connected()) as drive:
        hidden = len(drive.app.viewed.window.listed)
        await drive.press("m")
        assert len(drive.app.viewed.window.listed) > hidden
        await drive.press("m")
        assert len(drive.app.viewed.window.listed) == hidden


async def test_single_messages_are_shown_from_the_start_by_a_setting() -> None:
    async with driven(streams.connected(), view=ViewSettings(messages=True)) as drive:
        shown = len(drive.app.viewed.window.listed)
        await drive.press("m")
        assert len(drive.app.viewed.window.listed) < shown


async def test_single_messages_are_counted_at_once() -> None:
    async with driven(streams.connected()) as drive:
        tally, t = drive.app.viewed.state.tally, drive.source.t
        await drive.emit(ev.Published(t=t, seq=tally.attempted + 1))
        assert f"in flight {tally.in_flight + 1:>11}" in drive.shown("messages")
        await drive.emit(ev.Echoed(t=t, seq=tally.attempted + 1, latency=0.001))
        assert f"delivered {tally.delivered + 1:>11}" in drive.shown("messages")
