"""The dashboard on a recording: the same screen, with a bar to move in time."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import ClassVar, cast

from msgspec.structs import replace
from textual.binding import BindingType

from natsmon.config.settings import ViewSettings
from natsmon.replay import positions
from natsmon.replay.player import Player
from natsmon.replay.recording_index import RecordingIndex
from natsmon.stream.exit_codes import Exit
from natsmon.stream.source import Source
from natsmon.text.plain_text import printable
from natsmon.tui.app import NatsmonApp
from natsmon.tui.model import figures
from natsmon.tui.model.key_table import REPLAY_KEYS, Key, bindings
from natsmon.tui.model.log_window import LogWindow
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.viewed_stream import ViewedStream
from natsmon.tui.pages.dashboard import Dashboard
from natsmon.tui.pages.page import Page, RecordPage
from natsmon.tui.pages.pane_screen import PaneScreen
from natsmon.tui.replay.replay_bar import ReplayBar

NO_CONNECTION = "a recording has no connection to act on"
_SLICE = 0.01
"""Seconds of loading between two looks at the keys."""
_STEPS = 100
"""Scrubs from one end to the other."""


class NoSource(Source):
    """The source of a replay: events are in the player, and no command is taken."""


class ViewedRecording(ViewedStream):
    """What is known at the player's place: every panel draws it as a live stream."""

    def __init__(self, source: Source, clock: Callable[[], float], player: Player) -> None:
        super().__init__(source, clock, NO_CONNECTION)
        self.player = player
        self._last = clock()
        self._jumps = 0
        self._place = (0, 0.0)

    def advance(self) -> bool:
        """Play until now; True when the player has jumped."""
        now = self._clock()
        self.player.advance(now - self._last)
        self._last = now
        jumped = self.player.jumps != self._jumps
        self._jumps = self.player.jumps
        self.tracks = self.player.tracks
        log = self.tracks.first.log
        if jumped or self.window.log is not log:
            self.window.attach(log)
        self.stream = "ended" if self.state.end is not None else "live"
        place = (self.player.number, self.player.at)
        if place != self._place:
            self._place = place
            self.revision += 1
        return jumped

    def moment(self) -> Moment:
        return replace(super().moment(), now=self.player.now, data_age=0.0, replay=True)


class ReplayDashboard(Dashboard):
    """With the bar above the keys."""

    def __init__(self, window: LogWindow, keys: tuple[Key, ...], bar: ReplayBar) -> None:
        super().__init__(window, keys)
        self.panels = (*self.panels[:-1], bar, self.keybar)

    def _below(self, replay: int) -> str:
        return f"{replay} 1"

    def action_back(self) -> None:
        """Loading is stopped first."""
        if not cast("ReplayApp", self.app).stop_loading():
            super().action_back()


class ReplayApp(NatsmonApp, inherit_bindings=False):
    BINDINGS: ClassVar[list[BindingType]] = bindings(REPLAY_KEYS)
    CSS = "#replay, .-tall #replay, .-grand #replay { border: none; background: $surface; }"

    def __init__(
        self,
        index: RecordingIndex,
        *,
        playing: bool = True,
        clock: Callable[[], float] = time.monotonic,
        view: ViewSettings | None = None,
    ) -> None:
        self.player = Player(index, playing=playing)
        self.player.seek(0.0)
        super().__init__(NoSource(), clock=clock, view=view)

    def key_table(self) -> tuple[Key, ...]:
        return REPLAY_KEYS

    def make_viewed(self, source: Source, clock: Callable[[], float], unable: str) -> ViewedStream:
        self._playback = ViewedRecording(source, clock, self.player)
        return self._playback

    def make_dashboard(self) -> Dashboard:
        return ReplayDashboard(self.viewed.window, self._keys, ReplayBar(self.player))

    # -- the recording ----------------------------------------------------------------------------

    def _start(self) -> None:
        self.run_worker(self._load(), group="stream", exclusive=True)

    async def _load(self) -> None:
        began = time.perf_counter()
        while self.player.index.load_slice():
            if time.perf_counter() - began > _SLICE:
                await asyncio.sleep(0)
                began = time.perf_counter()
        if skipped := self.player.index.recording.skipped:
            more = f" and {len(skipped) - 1} more" if len(skipped) > 1 else ""
            self.show_notice(f"not read: {skipped[0]}{more}")
        self._draw_soon()

    def draw(self) -> None:
        cut = self._playback.advance()
        if cut:
            self._find_again()
        super().draw()
        if cut and isinstance(page := self._views[-1], Page):
            page.sheet.redraw()

    def _find_again(self) -> None:
        """After a jump the records on the screen are those of another state."""
        state = self._playback.state
        for page in self._views[1:]:
            if isinstance(page, RecordPage) and not page.again(state):
                self.close_page(page)

    # -- keys -------------------------------------------------------------------------------------

    def action_play(self) -> None:
        self.player.toggle()
        self._confirm("playing" if self.player.playing else "paused")

    def action_faster(self, by: int) -> None:
        self.player.faster(by)
        self._confirm(f"{self.player.speed}×")

    def action_step(self, by: int) -> None:
        self.player.step(by)
        self._confirm(f"event {self.player.number:,}")

    def action_outage(self, by: int) -> None:
        if not self.player.to_outage(by):
            further = "further outage" if self.player.index.complete else "further outage in what has been loaded"
            self.show_notice(f"there is no {further}" if by > 0 else "there is no outage before this")
            return
        outages = self.player.index.outages
        self._confirm(f"outage {self.player.index.outages_until(self.player.at):,} of {len(outages):,}")

    def action_scrub(self, by: int) -> None:
        self.player.seek(self.player.at + by * self.player.index.length / _STEPS)
        self._show_time()

    def action_to_edge(self, which: int) -> None:
        self.player.seek(self.player.index.length if which > 0 else 0.0)
        self._show_time()

    def action_go(self) -> None:
        from natsmon.tui.widgets.prompt import Prompt

        if isinstance(screen := self.screen, PaneScreen):
            hint = f"go to {positions.EXAMPLES}  (esc: stay)"
            Prompt(screen.keybar, placeholder=hint, on_enter=self._go).ask(screen)

    def _go(self, place: str) -> None:
        if not place.strip():
            return
        try:
            positions.seek_to(self.player, place)
        except positions.PositionError as error:
            self.show_notice(str(error))
        else:
            self._show_time()

    def action_record(self) -> None:
        self.show_notice("this is a recording")

    def stop_loading(self) -> bool:
        """True when there was something to stop."""
        if self.player.index.complete:
            return False
        self.player.index.stop()
        self.show_notice(f"loading stopped: {len(self.player.index):,} events are here")
        return True

    def action_leave(self) -> None:
        self.exit(Exit.ENDED)

    def _show_time(self) -> None:
        self._confirm(figures.wall_millis(self.player.wall))

    def _confirm(self, words: str) -> None:
        if len(self._views) > 1:  # the page hides the bar
            self.show_notice(words)
        self._draw_soon()


def run(index: RecordingIndex, view: ViewSettings) -> int:
    """Show a recording until the user leaves; the exit code."""
    app = ReplayApp(index, view=view)
    try:
        code = app.run()
    finally:
        index.stop()
    for note in index.recording.skipped:
        sys.stderr.write(f"natsmon: not read: {printable(str(note))}\n")
    return code if code is not None else app.return_code or 1
