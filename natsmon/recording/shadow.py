"""What a screen that had seen the recording so far would show: from it, the next part can begin on its own."""

import heapq
from collections import deque

import msgspec

from natsmon.state import State
from natsmon.state.snapshot import snapshot
from natsmon.stream import events as ev
from natsmon.wording.narration import Narrator

LINES_KEPT = 500
MESSAGES_KEPT = 100
"""Lines of the log in a snapshot; those of single messages apart, so that they push out nothing else."""


_Numbered = tuple[int, ev.LogLine]


class Shadow:
    """Folds the lines that are recorded, as a view does."""

    def __init__(self) -> None:
        self._state = State()
        self._narrator = Narrator()
        self._log = {False: deque[_Numbered](maxlen=LINES_KEPT), True: deque[_Numbered](maxlen=MESSAGES_KEPT)}
        self._count = 0

    def take(self, line: bytes) -> None:
        try:
            event = ev.decode_event(line)
        except msgspec.DecodeError:
            return
        if event is None:
            return
        if isinstance(event, ev.Session) and (self._state.session is None or self._state.session.id != event.id):
            self._state, self._narrator = State(), Narrator()
        if isinstance(event, ev.Snapshot):
            for ring in self._log.values():
                ring.clear()
            for line_told in event.log:
                self._note(line_told)
        self._state.apply(event)
        told = self._narrator.tell(event, self._state)
        if told is not None:
            message = isinstance(event, ev.Published | ev.Echoed)
            self._note(ev.LogLine(at=self._state.wall(told.t), text=told.text, kind=told.kind, message=message))

    def _note(self, line: ev.LogLine) -> None:
        self._count += 1
        self._log[line.message].append((self._count, line))

    def head(self) -> bytes:
        """The first lines of the next part; empty before the session has begun."""
        return head(self._state, [line for _, line in heapq.merge(*self._log.values())])


def head(state: State, log: list[ev.LogLine]) -> bytes:
    """What a recording that begins now must begin with, for a reader to see from here what was seen."""
    if state.session is None:
        return b""
    return ev.encode(state.session) + ev.encode(
        ev.Snapshot(t=state.now, conn=state.conn, state=snapshot(state), log=log)
    )
