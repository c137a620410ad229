"""A source, watched: its events folded and told, and the present as the panels see it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from natsmon.state import State, Tracks
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.source import Source
from natsmon.tui.model.moment import Moment, Stream, StreamClock
from natsmon.tui.panels.event_panel import Book, Entry
from natsmon.tui.widgets import figures

if TYPE_CHECKING:
    from natsmon.wording.narration import Kind


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
        self.tracks = Tracks(_narrate)
        self.sessions += 1
        self.pausing: bool | None = None
        """Whether publishing will be paused, once the command sent last is answered."""
        self.stream: Stream = "live"
        self._stream_clock = StreamClock(self._clock)
        self.revision += 1

    @property
    def state(self) -> State:
        """The State of the connection that is shown."""
        return self.tracks.first.state

    def take(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.Session) and self.tracks.session.id not in ("", event.id):
            self.begin()  # one stream behind another, in a pipe
        line = self.tracks.apply(event)
        if isinstance(event, ev.Paused | ev.Resumed | ev.Answer):
            self.pausing = None
        if isinstance(event, ev.SnapshotEnd):
            self.book.restore([entry(each) for each in self.tracks.first.log])
        if not isinstance(event, ev.Note):  # out of a recording: a view's clock
            self._stream_clock.hear(event.t)
        self.revision += not isinstance(event, ev.Published | ev.Echoed)  # counts are compared by the panels
        if line is not None:
            self.book.add(entry(line))

    def over(self) -> None:
        """The stream has ended: as it should, with its last line, or else the probe is dead."""
        self.stream = "ended" if self.state.end is not None else "died"
        self._stream_clock.stop()
        self.revision += 1
        if self.stream == "died":
            how = f" ({self._source.exit_reason})" if self._source.exit_reason else ""
            self.note(f"the probe died{how}", "bad")

    def asked(self, command: commands.AnyCommand) -> None:
        if isinstance(command, commands.Pause | commands.Resume):
            self.pausing = isinstance(command, commands.Pause)

    def leave(self) -> None:
        self.stream = "leaving"
        self.revision += 1

    def note(self, text: str, kind: "Kind" = "info") -> None:
        """A line about what no event tells."""
        now = self._stream_clock.running(self.state.now)  # a person's clock goes on when the probe's is still
        at = self.state.wall(now) if self.tracks.session.id else time.time()
        self.book.add(entry(ev.LogLine(at=at, text=text, kind=kind)))
        if self.noted is not None and self.tracks.session.id:
            self.noted(ev.Note(t=round(now, 6), text=text, kind=kind))

    def moment(self) -> Moment:
        now = self._stream_clock.now(self.state.now)
        source = self._source
        return Moment(
            self.state, now, self.stream, source.exit_reason, source.can_restart, self.recording, unable=self.unable
        )


def entry(line: ev.LogLine) -> Entry:
    """A log line with its time formatted."""
    return Entry(figures.wall_millis(line.at), line.text, line.kind, line.message, line.at)


def _narrate(event: ev.AnyEvent, state: State) -> tuple[str, str] | None:
    from natsmon.wording.narration import narrate  # no event arrives before the first paint, which this would delay

    return narrate(event, state)
