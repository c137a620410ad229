"""A source and what is known from it: events folded, the log in view, commands sent, and the present moment."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from natsmon.state import State, Tracks
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.source import Source
from natsmon.tui.model.decisions import SentCommands
from natsmon.tui.model.log_window import LogWindow
from natsmon.tui.model.moment import Moment, Stream
from natsmon.tui.model.stream_clock import StreamClock

if TYPE_CHECKING:
    from natsmon.wording.narration import Kind


class ViewedStream:
    """One stream; after the monitor stopped, the next one. The log keeps the lines of the one before."""

    def __init__(self, source: Source, clock: Callable[[], float], unable: str = "") -> None:
        self._source = source
        self._clock = clock
        self.unable = unable
        """Why no command can be given; empty where one can."""
        self.window = LogWindow()
        self.sent = SentCommands(clock)
        self.revision = 0
        """Rises with every change a panel could show."""
        self.restart_key = ""
        """As keyboards name it."""
        self.recording = ""
        """The size of the recording that is being made."""
        self.on_note: Callable[[ev.Note], None] | None = None
        """Called with each line of ``note``, which is not in the probe's stream."""
        self.on_answer: Callable[[commands.AnyCommand, ev.Answer], None] = lambda command, answer: None
        self.tracks = Tracks(_narrate)
        self.begin()

    def begin(self) -> None:
        """Wait for a new stream, from its beginning."""
        earlier = list(self.tracks.first.log)
        self.tracks = Tracks(_narrate)
        self._show_log(earlier)
        self.sent.clear()
        self.stream: Stream = "live"
        self._stream_clock = StreamClock(self._clock)
        self.revision += 1

    def _show_log(self, earlier: list[ev.LogLine]) -> None:
        """Show the log of the connection on the screen, after the lines of the stream before."""
        log = self.tracks.first.log
        lines = [*earlier, *log]
        log.clear()
        for line in lines:
            log.add(line)
        if self.window.log is not log:
            self.window.attach(log)

    @property
    def state(self) -> State:
        return self.tracks.first.state

    @property
    def shown(self) -> tuple[str, int]:
        """Session and number of the connection on the screen."""
        return self.tracks.session.id, self.state.conn

    def take(self, event: ev.AnyEvent) -> None:
        """Fold an event that has just arrived."""
        if isinstance(event, ev.Session):
            if self.tracks.session.id not in ("", event.id):
                self.begin()  # one stream after another, in a pipe
            earlier = list(self.tracks.first.log)
            self.tracks.apply(event)
            self._show_log(earlier)
        else:
            self.tracks.apply(event)
        if isinstance(event, ev.SnapshotEnd):
            self.window.attach(self.tracks.first.log)
        elif isinstance(event, ev.Answer) and (command := self.sent.answered(event)) is not None:
            self.on_answer(command, event)
        if not isinstance(event, ev.Note):  # in a recording: it has a view's clock
            self._stream_clock.received(event.t, reset=isinstance(event, ev.Clock))
        self.revision += not isinstance(event, ev.Published | ev.Echoed | ev.Alive)  # panels compare the counts

    def over(self) -> None:
        """The stream has ended: normally with its last line, otherwise the monitor has stopped."""
        self.stream = "ended" if self.state.end is not None else "stopped"
        self._stream_clock.stop()
        self.sent.clear()
        self.revision += 1
        if self.stream == "stopped":
            how = f": {self._source.exit_reason}" if self._source.exit_reason else ""
            self.note(f"monitor stopped{how}", "bad")

    def leave(self) -> None:
        """The user leaves; the probe is still to end."""
        self.stream = "leaving"
        self.revision += 1

    def note(self, text: str, kind: "Kind" = "info") -> None:
        """Log a line of the view's own."""
        now = self._stream_clock.running(self.state.now)
        at = self.state.wall(now) if self.tracks.session.id else time.time()
        self.tracks.first.log.add(ev.LogLine(at=at, text=text, kind=kind))
        if self.on_note is not None and self.tracks.session.id:
            self.on_note(ev.Note(t=round(now, 6), text=text, kind=kind))

    def look(self) -> None:
        """Called at each frame, before the moment is shown."""
        self._stream_clock.look()
        self.window.update()

    def replaced(self) -> list[Moment]:
        """The last moments of connections in whose place another one was opened."""
        states = [track.state for track in self.tracks.of_session()]
        return [Moment(state, state.now) for state in states if state.replaced_by is not None]

    def moment(self) -> Moment:
        source, clock = self._source, self._stream_clock
        return Moment(
            self.state,
            clock.now(self.state.now),
            self.stream,
            source.exit_reason,
            self.restart_key if source.can_restart else "",
            self.recording,
            self.unable,
            clock.data_age if self.stream in ("live", "leaving") else 0.0,
            revision=self.revision,
        )


def _narrate(event: ev.AnyEvent, state: State) -> tuple[str, str] | None:
    from natsmon.wording.narration import narrate  # no event arrives before the first paint, which this would delay

    return narrate(event, state)
