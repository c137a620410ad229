"""What a panel is given to draw: the state, the present on the stream's clock, and how the stream arrives."""

from typing import TYPE_CHECKING, Literal

import msgspec

from natsmon.state import State
from natsmon.stream import events as ev

if TYPE_CHECKING:
    from natsmon.wording.health import Health

Stream = Literal["live", "leaving", "ended", "stopped"]
"""``ended`` normally; ``stopped`` unexpectedly."""
_SHOWN_FROM = 2
"""PINGs without a PONG; one, where one already ends the connection."""


class Moment(msgspec.Struct, frozen=True, eq=False):
    """One connection at one moment."""

    state: State
    now: float
    stream: Stream = "live"
    exit_reason: str = ""
    """How the monitor process ended."""
    restart: str = ""
    """The key that starts a stopped monitor again; empty where none does."""
    recording: str = ""
    """The size of the recording that is being made; empty without one."""
    unable: str = ""
    """Why no command reaches a probe from here, whatever its state; empty where they do."""
    data_age: float = 0.0
    """Seconds since the newest event; 0 for a stream that has ended and in a replay."""
    replay: bool = False
    revision: int = 0
    """Rises with every event that a drawing may show."""

    @property
    def second(self) -> object:
        """Changes with an event, and each second."""
        return self.revision, int(self.now), int(self.data_age), self.stream, self.recording

    @property
    def tick(self) -> object:
        """Changes with an event, and each second, or each tenth while tenths are shown."""
        state = self.state
        counting = any((state.dial, state.waiting, state.outage, state.lame_duck, self.pings_out))
        return self.second, int(self.now * 10) if counting and not self.over else 0

    @property
    def pings_out(self) -> ev.Keepalive | None:
        """The keepalive while several PINGs have no PONG, else None: a single one has none for a moment."""
        kept = self.state.keepalive
        return None if kept is None or self.over or kept.outstanding < max(1, min(_SHOWN_FROM, kept.max_out)) else kept

    @property
    def over(self) -> bool:
        """No event follows."""
        return self.stream in ("ended", "stopped")

    @property
    def health(self) -> "Health | None":
        """What one glance must answer; None before the first event."""
        if self.state.connection is None and not self.state.now and self.stream != "stopped":
            return None
        from natsmon.wording.health import Feed, health  # not needed before the first event

        stopped = self.stream == "stopped"
        feed = Feed(self.replay, self.data_age, stopped, self.exit_reason, self.restart)
        return health(self.state, self.now, feed)
