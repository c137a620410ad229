"""Snapshot: a State as events, and back, where a recording begins in the middle of a session.

Each attribute that ``State`` declares is a section. A long section is several lines, so that none exceeds the limit of
a line. A reader skips sections that it does not know or that do not decode.
"""

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from natsmon.state.latency_series import LatencySeries
from natsmon.state.limits import SNAPSHOT
from natsmon.state.log import LogLines
from natsmon.state.message_rates import MessageRates
from natsmon.state.session_record import SessionRecord
from natsmon.state.state import State
from natsmon.stream import events as ev

SESSION, LOG = "session", "log"
"""Sections beside the attributes of a State."""
_OWN = ("conn", "session", "limits")
_PART = 256 * 1024
"""Bytes of a section in one line, about."""


def snapshot(state: State, log: LogLines) -> Iterator[ev.AnyEvent]:
    """The events from which a reader gets the same State, and the newest lines of the log, in order."""
    session = state.session
    yield ev.Session(t=0.0, id=session.id, started=session.started, versions=session.versions)
    if state.connection is not None:
        yield msgspec.structs.replace(state.connection, t=state.now, conn=state.conn)
    yield _section(state, SESSION, session)
    for name in section_types():
        for part in _parts(getattr(state, name)):
            yield _section(state, name, part)
    for part in list(_parts(list(log.newest(SNAPSHOT)))) or [[]]:  # an empty log, too, replaces the reader's
        yield _section(state, LOG, part)
    yield ev.SnapshotEnd(t=state.now, conn=state.conn)


def _section(state: State, name: str, value: object) -> ev.Snapshot:
    plain = msgspec.to_builtins(value, str_keys=True, enc_hook=list)
    return ev.Snapshot(t=state.now, conn=state.conn, section=name, value=plain)


def _parts(value: Any) -> Iterator[Any]:
    """The value, or a long sequence in pieces."""
    if not isinstance(value, (deque, list)):
        yield value
        return
    piece: list[Any] = []
    size = 0
    for each in value:
        piece.append(each)
        size += len(msgspec.json.encode(each, enc_hook=list))
        if size > _PART:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


class Restoring:
    """Applies the sections of one connection's snapshot to its State, and replaces its log."""

    def __init__(self, state: State, log: LogLines) -> None:
        self._state = state
        self._log = log
        self._seen = state.status_since > 0 or len(state.timeline) > 1
        """The state holds what happened before the snapshot."""
        self._begun: set[str] = set()

    def apply(self, event: ev.Snapshot) -> None:
        """Apply one section, or one part of it. What does not decode leaves its section as it is."""
        try:
            self._apply(event.section, event.value)
        except msgspec.ValidationError:
            return

    def _apply(self, section: str, value: Any) -> None:
        state = self._state
        first = section not in self._begun
        self._begun.add(section)
        if section == SESSION:
            _copy(msgspec.convert(value, SessionRecord, str_keys=True), state.session)
        elif section == LOG:
            if first:
                self._log.clear()
            for line in msgspec.convert(value, list[ev.LogLine], str_keys=True):
                self._log.add(line)
        elif (kind := section_types().get(section)) is not None:
            self._set(section, msgspec.convert(value, kind, str_keys=True, dec_hook=_to_deque), first)

    def _set(self, section: str, after: Any, first: bool) -> None:
        before = getattr(self._state, section)
        if isinstance(before, deque):
            kept = self._older(before, after) if first else before
            if kept or after:  # the timeline is never empty
                setattr(self._state, section, deque([*kept, *after], before.maxlen))
        elif isinstance(before, LatencySeries):
            after.kept, after.whole = before.kept, before.whole
            setattr(self._state, section, after)
        elif isinstance(before, MessageRates):
            after.grain = before.grain
            setattr(self._state, section, after)
        elif section == "now":
            self._state.now = max(self._state.now, after)
        else:
            setattr(self._state, section, after)

    def _older(self, before: deque[Any], after: deque[Any]) -> list[Any]:
        """Entries of the reader that are older than those of the snapshot."""
        if not after or not self._seen:
            return []
        first = _begun(after[0])
        return [each for each in before if _begun(each) < first]


def _begun(entry: Any) -> float:
    return float(entry[0] if isinstance(entry, tuple) else entry.began)


def _copy(source: SessionRecord, target: SessionRecord) -> None:
    for name in source.__struct_fields__:
        setattr(target, name, getattr(source, name))


@cache
def section_types() -> dict[str, Any]:
    """The sections of a State and their types: the fields of the struct, but for what a reader chooses itself."""
    return {field.name: field.type for field in msgspec.structs.fields(State) if field.name not in _OWN}


def _to_deque(kind: Any, value: Any) -> Any:
    if get_origin(kind) is not deque:
        raise NotImplementedError(f"cannot restore {kind}")
    return deque(msgspec.convert(value, list[get_args(kind)[0]], str_keys=True))  # type: ignore[misc]
