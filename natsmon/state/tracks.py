"""Tracks: every connection of every session in a stream, folded and narrated. The one reader of events.

The dashboard, the plain log, replay, report and recordings use it; no other code folds events.
"""

from collections.abc import Callable

from natsmon.state.limits import FULL, FULL_UP_TO, SMALL, Limits
from natsmon.state.log import LogLines
from natsmon.state.session_record import SessionRecord
from natsmon.state.snapshot import Restoring, snapshot
from natsmon.state.state import State
from natsmon.stream import events as ev
from natsmon.stream.codec import KINDS, encode

Narrated = tuple[str, str] | None
"""Kind and text of a log line; none for an event that needs none."""
Narrate = Callable[[ev.AnyEvent, State], Narrated]

SESSIONS_KEPT = 2
"""Of the sessions in one stream, one after the other; the tracks of older ones are dropped."""
REPLACED_KEPT = 4
"""Of the connections of a session in whose place another one was opened; the tracks of older ones are dropped."""

_CHANGES_THE_LOG = frozenset((ev.Snapshot, ev.SnapshotEnd, ev.Connection))
_OF_SESSION = frozenset(kind for kind in KINDS.values() if issubclass(kind, ev.SessionEvent))


class Track:
    """All that is known of one connection: its State and its narrated log."""

    def __init__(
        self, conn: int = 0, session: SessionRecord | None = None, limits: Limits = FULL, narrate: Narrate | None = None
    ) -> None:
        self.state = State(conn, session or SessionRecord(), limits)
        self.log = LogLines(limits, self.message_line)
        self._narrate = narrate
        self._restoring: Restoring | None = None

    def apply(self, event: ev.AnyEvent) -> None:
        """Fold an event of this connection or of its session, and log it."""
        kind, state, narrate = type(event), self.state, self._narrate
        if kind in _CHANGES_THE_LOG:
            if isinstance(event, ev.Snapshot):
                self._restoring = self._restoring or Restoring(state, self.log)
                self._restoring.apply(event)
                return
            if kind is ev.SnapshotEnd:
                self._restoring = None
            else:
                self.log.settle()
        state.apply(event)
        if narrate is None:
            return
        if kind is ev.Echoed or (type(event) is ev.Published and event.outcome == "sent"):
            # The line depends on nothing that changes without ``settle``: it is made when it is read.
            self.log.add_message(state.session.wall(event.t), event)
        elif (line := narrate(event, state)) is not None:
            at, message = state.session.wall(event.t), kind is ev.Published
            self.log.add(ev.LogLine(at=at, text=line[1], kind=line[0], message=message))

    def replace(self, before: "Track") -> None:
        """Be the connection that was opened in the place of another one: its log goes on."""
        before.state.replaced_by = self.state.conn
        before.log, self.log = LogLines(before.state.limits, before.message_line), before.log
        self.log.continue_as(self.message_line)

    def message_line(self, at: float, event: ev.AnyEvent) -> ev.LogLine:
        """The line of a single message."""
        narrated = self._narrate(event, self.state) if self._narrate is not None else None
        kind, text = narrated or ("info", "")
        return ev.LogLine(at=at, text=text, kind=kind, message=True)

    def snapshot(self) -> bytes:
        """The lines from which another reader gets the same Track."""
        return b"".join(map(encode, snapshot(self.state, self.log)))


class Tracks:
    """Every Track by session and connection, and one record for each session.

    Args:
        narrate: Puts an event in words; without it, logs stay empty.
        limits: Of each Track; without them, full limits up to 16 connections, small ones above.
        replaced_kept: Connections of a session in whose place another one was opened.
    """

    def __init__(
        self, narrate: Narrate | None = None, limits: Limits | None = None, *, replaced_kept: int = REPLACED_KEPT
    ) -> None:
        self.narrate = narrate
        self._replaced_kept = replaced_kept
        self.sessions: dict[str, SessionRecord] = {}
        self.tracks: dict[str, dict[int, Track]] = {"": {}}
        """By session, and in it by connection."""
        self._limits = limits
        self._session = SessionRecord()
        self._current = self.tracks[""]

    @property
    def session(self) -> SessionRecord:
        """The session of the newest event."""
        return self._session

    @property
    def first(self) -> Track:
        """The first connection of the newest session, or what replaced it; an empty Track before it begins."""
        return self.track(self._session.first)

    def track(self, conn: int) -> Track:
        """A connection of the newest session."""
        track = self._current.get(conn)
        if track is None:
            limits = self._limits or (FULL if len(self._current) < FULL_UP_TO else SMALL)
            track = self._current[conn] = Track(conn, self._session, limits, self.narrate)
        return track

    def of_session(self) -> list[Track]:
        """The connections of the newest session, in order of opening."""
        return list(self._current.values())

    def apply(self, event: ev.AnyEvent) -> None:
        """Fold one event."""
        if type(event) not in _OF_SESSION:
            if type(event) is ev.Connection and event.replaces is not None:
                self._replace(event.replaces, event.conn)
            (self._current.get(event.conn) or self.track(event.conn)).apply(event)
            return
        assert isinstance(event, ev.SessionEvent)
        if isinstance(event, ev.Session):
            self._begin(event)
        self._session.apply(event)
        for track in self.of_session() or [self.first]:
            if track.state.replaced_by is None:
                track.apply(event)

    def _replace(self, old: int, new: int) -> None:
        before = self._current.get(old)
        if before is not None and before.state.replaced_by is None and old != new:
            self.track(new).replace(before)
            replaced = [conn for conn, track in self._current.items() if track.state.replaced_by is not None]
            for conn in replaced[: max(0, len(replaced) - self._replaced_kept)]:
                del self._current[conn]
        if self._session.first == old:
            self._session.first = new

    def _begin(self, event: ev.Session) -> None:
        known = self.sessions.get(event.id)
        self._session = known if known is not None else SessionRecord(id=event.id)
        self.sessions[event.id] = self._session
        self._current = self.tracks.setdefault(event.id, {})
        self.tracks.pop("", None)
        if len(self.sessions) > SESSIONS_KEPT:
            oldest = next(iter(self.sessions))
            del self.sessions[oldest], self.tracks[oldest]

    def snapshot(self) -> bytes:
        """The lines from which another reader gets the newest session; empty before it has begun."""
        if not self._session.id:
            return b""
        return b"".join(track.snapshot() for track in self.of_session())
