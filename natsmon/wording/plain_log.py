"""The log: a wall-clock time and a line for each event; as text for people, as logfmt or JSON for log collectors."""

import json
from collections.abc import Mapping

from natsmon.state import State, Tracks
from natsmon.stream import events as ev
from natsmon.stream.codec import kind_of
from natsmon.text import dates
from natsmon.text.plain_text import printable
from natsmon.wording.narration import Kind, narrate

LEVELS = ("debug", "info", "warn", "error")
_LEVEL_OF = {"bad": "error", "warn": "warn", "good": "info", "info": "info", "dim": "debug"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@+-,$>*~%")


class PlainLog:
    """Formats the events of a stream, or of several one after another, as ``text``, ``logfmt`` or ``json``.

    Lines below ``level`` are omitted, and single messages without ``messages``.
    """

    def __init__(self, form: str = "text", level: str = "debug", *, messages: bool = True) -> None:
        self._tracks = Tracks()
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
        self._tracks.apply(event)
        of_session = isinstance(event, ev.SessionEvent)
        state = (self._tracks.first if of_session else self._tracks.track(event.conn)).state
        line = narrate(event, state)
        return self._formatted(event, line, state) if line is not None else None

    def _formatted(self, event: ev.AnyEvent, line: tuple[Kind, str], state: State) -> bytes | None:
        kind, text = line
        level = _LEVEL_OF[kind]
        omitted = not self._messages and isinstance(event, ev.Published | ev.Echoed)
        if omitted or LEVELS.index(level) < self._least:
            return None
        at = state.wall(event.t)
        name = state.connection.name if state.connection is not None else ""
        if self._form == "text":
            named = f"{name}: " if name and state is not self._tracks.first.state else ""
            return f"{dates.local_millis(at)}  {named}{text}\n".encode()
        fields = {
            "time": f"{dates.utc('%Y-%m-%dT%H:%M:%S', at)}.{dates.milliseconds(at)}Z",
            "level": level,
            "event": "health" if isinstance(event, ev.Tally | ev.Observed | ev.Rtt) else kind_of(event),
            "conn": state.conn,
            "name": printable(name),
            "msg": text,
        }
        return (json.dumps(fields, ensure_ascii=False) if self._form == "json" else _logfmt(fields)).encode() + b"\n"


def _logfmt(fields: Mapping[str, object]) -> str:
    """``key=value`` pairs; a value with other characters than the plain ones is quoted as a JSON string."""
    texts = {key: str(value) for key, value in fields.items()}
    return " ".join(
        f"{key}={text if text and _PLAIN.issuperset(text) else json.dumps(text, ensure_ascii=False)}"
        for key, text in texts.items()
    )
