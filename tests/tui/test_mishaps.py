"""A demo that cannot start its server, a probe that died, and keys that have nothing to do."""

from natsmon.lab.demo import DemoFailed
from natsmon.stream import events as ev
from natsmon.tui.widgets import figures
from natsmon.tui.widgets.panel import Panel
from tests.tui import streams
from tests.tui.driven import Driven, driven
from tests.tui.fakes import Server


class Broken(Server):
    """A demo whose server will not start."""

    def apply(self, fault: str, server: str | None = None) -> str:
        super().apply(fault, server)
        raise DemoFailed("it did not start:\n[FTL] listen tcp 127.0.0.1:4222: address already in use\n")


async def test_a_server_that_does_not_start_is_a_sentence() -> None:
    server = Broken()
    async with driven(streams.connected(), sandbox=server) as drive:
        for calls in (1, 2):
            await drive.press("k")
            while drive.app._sandbox_busy:
                await drive.pilot.pause()
            await drive.settle()
            assert server.calls == calls
        words = "the demo's server: [FTL] listen tcp 127.0.0.1:4222: address already in use"
        assert words in drive.shown("keybar")
        assert words in drive.shown("events")
        assert "CONNECTED" in drive.shown("status")


async def test_the_key_bar_says_what_a_key_does_now() -> None:
    async with driven(streams.countdown()) as drive:
        assert "r dial now" in drive.shown("keybar")
        assert _dimmed(drive) == {"drain"}
    async with driven(streams.connected()) as drive:
        assert "r reconnect" in drive.shown("keybar")
        assert _dimmed(drive) == {"cancel", "next"}
        t = drive.source.t
        await drive.tell(ev.StatusChanged(t=t, status="CLOSED", previous="CONNECTED", cause="user"))
        assert "r start again" in drive.shown("keybar")
        assert _dimmed(drive) == {"cancel", "next", "drain"}
    async with driven(streams.connected(), ends=True) as drive:
        assert "r start again" in drive.shown("keybar")
        assert _dimmed(drive) == {"cancel", "next", "drain", "pause"}


def _dimmed(drive: Driven) -> set[str]:
    (bar,) = drive.app.query_one("#keybar", Panel)._rows
    return {text.strip() for text, role in bar if role == "dim" and len(text.strip()) > 1}


async def test_a_new_probe_is_started_at_the_time_it_is_started() -> None:
    async with driven(streams.connected(), ends=True) as drive:
        died = drive.app.watched.moment().now
        drive.source.t += 100.0
        drive.app.watched.note("starting a new probe")
        entry = drive.app.watched.book.newest(1)[0]
        assert entry.at == figures.wall_millis(streams.STARTED + died + 100.0)
        assert drive.app.watched.moment().now == died
