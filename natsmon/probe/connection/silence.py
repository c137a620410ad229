"""Silence: an answer is due and has not arrived, long before the connection counts as stale.

A message that is to come back, or a PING, asks for an answer; a delivered message and a PONG are answers. Other data is
none: in a one-way stall, or behind the messages of others, the server may still not process what we send.
"""

import time
from collections.abc import Callable

from natsmon.config.settings import Settings
from natsmon.probe.timer import Timer
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

_MISSED = 1.9
"""Intervals between messages: two are without an echo then, and the third has not been sent yet."""
_LEAST = 1.0
"""Seconds: longer than two retransmissions of a lost packet (0.2 and 0.4 s), a garbage collector's pause, or a
satellite connection."""
_MOST = 1.9
"""Seconds: with long intervals, one missed answer is enough."""


def patience(settings: Settings) -> float:
    """Seconds to wait for an answer: never more than half of what makes the connection stale."""
    wanted = min(max(_MISSED * settings.interval, _LEAST), _MOST)
    return min(wanted, settings.ping_interval * settings.max_pings_out / 2)


class Silence:
    """Watches one connection to a server; ``flying`` returns how many messages it has in flight."""

    def __init__(self, connection: ServerConnection, settings: Settings, flying: Callable[[], int], emit: Emit) -> None:
        self._connection = connection
        self._patience = patience(settings)
        self._flying = flying
        self._emit = emit
        self._timer = Timer(self._check, reads_first=True)
        self._since = 0.0
        self._timer.set_in(self._patience)

    def stop(self) -> None:
        self._timer.stop()
        self._connection.on_answer = None

    def _check(self) -> None:
        """Requests sent after this have time until the next check, so that none is needed in between."""
        connection, flying = self._connection, self._flying()
        now = time.monotonic()
        asked = connection.asked_since(messages=flying > 0)
        left = self._patience - (now - asked if asked is not None else 0.0)
        if left > 0:
            self._timer.set_in(left)
            return
        self._since = connection.last_answer
        connection.on_answer = self._answered
        since = round(self._emit.stream_time(self._since), 4)
        self._emit(ev.Silent(since=since, missed=flying, server=connection.server.url))

    def _answered(self) -> None:
        self._connection.on_answer = None
        self._emit(ev.SilenceEnded(seconds=round(self._connection.last_answer - self._since, 4)))
        self._timer.set_in(self._patience)
