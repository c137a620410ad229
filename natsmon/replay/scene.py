"""What a screen shows at one moment of a recording: the state, and the latest lines of the log."""

import heapq
import pickle
import zlib
from collections import deque

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.wording.narration import Narrator

LINES_KEPT = 5_000
MESSAGES_KEPT = 1_000
"""As many as the log of a dashboard keeps."""

_Numbered = tuple[int, ev.LogLine]


class Scene:
    """Folds and tells events as a live view does."""

    def __init__(self) -> None:
        self.state = State()
        self._narrator = Narrator()
        self._rings = {False: deque[_Numbered](maxlen=LINES_KEPT), True: deque[_Numbered](maxlen=MESSAGES_KEPT)}
        self._count = 0

    def take(self, event: ev.AnyEvent) -> ev.LogLine | None:
        """Fold one event in; the line it adds to the log. After a ``Snapshot`` the whole log is another."""
        if isinstance(event, ev.Session):
            self._begin(event)
        elif isinstance(event, ev.Snapshot):
            for ring in self._rings.values():
                ring.clear()
            for line in event.log:
                self._note(line)
        self.state.apply(event)
        told = self._narrator.tell(event, self.state)
        if told is None:
            return None
        message = isinstance(event, ev.Published | ev.Echoed)
        line = ev.LogLine(at=self.state.wall(told.t), text=told.text, kind=told.kind, message=message)
        self._note(line)
        return line

    def _begin(self, session: ev.Session) -> None:
        if self.state.session is not None and self.state.session.id != session.id:
            self.state = State()

    def _note(self, line: ev.LogLine) -> None:
        self._count += 1
        self._rings[line.message].append((self._count, line))

    @property
    def log(self) -> list[ev.LogLine]:
        """Oldest first."""
        return [line for _, line in heapq.merge(*self._rings.values())]

    def frozen(self) -> bytes:
        """All of it, to be woken again in this process."""
        return zlib.compress(pickle.dumps((self.state, self._rings, self._count), pickle.HIGHEST_PROTOCOL), 1)


def woken(frozen: bytes) -> Scene:
    scene = Scene()
    scene.state, scene._rings, scene._count = pickle.loads(zlib.decompress(frozen))  # noqa: S301, SLF001  our own
    return scene
