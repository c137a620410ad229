"""The sessions of a recording, one after another; each of their connections is a run of the report."""

import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from natsmon.report.facts import Run
from natsmon.report.run_facts import Coverage, facts_of
from natsmon.state import Limits, Tracks
from natsmon.stream import events as ev

RUNS_KEPT = 50
"""Connections of all sessions of a file; a section of the report takes some 10 ms."""
LIMITS = Limits(
    dials=50_000, dial_details=64 * 1024, outages=50_000, lost_seqs=50_000, periods=50_000, rtts=1, stretches=100_000,
    errors=200, bins=0, slices=240, log=1, messages=1,
)  # fmt: skip
"""Of a Track whose whole session is reported; at most some 100 MB."""


class _Session:
    """The Tracks of one session, and what their events cover."""

    def __init__(self) -> None:
        self.tracks = Tracks(limits=LIMITS, replaced_kept=sys.maxsize)
        self._coverage: dict[int, Coverage] = {}
        self._counts: Counter[int | None] = Counter()

    def take(self, event: ev.AnyEvent) -> None:
        """Fold the next event of the session."""
        if isinstance(event, ev.SessionEvent):
            self._counts[None] += 1
            if isinstance(event, ev.Session) and event.id == self.tracks.session.id and self._counts.total() > 1:
                return  # the next part of a recording repeats it
        else:
            self._counts[event.conn] += 1
            coverage = self._coverage.get(event.conn)
            if coverage is None:
                begins = isinstance(event, ev.Connection | ev.Snapshot)
                coverage = self._coverage[event.conn] = Coverage(None if begins else event.t)
            if not coverage.complete:
                coverage.take(event)
        self.tracks.apply(event)

    def runs(self, file: str, number: int) -> Iterator[Run]:
        """The facts of each connection, once every event was taken."""
        for track in self.tracks.of_session() or [self.tracks.first]:
            conn = track.state.conn
            events = self._counts[None] + self._counts[conn]
            yield facts_of(track.state, self._coverage.get(conn, Coverage()), file, number, events)


def runs(events: Iterable[ev.AnyEvent], file: str) -> tuple[list[Run], int]:
    """The last ``RUNS_KEPT`` runs of a stream, and the number of runs before them."""
    found: deque[Run] = deque(maxlen=RUNS_KEPT)
    total = 0
    for number, session in enumerate(_sessions(events), 1):
        for run in session.runs(file, number):
            total += 1
            found.append(run)
    return list(found), total - len(found)


def _sessions(events: Iterable[ev.AnyEvent]) -> Iterator[_Session]:
    """Each session, once every event of it was taken."""
    session: _Session | None = None
    for event in events:
        if session is None or (isinstance(event, ev.Session) and event.id != session.tracks.session.id):
            if session is not None:
                yield session
            session = _Session()
        session.take(event)
    if session is not None:
        yield session
