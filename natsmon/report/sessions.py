"""The sessions of a recording, one after the other."""

from collections.abc import Iterable

from natsmon import events as ev
from natsmon.report.conclusion import conclude
from natsmon.report.facts import Run
from natsmon.report.gather import Gatherer

SESSIONS_KEPT = 50


def runs(events: Iterable[ev.AnyEvent], file: str) -> tuple[list[Run], int]:
    """The sessions of a stream in its order, and how many more there were than ``SESSIONS_KEPT``.

    A session told again, as the parts of a rotated recording do, goes on.
    """
    found: list[Run] = []
    more = 0
    current: Gatherer | None = None
    known: ev.Session | None = None

    def close() -> None:
        nonlocal more
        if current is None:
            return
        if len(found) < SESSIONS_KEPT:
            found.append(conclude(current, file, len(found) + 1))
        else:
            more += 1

    for event in events:
        if type(event) is ev.Session and event.conn == 0 and not (known is not None and _same(known, event)):
            close()
            current, known = Gatherer(event), event
        if current is None:
            current = Gatherer()
        current.take(event)
    close()
    return found, more


def _same(known: ev.Session, told: ev.Session) -> bool:
    return known.id == told.id and known.started == told.started
