"""Keys that send a command: what is sent, and the notice where a command does not apply."""

from collections.abc import Callable, Sequence

import pytest

from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.tui import latency_streams, streams
from tests.tui.driven import driven
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
async def test_key_sends_its_command(key: str, stream: Callable[[], Stream], command: commands.AnyCommand) -> None:
    async with driven(stream()) as drive:
        await drive.press(key)
        assert drive.source.sent_commands == [command]


@pytest.mark.parametrize(("key", "stream", "words"), REFUSED)
async def test_key_without_effect_shows_the_reason(key: str, stream: Callable[[], Stream], words: str) -> None:
    async with driven(stream()) as drive:
        await drive.press(key)
        assert drive.source.sent_commands == []
        assert drive.shown("keybar").startswith(words)


async def test_x_opens_the_menu_of_faults_in_the_demo_only() -> None:
    demo = FakeDemo()
    async with driven(streams.connected(), demo=demo) as drive:
        assert "x fault" in drive.shown("keybar")
        await drive.press("x", "escape")
        assert demo.applied == []
        await drive.press("x", "k")
        await drive.fault_caused()
        assert demo.applied == [("kill", "east-1:4222")], "at the server it is connected to"
        assert "kill: done" in drive.shown("events")
        await drive.press("x", "down", "enter")
        await drive.fault_caused()
        assert demo.applied[1][0] == "start"
    async with driven(streams.connected()) as drive:
        assert "x fault" not in drive.shown("keybar")
        await drive.press("x")
        assert "only natsmon demo" in drive.shown("keybar")
        assert drive.source.sent_commands == []


@pytest.mark.parametrize("page", ["", "o"])
@pytest.mark.parametrize("keys", ["kk", ["enter", "enter"], ["escape", "escape"]])
async def test_second_key_that_comes_with_the_choice_of_a_menu_has_no_effect(page: str, keys: Sequence[str]) -> None:
    demo = FakeDemo()
    async with driven(streams.connected(), demo=demo) as drive:
        await drive.press(*page, "x")
        await drive.together(*keys)
        await drive.fault_caused()
        assert len(demo.applied) == ("escape" not in keys)
        assert drive.app.screen.name == ("outages" if page else "dashboard")
        assert len(drive.app.screen_stack) == 1 + len(page)


@pytest.mark.parametrize("key", ["o", "x"])
async def test_click_on_a_page_that_is_closed_before_it_is_handled_opens_a_page(key: str) -> None:
    async with driven(streams.connected(), demo=FakeDemo()) as drive:
        await drive.press("l", key)
        clicked = drive.app.screen.query("*").first()
        clicked.call_later(drive.app.run_action, "page('servers')")
        drive.app.pop_screen()
        await drive.settle()
        assert [screen.name for screen in drive.app.screen_stack] == ["dashboard", "servers"]


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


async def test_click_on_the_key_bar_acts_as_the_key() -> None:
    async with driven(streams.connected()) as drive:
        x = drive.shown("keybar").index("p pause") + 2
        await drive.pilot.click("#keybar", offset=(x, 0))
        await drive.settle()
        assert drive.source.sent_commands == [commands.Pause()]


async def test_notice_of_a_key_that_did_nothing_ends_with_one_that_does() -> None:
    async with driven(streams.cancelled()) as drive:
        await drive.press("c")
        assert "starts again" in drive.shown("keybar")
        await drive.press("p")
        assert "starts again" not in drive.shown("keybar")
