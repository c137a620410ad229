"""A recording, watched: the same as a live stream to every panel, only that it can be anywhere at once."""

from collections.abc import Callable

from natsmon.replay.player import Player
from natsmon.stream.source import Source
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.watched import Watch, entry

NO_CONNECTION = "a recording: there is no connection to act on"


class ReplayWatch(Watch):
    """The player's scene, as a view of it needs it."""

    def __init__(self, source: Source, clock: Callable[[], float], player: Player) -> None:
        super().__init__(source, clock, NO_CONNECTION)
        self.player = player
        self._last = clock()
        self._jumps = 0
        self._place = (0, 0.0)

    def look(self) -> bool:
        """Let it play until now, and take over what it shows. True when that is not what just goes on."""
        now = self._clock()
        self.player.advance(now - self._last)
        self._last = now
        jumped = self.player.jumps != self._jumps
        if jumped:
            self._jumps = self.player.jumps
            self.book.restore([entry(line) for line in self.player.tracks.first.log])
        for line in self.player.new_lines:
            if not jumped:
                self.book.add(entry(line))
        self.player.new_lines.clear()
        self.tracks = self.player.tracks
        self.stream = "ended" if self.state.end is not None else "live"
        place = (self.player.number, self.player.at)
        if place != self._place:
            self._place = place
            self.revision += 1
        return jumped

    def moment(self) -> Moment:
        return Moment(self.state, self.player.now, self.stream, unable=self.unable)
