"""Every key, pressed: what the probe is sent, what the screen says, and how it ends."""

import asyncio
import re
from collections.abc import Callable
from unittest import mock

import pytest
from textual.command import CommandPalette

from natsmon.charts.cells import text_of
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.tui import app as app_module
from natsmon.tui.model.key_table import OUTAGES_KEYS, PAGE_KEYS, RECORD_KEYS
from natsmon.tui.widgets.panel import Panel
from tests.tui import latency_streams, streams
from tests.tui.driven import driven, run_by_name
from tests.tui.fakes import Server
from tests.tui.streams import Stream


def draining() -> Stream:
    return streams.connected().become("DRAINING")


def paused() -> Stream:
    stream = streams.connected()
    return stream.add(ev.Paused(t=stream.t))


SENT: list[tuple[str, Callable[[], Stream], commands.AnyCommand]] = [
    ("c", streams.dialing, commands.Cancel()),
    ("c", streams.countdown, commands.Cancel()),
    ("c", streams.outage, commands.Cancel()),
    ("r", streams.connected, commands.Reconnect()),
    ("r", streams.countdown, commands.Reconnect()),
    ("r", streams.cancelled, commands.Reconnect()),
    ("n", streams.dialing, commands.NextServer()),
    ("n", streams.countdown, commands.NextServer()),
    ("p", streams.connected, commands.Pause()),
    ("space", streams.dialing, commands.Pause()),
    ("p", paused, commands.Resume()),
    ("d", streams.connected, commands.Drain()),
    ("q", streams.connected, commands.Close()),
    ("ctrl+c", streams.connected, commands.Close()),
]

SAID: list[tuple[str, Callable[[], Stream], str]] = [
    ("c", streams.connected, "connected: there is no dial to cancel"),
    ("c", streams.cancelled, "closed: there is no dial to cancel; r connects again"),
    ("c", draining, "draining: there is no dial to cancel"),
    ("r", draining, "draining: r connects again once it is closed"),
    ("n", streams.connected, "connected: no server is being dialed"),
    ("n", streams.cancelled, "closed: no server is being dialed"),
    ("d", streams.dialing, "connecting: there is no connection to drain"),
    ("d", draining, "draining already"),
    ("r", streams.dialing, "a dial is under way already; n goes on to the next server"),
    ("p", latency_streams.observing, "observing: nothing is published"),
]


@pytest.mark.parametrize(("key", "stream", "command"), SENT)
async def test_a_key_sends_its_command(key: str, stream: Callable[[], Stream], command: commands.AnyCommand) -> None:
    async with driven(stream()) as drive:
        await drive.press(key)
        assert drive.source.sent == [command]


@pytest.mark.parametrize(("key", "stream", "words"), SAID)
async def test_a_key_that_can_do_nothing_says_so(key: str, stream: Callable[[], Stream], words: str) -> None:
    async with driven(stream()) as drive:
        await drive.press(key)
        assert drive.source.sent == []
        assert drive.shown("keybar").startswith(words)


async def test_q_drains_and_leaves_when_the_stream_ends() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("q")
        assert drive.shown("keybar").startswith("draining… q again leaves at once")
        t = drive.source.t
        await drive.tell(ev.Closed(t=t, cause="user"), ev.End(t=t, exit_code=0), None)
        assert drive.app.return_value == 0
        assert not drive.source.killed


async def test_that_a_second_q_leaves_is_said_as_long_as_the_first_is_waited_for() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("m", "q")
        for key, bar in ((None, "draining… q again"), ("p", "already leaving; q again"), (None, "draining… q again")):
            await drive.press(*([key] if key else []))
            assert drive.shown("keybar").startswith(bar)
            drive.source.t += app_module.NOTICE_SECONDS + 0.1
            await drive.settle()
        await drive.press("s")
        page = drive.app.screen.query_one("KeyBar", Panel)
        assert text_of(page._rows[0]).startswith("draining… q again leaves at once")
        drive.source.t += 1.0
        t = drive.source.t
        await drive.tell(ev.StatusChanged(t=t, status="CLOSED", previous="CONNECTED", cause="user"))
        assert text_of(page._rows[0]).startswith("closing… q again leaves at once")


@pytest.mark.parametrize(
    ("stream", "limit", "other", "said"),
    [
        (streams.connected, "LEAVE_WITHIN", "READ_BACK_WITHIN", "draining… q again"),
        (
            latency_streams.acknowledged,
            "READ_BACK_WITHIN",
            "LEAVE_WITHIN",
            "draining and reading back… q again leaves at once",
        ),
    ],
)
async def test_quit_ends_the_probe_after_the_limit_of_its_mode(
    monkeypatch: pytest.MonkeyPatch, stream: Callable[[], Stream], limit: str, other: str, said: str
) -> None:
    monkeypatch.setattr(app_module, limit, 0.3)
    monkeypatch.setattr(app_module, other, 3600.0)
    async with driven(stream(), size=(60, 16)) as drive:
        await drive.press("q")
        assert drive.shown("keybar").startswith(said)
        assert "leaves at once" in drive.shown("keybar")
        while not drive.source.killed:
            await drive.pilot.pause(0.01)


