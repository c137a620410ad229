"""Messages of the last minute: how many were sent, delivered and undelivered, from the running totals."""

import msgspec

from natsmon.state.limits import FULL, Limits
from natsmon.stream import events as ev

_MINUTE = 60.0
_ACCEPTED_AFTER = 2.5
"""Seconds without a refusal after which unverified messages count as accepted: a refusal takes a round trip."""


class LastMinute(msgspec.Struct, frozen=True):
    """What happened to messages in the last minute, or since the start."""

    seconds: float
    attempted: int
    sent: int
    delivered: int
    undelivered: int
    rejected: int


class MessageRates(msgspec.Struct, gc=False):
    """Totals at the beginning of each slice of the last minute, and failures since the last delivery."""

    grain: ev.Seconds = FULL.rate_slice
    """Seconds counted together."""
    slices: list[tuple[ev.Seconds, ev.Tally]] = []
    """When a slice began, as ``t``, and the totals then."""
    until: ev.Seconds = 0.0
    """When the newest slice ends, as ``t``."""
    delivered_at: ev.Seconds = 0.0
    """When a message was delivered last, as ``t``; where delivery is not verified, accepted."""
    failed_since: ev.Count = 0
    """Messages rejected or undelivered since then."""
    undelivered_since: ev.Count = 0
    failed_at: ev.Seconds = 0.0
    """When a message failed last, as ``t``."""
    unverified_then: ev.Count = 0
    """Messages unverified at that time."""
    pending_since: ev.Seconds = 0.0
    """When the first message was in flight after none was, as ``t``."""
    mixed_at: ev.Seconds = 0.0
    """When a message was delivered after others had failed; 0 for never."""

    def bound(self, limits: Limits) -> None:
        """Keep what the limits allow."""
        self.grain = limits.rate_slice

    def begin_slice(self, t: float, totals: ev.Tally) -> None:
        """Keep the totals before the first change at or after ``until``."""
        began = max(0.0, t // self.grain * self.grain)
        self.slices.append((began, totals))
        del self.slices[: -int(_MINUTE / self.grain) - 1]
        self.until = began + self.grain

    def change(self, t: float, before: ev.Tally, after: ev.Tally) -> None:
        """Take over a change of the totals; observed messages count as delivered."""
        if t >= self.until:
            self.begin_slice(t, before)
        if after.in_flight > 0 and before.in_flight == 0:
            self.pending_since = t
        undelivered = after.undelivered - before.undelivered
        failed = after.rejected - before.rejected + undelivered
        if after.delivered > before.delivered:
            self.deliver(t, others_failed=failed > 0)
        if failed > 0:
            self.fail(t, after, failed, max(0, undelivered))
        else:
            self.accept(t, after)

    def deliver(self, t: float, *, others_failed: bool = False) -> None:
        """A message was delivered; ``others_failed`` at the same time."""
        self.delivered_at = t
        if self.failed_since or others_failed:
            self.mixed_at = t
            self.failed_since = self.undelivered_since = 0

    def fail(self, t: float, totals: ev.Tally, failed: int, undelivered: int = 0) -> None:
        """Messages were rejected, or undelivered."""
        self.failed_since += failed
        self.undelivered_since += undelivered
        self.failed_at, self.unverified_then = t, totals.unverified

    def accept(self, t: float, totals: ev.Tally) -> None:
        """End a failure where no delivery can: at the second unverified message that the server does not refuse."""
        if self.failed_since and totals.unverified > self.unverified_then + 1 and t > self.failed_at + _ACCEPTED_AFTER:
            self.deliver(t)

    def last_minute(self, now: float, tally: ev.Tally) -> LastMinute:
        """The difference of the totals now and a minute ago, or up to a slice more; none without a change since."""
        oldest = now // self.grain * self.grain - _MINUTE
        began, then = next((each for each in self.slices if each[0] >= oldest), (oldest, tally))
        return LastMinute(
            seconds=now - max(0.0, began),
            attempted=max(0, tally.attempted - then.attempted),
            sent=max(0, tally.sent - then.sent),
            delivered=max(0, tally.delivered - then.delivered),
            undelivered=max(0, tally.undelivered - then.undelivered),
            rejected=max(0, tally.rejected - then.rejected),
        )
