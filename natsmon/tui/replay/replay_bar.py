"""Where a replay stands: a line from its beginning to its end with the outages on it, and the figures to it."""

from itertools import pairwise
from math import inf

from textual.events import MouseDown, MouseMove, MouseUp

from natsmon.charts.cells import Piece, Role, Row, fit, row, runs_of, spread, width_of
from natsmon.replay.player import Player
from natsmon.replay.recording_index import RecordingIndex
from natsmon.text import dates
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.panel import Panel

HERE, PAST, AHEAD, UNREAD, LOST = "●", "━", "─", "┄", "█"
_SHORTEST = 8
"""Cells of a line worth drawing."""
_SPEED = 6
_DATED = 100
"""Cells from which on there is room for the date, and for words."""


def track(player: Player, share: float, width: int) -> Row:
    """What has been played, what comes, and what has not been read yet; never without an outage, however short."""
    index = player.index
    whole = index.length / share if share > 0 else index.length
    lost = _lost(index, whole, width)
    read = width if share >= 1 else int(width * share)
    here = cell(player.at, whole, width)
    shapes: list[Piece] = [(PAST, "info") if n < here else (AHEAD, "dim") for n in range(width)]
    shapes[read:] = [(UNREAD, "dim")] * (width - read)
    for n in lost:
        shapes[n] = (LOST, "bad")
    if width:
        shapes[here] = (HERE, "bad" if shapes[here][0] == LOST else "strong")
    return runs_of(shapes)


def cell(at: float, whole: float, width: int) -> int:
    return max(0, min(width - 1, int(at / whole * width))) if whole > 0 else 0


def _lost(index: RecordingIndex, whole: float, width: int) -> list[int]:
    """The cells with an outage in them. There may be very many, so the cells are asked, not the outages."""
    if not width or whole <= 0:
        return []
    edges = [n / width * whole for n in range(width)] + [inf]
    return [n for n, (first, end) in enumerate(pairwise(edges)) if index.has_outage(first, end)]


def rows(player: Player, width: int, height: int) -> tuple[list[Row], tuple[int, int, int]]:
    """In one line or in two; and where the track is in it: its line, its first cell, its length."""
    start, end, index = _start(player), _end(player.index), player.index
    share = 1.0 if index.complete else index.share
    if height > 1:
        phrases = spread(start + row(("   ", "label")) + _details(player, width), end, width)
        return [track(player, share, width), phrases], (0, 0, width)
    if index.complete:
        end += row(("  " if end else "", "label"), (f"{player.number:,}/{len(index):,}", "label"))
    room = width - width_of(start) - width_of(end) - 4
    if room < _SHORTEST:
        room, end = max(0, width - width_of(start) - 2), ()
    line = start + row(("  ", "label")) + track(player, share, room) + row(("  " if end else "", "label")) + end
    return [fit(line, width)], (0, width_of(start) + 2, room)


def _start(player: Player) -> Row:
    shape: tuple[str, Role] = ("▶", "good") if player.playing else ("‖", "warn")
    speed = f"{player.speed}×"
    return row(shape, (f"{speed:>{_SPEED}}  ", "value"), (figures.wall_millis(player.wall), "strong"))


def _details(player: Player, width: int) -> Row:
    index = player.index
    dated = width >= _DATED
    of = " of " if dated else "/"
    outage = f"{index.outages_until(player.at):,}{of}{len(index.outages):,}" if index.outages else figures.NONE
    phrases = (
        ("", dates.local("%Y-%m-%d", player.wall) if dated else ""),
        ("t ", figures.clock(player.now)),
        ("event ", f"{player.number:,}{of}{len(index):,}"),
        ("outage ", outage),
        ("session ", f"{player.session + 1:,}{of}{len(index.sessions):,}" if len(index.sessions) > 1 else ""),
    )
    return sum((row(("   ", "label"), (name, "label"), (value, "value")) for name, value in phrases if value), ())[1:]


def _end(index: RecordingIndex) -> Row:
    if not index.complete:
        return row((f"loading {index.share:4.0%}", "info"), (" · esc stops", "label"))
    unread = sum(note.count for note in index.recording.skipped)
    parts: list[tuple[str, Role]] = []
    if index.stopped:
        parts.append((f"loaded to {index.share:.0%}", "warn"))
    if unread:
        parts += [(" · " if parts else "", "label"), (f"{unread:,} not read", "warn")]
    return row(*parts)


class ReplayBar(Panel):
    """A click, or the pointer drawn along the track, goes there."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._track = (0, 0, 0)
        self._held = False
        super().__init__(self._lines, id="replay", tick=self._looks)

    def _looks(self, moment: Moment) -> object:
        player, index = self._player, self._player.index
        read = index.complete, round(index.share, 2), len(index) if index.complete else len(index) >> 12
        return player.number, int(player.at * 20), player.playing, player.speed, read

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        lines, self._track = rows(self._player, width, height)
        return lines

    def _go(self, x: int) -> None:
        _, first, length = self._track
        if length > 1:
            index = self._player.index
            share = 1.0 if index.complete else index.share or 1.0
            part = max(0.0, min(1.0, (x - self.content_offset.x - first) / (length - 1)))
            self._player.seek(part * index.length / share)
            self.redraw()

    def on_mouse_down(self, event: MouseDown) -> None:
        line, first, length = self._track
        if event.y == line and 0 <= event.x - self.content_offset.x - first < length:
            self._held = True
            self.capture_mouse()
            self._go(event.x)

    def on_mouse_move(self, event: MouseMove) -> None:
        if self._held:
            self._go(event.x)

    def on_mouse_up(self, event: MouseUp) -> None:
        if self._held:
            self._held = False
            self.release_mouse()
