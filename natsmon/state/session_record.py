"""What is known of a session: who runs it, and the wall clock at each time of its stream."""

from bisect import bisect_right

import msgspec

from natsmon.stream import events as ev

OFFSETS_KEPT = 256
"""Changes of the clock that are kept; of more, the oldest are dropped."""


class ClockOffset(msgspec.Struct, frozen=True):
    """From ``t`` on, the wall clock is ``t`` + ``offset`` seconds since the epoch."""

    t: ev.Seconds
    offset: ev.Seconds


class SessionRecord(msgspec.Struct):
    """One probe process, from its start to its end."""

    id: str = ""
    versions: dict[str, str] = {}
    offsets: list[ClockOffset] = []
    end: ev.End | None = None
    first: ev.Count = 0
    """The connection that was opened first, or the last one that was opened in its place."""

    def apply(self, event: ev.SessionEvent) -> None:
        """Fold one session event."""
        match event:
            case ev.Session():
                self.id, self.versions = event.id, event.versions
                if not self.offsets:
                    self.offsets.append(ClockOffset(0.0, event.started))
            case ev.Clock():
                self.offsets.append(ClockOffset(event.t, event.wall - event.t))
                del self.offsets[:-OFFSETS_KEPT]
            case ev.End():
                self.end = event

    @property
    def started(self) -> float:
        """The wall clock at ``t`` 0, seconds since the epoch."""
        return self.wall(0.0)

    def wall(self, t: float) -> float:
        """The wall clock at a time of the stream, seconds since the epoch."""
        if len(self.offsets) < 2:
            return t + self.offsets[0].offset if self.offsets else t
        at = bisect_right(self.offsets, t, key=lambda each: each.t)
        return self.offsets[max(0, at - 1)].offset + t
