"""How a run ends: quitting once and twice, a monitor that stopped, and the exit codes."""

import asyncio
from collections.abc import Callable

import pytest

from natsmon.charts.cells import text_of
from natsmon.stream import events as ev
from natsmon.tui import monitor_app
from natsmon.tui.screen_app import NOTICE_SECONDS
from natsmon.tui.widgets.panel import Panel
from tests.tui import latency_streams, streams
from tests.tui.driven import driven
from tests.tui.streams import Stream


def draining() -> Stream:
    return streams.connected().become("DRAINING")


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
async def test_second_quit_leaves_at_once(second: str) -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("q")
        await drive.press(second)
        assert drive.source.killed
        assert drive.app.return_value == 0


async def test_ctrl_c_before_the_first_connection_exits_with_130() -> None:
    async with driven(streams.dialing()) as drive:
        await drive.press("ctrl+c")
        await drive.emit(ev.End(t=drive.source.t, exit_code=0), None)
        assert drive.app.return_value == 130


async def test_quitting_after_it_gave_up_exits_with_1() -> None:
    async with driven(streams.gave_up()) as drive:
        assert "gave up after 2 attempts: connection refused" in drive.shown("status")
        await drive.press("q")
        await drive.emit(ev.End(t=drive.source.t, exit_code=0), None)
        assert drive.app.return_value == 1


async def test_run_that_reaches_its_limit_quits() -> None:
    async with driven(streams.connected()) as drive:
        await drive.emit(ev.End(t=drive.source.t, exit_code=0, reason="count"), None)
        assert drive.app.return_value == 0


async def test_stopped_monitor_is_shown_and_r_starts_it_again() -> None:
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


async def test_quitting_after_the_monitor_stopped_exits_with_3() -> None:
    async with driven(streams.connected(), ends=True) as drive:
        await drive.press("q")
        assert drive.app.return_value == 3


async def test_slow_drain_is_ended() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("q")
        drive.app.quit_at_once()
        await asyncio.sleep(0)
        assert drive.source.killed