@pytest.mark.parametrize("second", ["q", "ctrl+c"])
async def test_a_second_time_leaves_at_once(second: str) -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("q")
        await drive.press(second)
        assert drive.source.killed
        assert drive.app.return_value == 0


async def test_ctrl_c_before_the_first_connection_is_130() -> None:
    async with driven(streams.dialing()) as drive:
        await drive.press("ctrl+c")
        await drive.tell(ev.End(t=drive.source.t, exit_code=0), None)
        assert drive.app.return_value == 130


async def test_leaving_after_it_gave_up_is_1() -> None:
    async with driven(streams.gave_up()) as drive:
        assert "gave up" in drive.shown("status")
        await drive.press("q")
        await drive.tell(ev.End(t=drive.source.t, exit_code=0), None)
        assert drive.app.return_value == 1


async def test_a_run_that_reaches_its_limit_leaves_by_itself() -> None:
    async with driven(streams.connected()) as drive:
        await drive.tell(ev.End(t=drive.source.t, exit_code=0, reason="count"), None)
        assert drive.app.return_value == 0


async def test_a_dead_probe_is_said_and_r_starts_a_new_one() -> None:
    async with driven(streams.connected(), ends=True) as drive:
        assert "the probe died" in drive.shown("status")
        assert "killed by SIGKILL · r starts a new one" in drive.shown("status").replace(")", "")
        await drive.press("p")
        assert drive.source.sent == []
        assert "the probe died; r starts a new one" in drive.shown("keybar")
        lines = drive.app.watched.book.total
        await drive.press("r")
        assert drive.source.starts == 2
        assert "CONNECTED" in drive.shown("status")
        assert drive.app.watched.book.total > lines


async def test_leaving_a_dead_probe_is_3() -> None:
    async with driven(streams.connected(), ends=True) as drive:
        await drive.press("q")
        assert drive.app.return_value == 3


async def test_k_only_in_the_demo() -> None:
    server = Server()
    async with driven(streams.connected(), sandbox=server) as drive:
        assert "k kill" in drive.shown("keybar")
        await drive.press("k")
        while drive.app._sandbox_busy:
            await drive.pilot.pause()
        await drive.settle()
        assert server.calls == 1
        assert server.asked == ["east-1:4222"]  # the one we are on
        assert "killed the server" in drive.shown("events")
    async with driven(streams.connected()) as drive:
        assert "k kill" not in drive.shown("keybar")
        await drive.press("k")
        assert drive.source.sent == []


async def test_the_filter_is_typed_kept_and_dropped() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("slash", *"refused")
        assert drive.source.sent == [], "letters typed into the filter are not commands"
        shown = [line for line in drive.shown("events").splitlines() if line.strip() and line[0] != " "]
        assert shown
        assert all("refused" in line for line in shown)
        await drive.press("enter")
        assert "refused" in drive.title("events")
        assert drive.shown("keybar").startswith("c cancel")
        await drive.press("escape")
        assert "refused" not in drive.title("events")
        await drive.press("slash", "z", "z")
        assert "contains “zz”" in drive.shown("events")
        await drive.press("escape")
        assert "connected to" in "\n".join(entry.text for entry in drive.app.watched.book.window(100))


async def test_two_keys_at_once_are_two_commands() -> None:
    async with driven(streams.connected()) as drive:
        await drive.together("p", "p")
        assert drive.source.sent == [commands.Pause(), commands.Resume()]
        t = drive.source.t
        await drive.tell(ev.Paused(t=t), ev.Resumed(t=t))
        await drive.press("p")
        await drive.tell(ev.Paused(t=t))
        await drive.press("p")
        assert drive.source.sent[2:] == [commands.Pause(), commands.Resume()]
        await drive.tell(ev.Answer(t=t, command="resume", outcome="ignored", reason="not paused"))
        await drive.press("p")
        assert drive.source.sent[4:] == [commands.Resume()], "what was refused has not come to be"


async def test_the_log_holds_still_counts_and_follows_again() -> None:
    async with driven(streams.outage(), size=(80, 24)) as drive:
        await drive.press("up")
        before = drive.shown("events")
        t = drive.source.t
        await drive.tell(*(ev.AsyncError(t=t, text=f"error {n}") for n in range(12)))
        assert drive.shown("events") == before
        assert "paused, +12 lines" in drive.title("events")
        await drive.press("end")
        assert "error 11" in drive.shown("events")
        assert drive.title("events") == "events"
        await drive.press("f")
        assert "paused" in drive.title("events")
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
        hidden = len(drive.app.watched.book)
        await drive.press("m")
        assert len(drive.app.watched.book) > hidden
        await drive.press("m")
        assert len(drive.app.watched.book) == hidden


