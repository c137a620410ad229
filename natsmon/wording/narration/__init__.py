"""Narration: every event as one line in plain words, the same in the log, the dashboard and a report.

The function that is named as the ``type`` of an event makes its line, from the event and the State it is folded into.
"""

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.stream.codec import by_kind
from natsmon.text.plain_text import printable
from natsmon.wording.narration import connections, delivery, dials, messages, sessions
from natsmon.wording.narration.dials import certificate_in_words as certificate_in_words
from natsmon.wording.narration.dials import info_note as info_note
from natsmon.wording.narration.sessions import end_reason as end_reason
from natsmon.wording.narration.words import Kind as Kind
from natsmon.wording.narration.words import Line as Line
from natsmon.wording.narration.words import amounts as amounts


def narrate(event: ev.AnyEvent, state: State) -> Line:
    """Put an event in words.

    Args:
        event: Already folded into ``state``.
        state: Of its connection.

    Returns:
        The kind of the line and its text; None where no line is needed.
    """
    make = _LINES.get(type(event))
    line: Line = make(event, state) if make else None
    if line is None:
        return None
    kind, text = line
    return kind, printable(text)


_LINES = by_kind(sessions, dials, connections, messages, delivery)
