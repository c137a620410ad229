"""A source, watched: its events folded and told, and the present as the panels see it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.stream.probe_child import Source
from natsmon.tui.drawing import figures
from natsmon.tui.drawing.moment import Moment, Stream, StreamClock
from natsmon.tui.log import Book, Entry

if TYPE_CHECKING:
    from natsmon.wording.narration import Kind, Narrator


class Watch:
    """One stream after the other, should the probe die; the book keeps what all of them told."""

    def __init__(self, source: Source, clock: Callable[[], float], unable: str = "") -> None:
        self._source = source
        self._clock = clock
        self.unable = unable
        """Why no command can be given; empty where one can."""
        self.book = Book()
        self.revision = 0
        """Rises with every change a panel could show."""
        self.recording = ""
        """The size of the recording that is being made."""
        self.noted: Callable[[ev.Note], None] | None = None
        """Is told what ``note`` was: no probe has it in its stream."""
        self.sessions = 0
        """How many there have been; what was kept of one tells nothing of the next."""
        self.begin()

    def begin(self) -> None:
        """A new stream, from its beginning."""
        self.state = State()
        self.sessions += 1
        self.pausing: bool | None = None
        """Whether publishing will be paused, once what was asked of the probe last is answered."""
        self.stream: Stream = "live"
        self._narrator: Narrator | None = None
        self._stream_clock = StreamClock(self._clock)
        self.revision += 1

    def take(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.Session) and self.state.session is not None and self.state.session.id != event.id:
            self.begin()  # one stream behind another, in a pipe
        self.state.apply(event)
        if isinstance(event, ev.Paused | ev.Resumed | ev.Ignored):
            self.pausing = None
        if isinstance(event, ev.Snapshot):
            self.book.restore([entry(line.at, line.text, line.kind, line.message) for line in event.log])
        if not isinstance(event, ev.Note):  # out of a recording: a view's clock
            self._stream_clock.hear(event.t)
        message = isinstance(event, ev.Published | ev.Echoed)
        self.revision += not message  # of which only the counts show, and these are looked at
        if self._narrator is None:
            from natsmon.wording.narration import (
                Narrator,  # no event comes before the first paint, which this would delay
            )

            self._narrator = Narrator()
        line = self._narrator.tell(event, self.state)
        if line is not None:
            self.book.add(entry(self.state.wall(line.t), line.text, line.kind, message))

    def over(self) -> None:
        """The stream has ended: as it should, with its last line, or else the probe is dead."""
        self.stream = "ended" if self.state.end is not None else "died"
        self._stream_clock.stop()
        self.revision += 1
        if self.stream == "died":
            how = f" ({self._source.obituary})" if self._source.obituary else ""
            self.note(f"the probe died{how}", "bad")

    def asked(self, command: ev.AnyCommand) -> None:
        if isinstance(command, ev.Pause | ev.Resume):
            self.pausing = isinstance(command, ev.Pause)

    def leave(self) -> None:
        self.stream = "leaving"
        self.revision += 1

    def note(self, text: str, kind: "Kind" = "info") -> None:
        """A line about what no event tells."""
        now = self._stream_clock.running(self.state.now)  # a person's clock goes on when the probe's is still
        at = self.state.wall(now) if self.state.session is not None else time.time()
        self.book.add(entry(at, text, kind))
        if self.noted is not None and self.state.session is not None:
            self.noted(ev.Note(t=round(now, 6), text=text, kind=kind))

    def moment(self) -> Moment:
        now = self._stream_clock.now(self.state.now)
        source = self._source
        return Moment(
            self.state, now, self.stream, source.obituary, source.can_restart, self.recording, unable=self.unable
        )


def entry(wall: float, text: str, kind: str, message: bool = False) -> Entry:
    return Entry(figures.wall_millis(wall), text, kind, message, wall)
