"""Every key: the command sent, the notice shown, and how the run ends."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from textual.command import CommandPalette

from natsmon.charts.cells import text_of
from natsmon.config.config_file import load_choices
from natsmon.config.view_settings import ViewSettings
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.tui import monitor_app
from natsmon.tui.model.key_table import KEYS, REPLAY_KEYS, keymap_problems
from natsmon.tui.screen_app import NOTICE_SECONDS
from natsmon.tui.widgets.panel import Panel
from tests.tui import latency_streams, streams
from tests.tui.driven import driven, run_by_name
from tests.tui.fakes import FakeDemo
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
    ("q", streams.connected, commands.Close()),
    ("ctrl+c", streams.connected, commands.Close()),
]

REFUSED: list[tuple[str, Callable[[], Stream], str]] = [
    ("c", streams.connected, "connected: there is no dial to cancel"),
    ("c", streams.cancelled, "closed: reconnect (r) starts again"),
    ("c", draining, "draining: the connection is being closed"),
    ("r", draining, "draining: the connection is being closed"),
    ("n", streams.connected, "connected: there is no dial to skip"),
    ("n", streams.cancelled, "closed: reconnect (r) starts again"),
    ("d", streams.dialing, "connecting: there is no connection to drain"),
    ("d", draining, "draining: the connection is being closed"),
    ("r", streams.dialing, "a dial is in progress already"),
    ("p", latency_streams.observing, "observing: nothing is published"),
]


@pytest.mark.parametrize(("key", "stream", "command"), SENT)
async def test_a_key_sends_its_command(key: str, stream: Callable[[], Stream], command: commands.AnyCommand) -> None:
    async with driven(stream()) as drive:
        await drive.press(key)
        assert drive.source.sent_commands == [command]


@pytest.mark.parametrize(("key", "stream", "words"), REFUSED)
async def test_a_key_without_effect_shows_the_reason(key: str, stream: Callable[[], Stream], words: str) -> None:
    async with driven(stream()) as drive:
        await drive.press(key)
        assert drive.source.sent_commands == []
        assert drive.shown("keybar").startswith(words)


async def test_q_drains_and_leaves_when_the_stream_ends() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("q")
        assert drive.shown("keybar").startswith("draining… q again quits at once")
        t = drive.source.t
        await drive.emit(ev.Closed(t=t, cause="user"), ev.End(t=t, exit_code=0), None)
        assert drive.app.return_value == 0
        assert not drive.source.killed


async def test_quit_hint_stays_while_draining() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("m", "q")
        for key, bar in ((None, "draining… q again"), ("p", "leaving"), (None, "draining… q again")):
            await drive.press(*([key] if key else []))
            assert drive.shown("keybar").startswith(bar)
            await drive.tick(NOTICE_SECONDS + 0.1)
        await drive.press("s")
        page = drive.app.screen.query_one("KeyBar", Panel)
        assert text_of(page._rows[0]).startswith("draining… q again quits at once")
        drive.source.t += 1.0
        t = drive.source.t
        await drive.emit(ev.StatusChanged(t=t, status="CLOSED", previous="CONNECTED", cause="user"))
        assert text_of(page._rows[0]).startswith("closing… q again quits at once")


@pytest.mark.parametrize(
    ("stream", "limit", "other", "shown"),
    [
        (streams.connected, "LEAVE_WITHIN", "READ_BACK_WITHIN", "draining… q again"),
        (
            latency_streams.acknowledged,
            "READ_BACK_WITHIN",
            "LEAVE_WITHIN",
            "draining and reading back… q again quits at once",
        ),
    ],
)
async def test_quit_ends_the_probe_after_the_limit_of_its_mode(
    monkeypatch: pytest.MonkeyPatch, stream: Callable[[], Stream], limit: str, other: str, shown: str
) -> None:
    monkeypatch.setattr(monitor_app, limit, 0.3)
    monkeypatch.setattr(monitor_app, other, 3600.0)
    async with driven(stream(), size=(60, 16)) as drive:
        await drive.press("q")
        assert drive.shown("keybar").startswith(shown)
        assert "quits at once" in drive.shown("keybar")
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
        await drive.emit(ev.End(t=drive.source.t, exit_code=0), None)
        assert drive.app.return_value == 130


async def test_leaving_after_it_gave_up_is_1() -> None:
    async with driven(streams.gave_up()) as drive:
        assert "gave up after 2 attempts: connection refused" in drive.shown("status")
        await drive.press("q")
        await drive.emit(ev.End(t=drive.source.t, exit_code=0), None)
        assert drive.app.return_value == 1


async def test_run_that_reaches_its_limit_quits() -> None:
    async with driven(streams.connected()) as drive:
        await drive.emit(ev.End(t=drive.source.t, exit_code=0, reason="count"), None)
        assert drive.app.return_value == 0


async def test_a_stopped_monitor_is_shown_and_r_starts_it_again() -> None:
    async with driven(streams.connected(), ends=True) as drive:
        assert "✗ MONITOR STOPPED" in drive.shown("status")
        assert "killed by SIGKILL; r starts it again" in drive.shown("status")
        await drive.press("p")
        assert drive.source.sent_commands == []
        assert "monitor stopped; r starts it again" in drive.shown("keybar")
        lines = len(drive.app.viewed.window.log)
        await drive.press("r")
        assert drive.source.starts == 2
        assert "CONNECTED" in drive.shown("status")
        assert len(drive.app.viewed.window.log) > lines, "the log keeps the lines of the session before"


async def test_stopped_monitor_names_the_key_of_the_keymap() -> None:
    async with driven(streams.connected(), ends=True, view=ViewSettings(keymap={"reconnect": "f5"})) as drive:
        assert "killed by SIGKILL; f5 starts it again" in drive.shown("status")


async def test_quitting_after_the_monitor_stopped_is_3() -> None:
    async with driven(streams.connected(), ends=True) as drive:
        await drive.press("q")
        assert drive.app.return_value == 3


async def test_x_opens_the_menu_of_faults_in_the_demo_only() -> None:
    demo = FakeDemo()
    async with driven(streams.connected(), demo=demo) as drive:
        assert "x fault" in drive.shown("keybar")
        await drive.press("x", "escape")
        assert demo.applied == []
        await drive.press("x", "k")
        while drive.app.faults is not None and drive.app.faults.busy:
            await drive.pilot.pause()
        await drive.settle()
        assert demo.applied == [("kill", "east-1:4222")], "at the server it is connected to"
        assert "kill: done" in drive.shown("events")
        await drive.press("x", "down", "enter")
        while drive.app.faults is not None and drive.app.faults.busy:
            await drive.pilot.pause()
        assert demo.applied[1][0] == "start"
    async with driven(streams.connected()) as drive:
        assert "x fault" not in drive.shown("keybar")
        await drive.press("x")
        assert "only natsmon demo" in drive.shown("keybar")
        assert drive.source.sent_commands == []


async def test_d_drains_at_the_second_press_within_three_seconds() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("d")
        assert drive.source.sent_commands == []
        assert "d again within 3 s drains" in drive.shown("keybar")
        await drive.tick(3.1)
        await drive.press("d")
        assert drive.source.sent_commands == [], "too late: it is the first press again"
        await drive.press("d")
        assert drive.source.sent_commands == [commands.Drain()]


async def test_answers_are_awaited_and_shown() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("p", "p")
        first, second = drive.source.sent
        assert first.id != second.id
        assert first.conn == 0
        t = drive.source.t
        answer = ev.Answer(t=t, id=first.id, command="pause", outcome="ignored", reason="publishing is paused already")
        await drive.emit(answer)
        assert "pause: publishing is paused already" in drive.shown("keybar")
        await drive.tick(1.2)
        assert "resume: no answer from the monitor process yet" in drive.shown("keybar")
        await drive.emit(
            ev.Answer(t=drive.source.t, id="another-view-1", command="cancel", outcome="ignored", reason="x")
        )
        assert "cancel" not in drive.shown("keybar").partition("c cancel")[0]


def test_no_key_has_two_actions() -> None:
    assert keymap_problems({}) == {}
    assert keymap_problems({}, REPLAY_KEYS) == {}
    for table in (KEYS, REPLAY_KEYS):
        assert keymap_problems({key.id: key.keys for key in table}, table) == {}


def test_a_keymap_with_a_conflict_or_an_unknown_action_is_reported() -> None:
    assert keymap_problems({"cancel": "r", "nothing": "k", "pause": "ctrl-p", "open": "f2,ctrl+o,full_stop"}) == {
        "nothing": "nothing is not an action",
        "cancel": "r is bound to cancel and to reconnect",
        "pause": "pause: ctrl-p is not a key",
    }


def test_a_keymap_may_have_keys_of_a_replay_and_of_records() -> None:
    for table in (KEYS, REPLAY_KEYS):
        assert keymap_problems({"play": "P", "older": "h"}, table) == {}


async def test_a_key_can_be_rebound_by_its_id() -> None:
    async with driven(streams.dialing(), view=ViewSettings(keymap={"cancel": "ctrl+k", "up": "i"})) as drive:
        assert "ctrl+k cancel" in drive.shown("keybar")
        await drive.press("c")
        assert drive.source.sent_commands == []
        await drive.press("ctrl+k")
        assert drive.source.sent_commands == [commands.Cancel()]


async def test_a_conflict_of_the_keymap_is_shown() -> None:
    async with driven(streams.dialing(), view=ViewSettings(keymap={"cancel": "r", "jump": "J"})) as drive:
        assert "keymap: jump is not an action; r is bound to cancel and to reconnect" in drive.shown("events")


@pytest.mark.parametrize("key", ["o", "2", "u", "3", "l", "4", "s", "5", "question_mark"])
@pytest.mark.parametrize("before", ["", "enter", "o", "l"])
async def test_every_page_is_reached_from_any_page(before: str, key: str) -> None:
    name = {"o": "outages", "2": "outages", "u": "upgrade", "3": "upgrade", "l": "latency", "4": "latency"}
    name |= {"s": "servers", "5": "servers", "question_mark": "help"}
    async with driven(streams.outage()) as drive:
        await drive.press(*([before] if before else []), key)
        assert drive.app.screen.name == name[key]
        await drive.press("1")
        assert drive.app.screen.name == "dashboard"
        assert drive.source.sent_commands == []


async def test_q_goes_back_on_a_page_and_quits_on_the_dashboard() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o", "enter", "q")
        assert drive.app.screen.name == "outages"
        await drive.press("q")
        assert drive.app.screen.name == "dashboard"
        assert drive.source.sent_commands == []
        await drive.press("q")
        assert drive.source.sent_commands == [commands.Close()]


async def test_capital_q_quits_from_a_page() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o", "Q")
        assert drive.source.sent_commands == [commands.Close()]


async def test_y_copies_the_cursor_row_and_confirms() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("k", "k", "y")
        assert "copied 1 line" in drive.shown("keybar")
        assert "attempt 1 on east-2:4222 failed" in drive.app.clipboard
        await drive.press("escape", "tab", "j", "v", "j", "v", "y")
        assert "copied 2 lines" in drive.shown("keybar")
        first, second = drive.app.clipboard.splitlines()
        assert "dial 4 " in first
        assert "dial 3 " in second
        await drive.press("o", "y")
        assert "PINGs not answered" in drive.app.clipboard
        await drive.press("l", "y")
        assert "PING to PONG" in drive.app.clipboard


async def test_z_enlarges_the_focused_panel() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("tab", "z")
        assert drive.app.query_one("#dials").size.height > 20
        assert not drive.app.query_one("#events").size.height
        assert drive.app.query_one("#status").size.height
        await drive.press("z")
        assert drive.app.query_one("#events").size.height
        assert drive.app.query_one("#dials").size.height < 20


async def test_enter_opens_the_newest_dial_after_another_one_was_looked_at() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("enter", "left", "escape", "enter")
        assert "dial 4" in str(drive.app.screen.query_one("Sheet", Panel).border_title)


async def test_the_mark_is_visible_and_escape_and_end_remove_it() -> None:
    async with driven(streams.outage()) as drive:
        events = drive.app._dashboard.events
        for remove in ("escape", "end", "G"):
            await drive.press("k")
            assert len(events.lit) > 0
            lit = events.render_line(events.lit[0])._segments[0].style
            dark = events.render_line(0)._segments[0].style
            assert lit is not None
            assert dark is not None
            assert lit.bgcolor != dark.bgcolor
            await drive.press(remove)
            assert len(events.lit) == 0
        await drive.press("tab", "j")
        assert "▸" in drive.shown("dials")
        await drive.press("escape")
        assert "▸" not in drive.shown("dials")


async def test_enter_opens_a_marked_event_in_full() -> None:
    async with driven(streams.outage(), size=(80, 24)) as drive:
        await drive.press("k", "k", "enter")
        assert drive.app.screen.name == "event"
        await drive.press("escape")
        assert drive.app.screen.name == "dashboard"


async def test_enter_opens_the_marked_event_not_a_selected_one() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("k", "v", "k", "k", "enter")
        marked = drive.app.viewed.window.line(drive.app.viewed.window.cursor)
        assert marked is not None
        opened = drive.app.screen.query_one("Sheet", Panel)
        assert marked.text[:30] in "\n".join(text_of(row) for row in opened._rows)


async def test_a_click_on_an_event_marks_it_and_a_second_opens_it() -> None:
    async with driven(streams.outage()) as drive:
        line = next(n for n, text in enumerate(drive.shown("events").splitlines()) if "1 lost, 2 buffered" in text)
        for _ in range(2):
            assert drive.app.screen.name == "dashboard"
            await drive.pilot.click("#events", offset=(30, line + 1))
            await drive.settle()
        assert "1 lost, 2 buffered" in "\n".join(text_of(r) for r in drive.app.screen.query_one("Sheet", Panel)._rows)
        await drive.press("escape")
        marked = drive.app.viewed.window.line(drive.app.viewed.window.cursor)
        assert marked is not None
        assert "1 lost, 2 buffered" in marked.text


async def test_a_click_on_the_headline_opens_the_servers() -> None:
    async with driven(streams.outage()) as drive:
        await drive.pilot.click("#status", offset=(30, 0))
        await drive.settle()
        assert drive.app.screen.name == "servers"


async def test_a_search_of_the_help_finds_words_on_two_lines() -> None:
    async with driven(streams.connected(), size=(80, 24)) as drive:
        await drive.press("question_mark", "slash", *"notices, steps", "enter")
        rows = [text_of(row).rstrip() for row in drive.app.screen.query_one("Sheet", Panel)._rows]
        assert rows[0].startswith("u 3")
        assert rows[1].strip().startswith("duck notices, steps")
        assert len(rows) == 2


async def test_help_is_searched() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("question_mark", "slash", *"lame", "enter")
        sheet = drive.app.screen.query_one("Sheet", Panel)
        rows = [text_of(row) for row in sheet._rows]
        assert any("announced its shutdown" in row for row in rows)
        assert all("lame" in row.casefold() for row in rows)
        assert drive.source.sent_commands == []


async def test_the_filter_is_typed_kept_and_removed() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("slash", *"refused")
        assert drive.source.sent_commands == [], "letters typed into the filter are not commands"
        window = drive.app.viewed.window
        assert len(window)
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


async def test_two_keys_at_once_are_two_commands() -> None:
    async with driven(streams.connected()) as drive:
        await drive.together("p", "p")
        assert drive.source.sent_commands == [commands.Pause(), commands.Resume()]
        t = drive.source.t
        await drive.emit(
            ev.Paused(t=t), ev.Resumed(t=t), *(ev.Answer(t=t, id=sent.id, command="") for sent in drive.source.sent)
        )
        await drive.press("p")
        assert drive.source.sent_commands[2:] == [commands.Pause()]


async def test_the_events_are_held_count_and_follow_again() -> None:
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
        hidden = len(drive.app.viewed.window)
        await drive.press("m")
        assert len(drive.app.viewed.window) > hidden
        await drive.press("m")
        assert len(drive.app.viewed.window) == hidden


async def test_single_messages_are_shown_from_the_start_by_a_setting() -> None:
    async with driven(streams.connected(), view=ViewSettings(messages=True)) as drive:
        shown = len(drive.app.viewed.window)
        await drive.press("m")
        assert len(drive.app.viewed.window) < shown


async def test_theme_and_messages_chosen_on_screen_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with driven(streams.connected(), view=ViewSettings(theme="nord")) as drive:
        assert drive.app.theme == "nord"
        assert load_choices() == {}, "a setting is not a choice"
        await drive.press("m")
        drive.app.theme = "natsmon-light"
        await drive.settle()
        assert load_choices() == {"messages": True, "theme": "natsmon-light"}
    assert [path.name for path in (tmp_path / "natsmon").iterdir()] == ["state.json"]


async def test_a_kept_theme_that_no_longer_exists_is_replaced() -> None:
    view = ViewSettings(theme="gone", origins={"theme": "chosen on screen"})
    async with driven(streams.connected(), view=view) as drive:
        assert drive.app.theme == "natsmon-dark"


async def test_help_opens_and_closes() -> None:
    async with driven(streams.connected(), size=(80, 24)) as drive:
        for close in ("escape", "q"):
            await drive.press("question_mark")
            assert drive.app.screen.name == "help"
            await drive.press(close)
            assert drive.app.screen is drive.app.screen_stack[0]
        assert drive.source.sent_commands == []


async def test_the_palette_has_every_action() -> None:
    async with driven(streams.connected(), demo=FakeDemo()) as drive:
        titles = [command.title for command in drive.app.get_system_commands(drive.app.screen)]
        wanted = ("Cancel", "Reconnect", "Next", "Pause", "Drain", "Cause", "Filter", "Hold", "Help", "Quit", "Theme")
        for name in wanted:
            assert any(title.startswith(name) for title in titles), name
        command = next(c for c in drive.app.get_system_commands(drive.app.screen) if c.title.startswith("Drain"))
        await command.callback()
        await command.callback()
        assert drive.source.sent_commands == [commands.Drain()]
        await drive.press("ctrl+p")
        assert type(drive.app.screen).__name__ == "CommandPalette"
        await drive.press("escape")


@pytest.mark.parametrize("key", ["o", "s", "enter"])
async def test_the_palette_runs_actions_on_a_page(key: str) -> None:
    async with driven(streams.countdown()) as drive:
        await drive.press(key)
        page = drive.app.screen
        assert page is not drive.app.screen_stack[0]
        await run_by_name(drive.app, drive.pilot, "Cancel the dial")
        assert drive.source.sent_commands == [commands.Cancel()]
        assert drive.app.screen is page
        await run_by_name(drive.app, drive.pilot, "Theme")
        assert isinstance(drive.app.screen, CommandPalette)
        await drive.press("escape")
        assert drive.app.screen is page
        await drive.press("escape")
        assert drive.app.screen is drive.app.screen_stack[0]


async def test_terminal_too_small_shows_a_notice_and_recovers() -> None:
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
        assert drive.source.sent_commands == [commands.Pause()]


async def test_nothing_is_painted_when_nothing_changed() -> None:
    async with driven(streams.connected()) as drive:
        with mock.patch.object(Panel, "refresh") as painted:
            for _ in range(20):
                drive.app.draw()
        assert not painted.called


async def test_a_slow_drain_is_ended() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("q")
        drive.app.quit_at_once()
        await asyncio.sleep(0)
        assert drive.source.killed


async def test_single_messages_are_counted_at_once() -> None:
    async with driven(streams.connected()) as drive:
        tally, t = drive.app.viewed.state.tally, drive.source.t
        await drive.emit(ev.Published(t=t, seq=tally.attempted + 1))
        assert f"in flight {tally.in_flight + 1:>11}" in drive.shown("messages")
        await drive.emit(ev.Echoed(t=t, seq=tally.attempted + 1, latency=0.001))
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
