"""The sessions of a recording, one after the other."""

from collections import deque
from collections.abc import Iterable

from natsmon.report.conclusion import conclude
from natsmon.report.facts import Run
from natsmon.report.gather import Gatherer
from natsmon.stream import events as ev

SESSIONS_KEPT = 50


def runs(events: Iterable[ev.AnyEvent], file: str) -> tuple[list[Run], int]:
    """The last ``SESSIONS_KEPT`` sessions of a stream in its order, and how many there were before them.

    A session told again, as the parts of a rotated recording do, goes on.
    """
    found: deque[Run] = deque(maxlen=SESSIONS_KEPT)
    number = 0
    current: Gatherer | None = None
    for event in events:
        if current is None or (type(event) is ev.Session and current.state.session.id != event.id):
            if current is not None:
                number += 1
                found.append(conclude(current, file, number))
            current = Gatherer(missing=None if type(event) is ev.Session else event.t)
        current.take(event)
    if current is not None:
        number += 1
        found.append(conclude(current, file, number))
    return list(found), number - len(found)
