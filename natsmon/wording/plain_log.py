"""The plain log: a wall-clock stamp and a line an event, for a file, a pipe or a terminal that is no screen."""

import time

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.wording.narration import Narrator


class Plain:
    """Folds and tells one connection's events. ``line`` is what a probe encodes them with."""

    def __init__(self) -> None:
        self._state = State()
        self._narrator = Narrator()

    def line(self, event: ev.AnyEvent) -> bytes | None:
        """The log line of an event, newline included; None for an event that needs none."""
        if event.conn != self._state.conn:
            return None
        self._state.apply(event)
        told = self._narrator.tell(event, self._state)
        if told is None:
            return None
        return f"{self._stamp(told.t)}  {told.text}\n".encode()

    def _stamp(self, t: float) -> str:
        """Local time in milliseconds, of the stream's own clock."""
        try:
            milliseconds = round(self._state.wall(t) * 1000)
            at = time.localtime(milliseconds // 1000)
        except (OverflowError, ValueError, OSError):  # no calendar has such a day; a stream may claim it
            return f"t = {t:g} s"
        return f"{time.strftime('%Y-%m-%d %H:%M:%S', at)}.{milliseconds % 1000:03d}"


class Log:
    """The log of a stream that comes from elsewhere; of several streams, one behind another."""

    def __init__(self) -> None:
        self.ended: int | None = None
        """The exit code of the latest stream; none while it has not ended."""
        self._plain = Plain()
        self._session = ""

    def line(self, event: ev.AnyEvent) -> bytes | None:
        """As ``Plain.line``."""
        if isinstance(event, ev.Session) and event.id != self._session:
            self._plain, self._session, self.ended = Plain(), event.id, None
        if isinstance(event, ev.End):
            self.ended = event.exit_code
        return self._plain.line(event)
