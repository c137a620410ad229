"""The log: a wall-clock time and a line for each event; as text for people, as logfmt or JSON for log collectors."""

import json
from collections.abc import Mapping

from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.stream.codec import kind_of
from natsmon.text import dates
from natsmon.text.plain_text import printable
from natsmon.wording.narration import narrate

LEVELS = ("debug", "info", "warn", "error")
_LEVEL_OF = {"bad": "error", "warn": "warn", "good": "info", "info": "info", "dim": "debug"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@+-,$>*~%")


class PlainLog:
    """Formats the events of a stream, or of several streams one after another.

    Args:
        form: ``text``, ``logfmt`` or ``json``.
        level: Lines below it are omitted.
        messages: Include single messages.
    """

    def __init__(self, form: str = "text", level: str = "debug", *, messages: bool = True) -> None:
        self._tracks = Tracks(narrate)
        self._form = form
        self._least = LEVELS.index(level)
        self._messages = messages

    @property
    def exit_code(self) -> int | None:
        """The exit code of the newest session; None while it has not ended."""
        end = self._tracks.session.end
        return end.exit_code if end is not None else None

    def line(self, event: ev.AnyEvent) -> bytes | None:
        """The log line of an event, newline included; None for an event that needs none."""
        line = self._tracks.apply(event)
        if line is None or (line.message and not self._messages):
            return None
        level = _LEVEL_OF.get(line.kind, "info")
        if LEVELS.index(level) < self._least:
            return None
        connection = self._tracks.track(event.conn).state.connection
        name = connection.name if connection is not None else ""
        if self._form == "text":
            named = f"{name}: " if event.conn and name else ""
            return f"{dates.local_millis(line.at)}  {named}{line.text}\n".encode()
        fields = {
            "time": f"{dates.utc('%Y-%m-%dT%H:%M:%S', line.at)}.{dates.milliseconds(line.at)}Z",
            "level": level,
            "event": kind_of(event),
            "conn": event.conn,
            "name": printable(name),
            "msg": line.text,
        }
        return (json.dumps(fields, ensure_ascii=False) if self._form == "json" else _logfmt(fields)).encode() + b"\n"


def _logfmt(fields: Mapping[str, object]) -> str:
    """``key=value`` pairs; a value with other characters than the plain ones is quoted as a JSON string."""
    texts = {key: str(value) for key, value in fields.items()}
    return " ".join(
        f"{key}={text if text and _PLAIN.issuperset(text) else json.dumps(text, ensure_ascii=False)}"
        for key, text in texts.items()
    )
