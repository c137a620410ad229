"""Every event as one line in plain words.

Somebody who knows the program of the article "Using Custom Dialers in the NATS Go Client" finds each of its
lines again, with the server, the attempt, the cause and the time it took added. The log and the dashboard
tell the same story because both tell this one.
"""

from dataclasses import dataclass

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.text.plain_text import printable
from natsmon.wording.narration import connections, dials, messages, sessions
from natsmon.wording.narration.dials import certificate_in_words as certificate_in_words
from natsmon.wording.narration.words import Kind as Kind
from natsmon.wording.narration.words import Said, Words


@dataclass(frozen=True, slots=True)
class Line:
    t: float
    text: str
    kind: Kind


class Narrator:
    """Tells events. Does no I/O and reads no clock: the same events give the same lines."""

    def tell(self, event: ev.AnyEvent, state: State) -> Line | None:
        """The line of an event; None for one that needs none. ``state`` is what it was folded into already."""
        words = _WORDS.get(type(event))
        said: Said = words(event, state) if words else None
        if said is None:
            return None
        kind, text = said
        return Line(event.t, printable(text), kind)


_WORDS: Words = sessions.WORDS | dials.WORDS | connections.WORDS | messages.WORDS
"""``Tally`` and ``Rtt`` are not here: ten of them a second would bury what happens. ``Pool`` is for a screen."""
