"""A server that owes an answer and says nothing is told of, long before the connection counts as stale.

A question is a message that is to come back, or a PING. What counts is the first one since the last bytes from
the server; any bytes are a sign of life, whether they answer it or not.
"""

import asyncio
import time
from collections.abc import Callable

from natsmon.config.settings import Settings
from natsmon.probe.connection.read_first_timer import Alarm
from natsmon.protocol.link import Link
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

_MISSED = 1.9
"""Intervals between messages: two are without an echo then, and the third has not been sent yet."""
_LEAST = 1.0
"""Seconds: longer than two retransmissions of a lost packet (0.2 and 0.4 s), a garbage collector's pause, or the
way to a satellite and back."""
_MOST = 1.9
"""Seconds; who asks seldom need not wait for a second question."""


def patience(settings: Settings) -> float:
    """Seconds that a question may be without an answer: never more than half of what makes the link stale."""
    wanted = min(max(_MISSED * settings.interval, _LEAST), _MOST)
    return min(wanted, settings.ping_interval * settings.max_pings_out / 2)


class Silence:
    """Watches one link after the other. ``flying`` is how many messages it has in flight."""

    def __init__(self, settings: Settings, flying: Callable[[], int], emit: Emit) -> None:
        self._patience = patience(settings)
        self._flying = flying
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._alarm = Alarm(self._check)
        self._link: Link | None = None
        self._since = 0.0

    def link_up(self, link: Link) -> None:
        self._link = link
        self._alarm.set(self._loop.time() + self._patience)

    def link_down(self) -> None:
        self._alarm.stop()
        if self._link is not None:
            self._link.on_read(None)
            self._link = None

    def _check(self) -> None:
        """What is asked after this has time until the next check, so that none is needed in between."""
        link, flying = self._link, self._flying()
        assert link is not None, "the alarm is stopped with the link"
        now = time.monotonic()
        asked = link.asked_since(messages=flying > 0)
        left = self._patience - (now - asked if asked is not None else 0.0)
        if left > 0:
            self._alarm.set(self._loop.time() + left)
            return
        self._since = link.last_read
        link.on_read(self._heard)
        since = round(self._emit.stream_time(self._since), 4)
        self._emit(ev.Silent(since=since, missed=flying, server=link.server.url))

    def _heard(self) -> None:
        link = self._link
        assert link is not None, "who is gone listens no more"
        link.on_read(None)
        self._emit(ev.SilenceEnded(seconds=round(link.last_read - self._since, 4)))
        self._alarm.set(self._loop.time() + self._patience)
