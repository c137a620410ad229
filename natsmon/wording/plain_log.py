"""The plain log: a wall-clock time and a line for each event, for a file, a pipe or a simple terminal."""

from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.text import dates
from natsmon.wording.narration import narrate


class PlainLog:
    """Formats the events of a stream, or of several streams one after another."""

    def __init__(self) -> None:
        self._tracks = Tracks(narrate)

    @property
    def exit_code(self) -> int | None:
        """The exit code of the newest session; None while it has not ended."""
        end = self._tracks.session.end
        return end.exit_code if end is not None else None

    def line(self, event: ev.AnyEvent) -> bytes | None:
        """The log line of an event, newline included; None for an event that needs none."""
        line = self._tracks.apply(event)
        if line is None:
            return None
        track = self._tracks.track(event.conn)
        connection = track.state.connection
        name = f"{connection.name}: " if event.conn and connection is not None else ""
        return f"{dates.local_millis(line.at)}  {name}{line.text}\n".encode()
