"""A demo that cannot start its server, a monitor that stopped, and keys without effect."""

import pytest

from natsmon.lab.demo import DemoFailed
from natsmon.stream import events as ev
from natsmon.tui.widgets.panel import Panel
from tests.tui import streams
from tests.tui.driven import Driven, driven
from tests.tui.fakes import FakeDemo


class BrokenDemo(FakeDemo):
    """A demo whose server does not start."""

    def apply(self, fault: str, server: str | None = None) -> str:
        super().apply(fault, server)
        raise DemoFailed("it did not start:\n[FTL] listen tcp 127.0.0.1:4222: address already in use\n")


async def test_server_that_does_not_start_is_reported_in_one_line() -> None:
    demo = BrokenDemo()
    async with driven(streams.connected(), demo=demo) as drive:
        for calls in (1, 2):
            await drive.press("x", "k")
            await drive.fault_caused()
            assert len(demo.applied) == calls
        words = "kill: [FTL] listen tcp 127.0.0.1:4222: address already in use"
        assert words in drive.shown("keybar")
        assert words in drive.shown("events")
        assert "CONNECTED" in drive.shown("status")


async def test_key_bar_labels_keys_by_their_effect_now() -> None:
    async with driven(streams.countdown()) as drive:
        assert "r dial now" in drive.shown("keybar")
        assert _dimmed(drive) == {"drain"}
    async with driven(streams.connected()) as drive:
        assert "r reconnect" in drive.shown("keybar")
        assert _dimmed(drive) == {"cancel", "next"}
        t = drive.source.t
        await drive.emit(ev.StatusChanged(t=t, status="CLOSED", previous="CONNECTED", cause="user"))
        assert "r start again" in drive.shown("keybar")
        assert _dimmed(drive) == {"cancel", "next", "drain"}
    async with driven(streams.connected(), ends=True) as drive:
        assert "r start again" in drive.shown("keybar")
        assert _dimmed(drive) == {"cancel", "next", "drain", "pause"}


def _dimmed(drive: Driven) -> set[str]:
    (bar,) = drive.app.query_one("#keybar", Panel)._rows
    return {text.strip() for text, role in bar if role == "dim" and len(text.strip()) > 1}


async def test_note_after_the_monitor_stopped_has_the_present_time() -> None:
    async with driven(streams.connected(), ends=True) as drive:
        stopped = drive.app.viewed.moment().now
        drive.source.t += 100.0
        drive.app.viewed.note("starting the monitor again")
        drive.app.viewed.look()
        _, line = drive.app.viewed.window.newest(1)[0]
        assert line.at == pytest.approx(streams.STARTED + stopped + 100.0, abs=0.01)
        assert drive.app.viewed.moment().now == stopped
