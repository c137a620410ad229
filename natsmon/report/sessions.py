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
        if current is None or (type(event) is ev.Session and event.conn == 0 and not _same(current.session, event)):
            if current is not None:
                number += 1
                found.append(conclude(current, file, number))
            current = Gatherer(event) if type(event) is ev.Session and event.conn == 0 else Gatherer(missing=event.t)
        current.take(event)
    if current is not None:
        number += 1
        found.append(conclude(current, file, number))
    return list(found), number - len(found)


def _same(known: ev.Session | None, told: ev.Session) -> bool:
    return known is not None and known.id == told.id and known.started == told.started
