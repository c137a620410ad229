"""Messages of the last minute: how many were sent, delivered and undelivered, from the running totals."""

import msgspec

from natsmon.stream import events as ev

SLICE = 5.0
"""Seconds counted together."""
SLICES = 13
"""A minute, and the slice that has just begun."""


class Totals(msgspec.Struct, frozen=True):
    """The totals at the beginning of a slice."""

    number: ev.Count
    """The slice began ``number`` times ``SLICE`` seconds into the session."""
    sent: ev.Count = 0
    delivered: ev.Count = 0
    undelivered: ev.Count = 0
    lost: ev.Count = 0
    rejected: ev.Count = 0
    attempted: ev.Count = 0


class LastMinute(msgspec.Struct, frozen=True):
    """What happened to messages in the last minute, or since the start."""

    seconds: float
    attempted: int
    sent: int
    delivered: int
    undelivered: int
    lost: int
    rejected: int


class MessageRates(msgspec.Struct):
    """Totals at the beginning of each five-second slice of the last minute, and failures since the last delivery."""

    slices: list[Totals] = []
    delivered_at: ev.Seconds = 0.0
    """When a message was delivered last, as ``t``."""
    failed_since: ev.Count = 0
    """Messages rejected or undelivered since then."""
    undelivered_since: ev.Count = 0
    mixed_at: ev.Seconds = 0.0
    """When a message was delivered after others had failed; 0 for never."""

    def change(self, t: float, before: ev.Tally, after: ev.Tally) -> None:
        """Take over a change of the totals; observed messages count as delivered."""
        number = int(t // SLICE)
        if not self.slices or self.slices[-1].number < number:
            self._begin_slice(max(0, number), before)
        undelivered = after.undelivered - before.undelivered
        failed = after.rejected - before.rejected + undelivered
        if after.delivered > before.delivered:
            if self.failed_since or failed > 0:
                self.mixed_at = t
            self.delivered_at = t
            self.failed_since = self.undelivered_since = 0
        if failed > 0:
            self.failed_since += failed
            self.undelivered_since += max(0, undelivered)

    def _begin_slice(self, number: int, tally: ev.Tally) -> None:
        """Keep the totals at the beginning of a slice, from before they change."""
        self.slices.append(
            Totals(number, tally.sent, tally.delivered, tally.undelivered, tally.lost, tally.rejected, tally.attempted)
        )
        if len(self.slices) > SLICES:
            del self.slices[: len(self.slices) - SLICES]

    def last_minute(self, now: float, tally: ev.Tally) -> LastMinute:
        """The difference of the totals now and a minute ago."""
        oldest = int(now // SLICE) - SLICES + 1
        then = next((each for each in self.slices if each.number >= oldest), Totals(0))
        began = max(0.0, now - SLICE * (SLICES - 1))
        return LastMinute(
            seconds=now - max(began, then.number * SLICE),
            attempted=max(0, tally.attempted - then.attempted),
            sent=max(0, tally.sent - then.sent),
            delivered=max(0, tally.delivered - then.delivered),
            undelivered=max(0, tally.undelivered - then.undelivered),
            lost=max(0, tally.lost - then.lost),
            rejected=max(0, tally.rejected - then.rejected),
        )
