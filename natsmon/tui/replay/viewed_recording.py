"""A recording as a viewed stream: every panel draws it as a live one, at any position."""

from collections.abc import Callable

from msgspec.structs import replace

from natsmon.replay.player import Player
from natsmon.stream.source import Source
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.viewed_stream import ViewedStream

NO_CONNECTION = "a recording has no connection to act on"


class ViewedRecording(ViewedStream):
    """What is known at the player's place."""

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
