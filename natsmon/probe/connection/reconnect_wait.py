"""Reconnect wait: how long until the next pass over the server pool (ADR-40), and two limits of natsmon's own.

After many failed attempts in a row the wait grows, so that a monitor that dials for ever puts little load on servers. A
server that accepts and drops connections again and again is dialed ten times a second at most, whatever the wait is.
"""

import math
import random
from collections import deque
from dataclasses import dataclass, field

from natsmon.config.settings import Server, Settings
from natsmon.protocol import tls
from natsmon.stream import events as ev

MANY_ATTEMPTS = 60
LONG_WAIT = 20.0
"""Seconds between two passes after MANY_ATTEMPTS failed attempts, without a limit of them; nats.go gives up then."""
RECONNECTS, WITHIN = 10, 1.0
"""More reconnects than this in so many seconds are too many."""


@dataclass(eq=False)
class ReconnectWait:
    settings: Settings
    rng: random.Random
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=RECONNECTS))
    """Times of the newest, in seconds."""
    connected_at: float = -math.inf
    immediate: bool = False
    """The newest connection came of an immediate dial."""

    def backoff(self, now: float) -> float:
        """Seconds until another reconnect is allowed; 0 when it is."""
        if len(self.losses) < RECONNECTS:
            return 0.0
        return max(0.0, self.losses[0] + WITHIN - now)

    def before_first_dial(self, why: ev.DialReason, now: float) -> bool:
        """Whether the first dial waits too: lost again right after an immediate dial, it would be a storm of dials."""
        flapping = self.immediate and now - self.connected_at < self.settings.reconnect_wait
        waits = why == "reconnect" and (flapping or self.backoff(now) > 0)
        self.immediate = why == "reconnect" and not waits
        return waits

    def seconds(self, server: Server, attempts: int, now: float) -> tuple[float, float]:
        """The wait, and its jitter, after so many failed attempts in a row; ``server`` is dialed next."""
        settings = self.settings
        base = settings.reconnect_wait
        if settings.max_reconnects < 0 and attempts >= MANY_ATTEMPTS:
            base = max(base, LONG_WAIT)
        secure = tls.wanted(server, settings)
        spread = settings.reconnect_jitter_tls if secure else settings.reconnect_jitter
        return max(base, self.backoff(now)), round(self.rng.uniform(0.0, spread), 6)