async def test_help_opens_scrolls_and_closes() -> None:
    async with driven(streams.connected(), size=(80, 24)) as drive:
        await drive.press("question_mark")
        assert type(drive.app.screen).__name__ == "HelpScreen"
        await drive.press("c")
        assert drive.source.sent == []
        await drive.press("escape")
        assert drive.app.screen is drive.app.screen_stack[0]


async def test_the_palette_has_every_action() -> None:
    async with driven(streams.connected(), sandbox=Server()) as drive:
        titles = [command.title for command in drive.app.get_system_commands(drive.app.screen)]
        wanted = ("Cancel", "Reconnect", "Next", "Pause", "Drain", "Kill", "Filter", "Follow", "Help", "Quit", "Theme")
        for name in wanted:
            assert any(title.startswith(name) for title in titles), name
        command = next(c for c in drive.app.get_system_commands(drive.app.screen) if c.title.startswith("Drain"))
        await command.callback()
        assert drive.source.sent == [commands.Drain()]
        await drive.press("ctrl+p")
        assert type(drive.app.screen).__name__ == "CommandPalette"
        await drive.press("escape")


def test_every_page_has_the_palette() -> None:
    for table in (PAGE_KEYS, RECORD_KEYS, OUTAGES_KEYS):
        assert [key.action for key in table if key.id == "natsmon.palette"] == ["app.command_palette"]


@pytest.mark.parametrize("key", ["o", "s", "enter"])
async def test_what_the_palette_runs_on_a_page(key: str) -> None:
    async with driven(streams.countdown()) as drive:
        await drive.press(key)
        page = drive.app.screen
        assert page is not drive.app.screen_stack[0]
        named = [command.title for command in drive.app.get_system_commands(page)]
        assert not [title for title in named if title.startswith(("Open a dial", "Outages", "Follow"))]
        assert any(title.startswith("Filter") for title in named) == (key == "o")
        await run_by_name(drive.app, drive.pilot, "Cancel the dial")
        assert drive.source.sent == [commands.Cancel()]
        assert drive.app.screen is page
        await run_by_name(drive.app, drive.pilot, "Theme")
        assert isinstance(drive.app.screen, CommandPalette)
        await drive.press("escape")
        assert drive.app.screen is page
        await drive.press("escape")
        assert drive.app.screen is drive.app.screen_stack[0]


async def test_a_terminal_too_small_says_so_and_recovers() -> None:
    async with driven(streams.connected()) as drive:
        await drive.pilot.resize_terminal(40, 10)
        await drive.settle()
        notice = drive.app.query("_Notice").first(Panel)
        assert (
            " ".join(text_of(row).strip() for row in notice._rows) == "terminal too small (40x10), natsmon needs 60x16"
        )
        await drive.pilot.resize_terminal(80, 24)
        await drive.settle()
        assert not drive.app.query("_Notice")
        assert "CONNECTED" in drive.shown("status")
        assert "connected to" in drive.shown("events")


async def test_a_click_on_the_key_bar_is_its_key() -> None:
    async with driven(streams.connected()) as drive:
        x = drive.shown("keybar").index("p pause") + 2
        await drive.pilot.click("#keybar", offset=(x, 0))
        await drive.settle()
        assert drive.source.sent == [commands.Pause()]


async def test_nothing_is_painted_when_nothing_changed() -> None:
    async with driven(streams.connected()) as drive:
        with mock.patch.object(Panel, "refresh") as painted:
            for _ in range(20):
                drive.app.draw()
        assert not painted.called


async def test_a_slow_drain_is_ended() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("q")
        drive.app._end_probe()
        await asyncio.sleep(0)
        assert drive.source.killed


async def test_single_messages_are_counted_at_once() -> None:
    async with driven(streams.connected()) as drive:
        tally, t = drive.app.watched.state.tally, drive.source.t
        await drive.tell(ev.Published(t=t, seq=tally.attempted + 1))
        assert f"in flight {tally.in_flight + 1:>11}" in drive.shown("messages")
        await drive.tell(ev.Echoed(t=t, seq=tally.attempted + 1, latency=0.001))
        assert f"delivered {tally.delivered + 1:>11}" in drive.shown("messages")


async def test_another_theme_colours_everything_anew() -> None:
    async with driven(streams.connected()) as drive:
        panel = drive.app.query_one("#status", Panel)
        dark = panel.render_line(0)._segments[0].style
        drive.app.theme = "natsmon-light"
        await drive.settle()
        light = panel.render_line(0)._segments[0].style
        assert dark is not None
        assert light is not None
        assert dark.bgcolor != light.bgcolor
        assert dark.color != light.color
