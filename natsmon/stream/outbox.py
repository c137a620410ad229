"""Outbox: writes lines to a file descriptor from a thread of its own, so that a slow reader never blocks the loop.

The memory for waiting lines is bounded. When a reader does not keep up, single samples are dropped first, and their
latencies are merged; totals are replaced by the latest. Status, answers and the ends of dials and outages are dropped
last. ``Gap`` counts the dropped lines. A thread works with every kind of file and leaves its flags unchanged.
"""

import asyncio
import math
import os
import select
import stat
import threading
from collections import Counter, deque
from collections.abc import Callable
from heapq import merge
from itertools import count
from typing import NamedTuple

from natsmon.stream import events as ev
from natsmon.stream.codec import encode, kind_of
from natsmon.stream.latency_buckets import corrected, quantised

SOFT_LIMIT = 2_000
"""Waiting lines from which on single samples are merged or dropped."""
BYTES_LIMIT = 16 * 1024 * 1024
HARD_LIMIT = 20_000
"""Bytes and lines that wait at most."""

_BATCH = 256
_CHUNK = 64 * 1024

_SAMPLES = (ev.Published, ev.Echoed, ev.Rtt, ev.Latencies, ev.DialStage)
"""Dropped first; their latencies are merged."""
_TOTALS = (ev.Tally, ev.Observed, ev.Keepalive, ev.Alive, ev.Clock)
"""Only the latest matters."""
_RECORDS = (ev.DialStart, ev.DialEnd, ev.Connected, ev.Disconnected, ev.Reconnected, ev.Outage, ev.Closed)
"""Of dials and outages, which ``Gap`` then counts."""
_ANSWERS = (ev.Answer, ev.Note)
"""As many as there are commands; dropped last."""
_ESSENTIAL = (ev.Session, ev.Connection, ev.Clock, ev.Gap, ev.End)
"""Few, and never dropped."""
_LEVELS = (_SAMPLES, (), (ev.StatusChanged,), _RECORDS, _ANSWERS, _ESSENTIAL)
_IMPORTANCE: dict[type, int] = {kind: level for level, kinds in enumerate(_LEVELS) for kind in kinds}
"""Those of the least importance are dropped first; other kinds have 1."""


class _Waiting(NamedTuple):
    event: ev.AnyEvent
    line: bytes


class _Merged:
    """What is emitted instead of dropped lines: merged latencies, and how many lines of each kind were dropped."""

    def __init__(self) -> None:
        self.t = 0.0
        self._latencies: dict[tuple[int, ev.LatencyKind], Counter[int]] = {}
        self._longest: dict[tuple[int, ev.LatencyKind], float] = {}
        self._dropped: dict[int, Counter[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._dropped or self._latencies)

    def drop(self, event: ev.AnyEvent) -> None:
        """Count a dropped line, and keep the latencies in it."""
        self.t = max(self.t, event.t)
        match event:
            case ev.Latencies():  # its samples are kept, so nothing is missing
                self._add(event.conn, event.kind, event.counts, event.longest)
                return
            case ev.Echoed():
                self._add(event.conn, "echo", [(quantised(event.latency), 1)], event.latency)
            case ev.Rtt():
                samples = [event.seconds, *corrected(event.seconds, event.omitted, event.interval)]
                self._add(event.conn, "rtt", [(quantised(sample), 1) for sample in samples], event.seconds)
            case ev.Gap():
                self._dropped.setdefault(event.conn, Counter()).update(event.dropped)
                return
        self._dropped.setdefault(event.conn, Counter())[kind_of(event)] += 1

    def _add(self, conn: int, kind: ev.LatencyKind, counts: ev.Counts, longest: float) -> None:
        key = conn, kind
        merged = self._latencies.setdefault(key, Counter())
        for bucket, many in counts:
            merged[bucket] += many
        self._longest[key] = max(self._longest.get(key, 0.0), longest)

    def take(self, t: float) -> list[ev.AnyEvent]:
        """The events that stand for what was dropped, not before ``t``; empties this."""
        self.t = max(self.t, t)
        events: list[ev.AnyEvent] = [
            ev.Gap(t=self.t, conn=conn, dropped=dict(dropped)) for conn, dropped in self._dropped.items()
        ]
        events += [
            ev.Latencies(
                t=self.t, conn=conn, kind=kind, counts=sorted(counts.items()), longest=self._longest[conn, kind]
            )
            for (conn, kind), counts in self._latencies.items()
        ]
        self.__init__()  # type: ignore[misc]
        return events


class Outbox:
    """A sink that writes to a file descriptor, in order: a turn's lines into a pipe with room, else from its thread.

    It does not close the file descriptor. ``render`` gives the line of an event, when that is not its JSON line; None
    for an event that needs none.
    """

    def __init__(self, fd: int, render: Callable[[ev.AnyEvent], bytes | None] | None = None) -> None:
        self._fd = fd
        self._render = render
        self._lines: deque[_Waiting] = deque()
        self._bytes = 0
        self._full = 0, 0
        """Lines and bytes from which on it is worth while to look again for what can be dropped."""
        self._latest: dict[tuple[int, type], _Waiting] = {}
        self._merged = _Merged()
        self._last = b""
        self._closing = False
        self._writing = False
        """The thread writes."""
        self._turn_ends = False
        """``_write_turn`` will be called."""
        self._pipe: select.poll | None = None
        """Whether it has room; a writable pipe takes PIPE_BUF bytes, all or none. None where it is not a pipe."""
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            self._pipe = select.poll()
            self._pipe.register(fd, select.POLLOUT)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self.ended = False
        """The reader went away, or cannot be written to."""
        self.failure = ""
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Take an event; what was merged is written before ``End``, after which nothing follows."""
        with self._lock:
            rendered = line if self._render is None else self._render(event)
            if rendered is None:  # a log may have no line for hours
                self.ended |= self._pipe is not None and any(event & select.POLLERR for _, event in self._pipe.poll(0))
                return
            waiting = _Waiting(event, rendered)
            key = event.conn, type(event)
            if isinstance(event, ev.End):
                self._last = rendered
            elif isinstance(event, _TOTALS) and (key in self._latest or len(self._lines) >= SOFT_LIMIT):
                self._latest[key] = waiting
            elif isinstance(event, _SAMPLES) and len(self._lines) >= SOFT_LIMIT:
                self._merged.drop(event)
            else:
                self._lines.append(waiting)
                self._bytes += len(rendered)
                if len(self._lines) > max(HARD_LIMIT, self._full[0]) or self._bytes > max(BYTES_LIMIT, self._full[1]):
                    self._make_room()
                    self._full = 2 * len(self._lines), 2 * self._bytes
                if self._pipe is not None and not self._is_behind():
                    connected = isinstance(event, ev.StatusChanged) and event.status == "CONNECTED"
                    self._write_soon(at_once=connected or self._bytes >= select.PIPE_BUF)
                    return
            self._changed.notify()

    def _make_room(self) -> None:
        """Drop waiting lines, least important first, until half of the limits is used."""
        for least in range(len(_LEVELS) - 1):
            if len(self._lines) <= HARD_LIMIT // 2 and self._bytes <= BYTES_LIMIT // 2:
                return
            newest = {(each.event.conn, type(each.event)): at for at, each in enumerate(self._lines)}
            kept: deque[_Waiting] = deque()
            for at, each in zip(count(), self._lines, strict=False):
                unimportant = _IMPORTANCE.get(type(each.event), 1) <= least
                if unimportant and newest[each.event.conn, type(each.event)] != at:
                    self._merged.drop(each.event)
                    self._bytes -= len(each.line)
                else:
                    kept.append(each)
            self._lines = kept

    def _is_behind(self) -> bool:
        """Whether only the thread may write: something else comes before the lines, or nothing more is taken."""
        return bool(self._writing or self._latest or self._merged or self._closing or self.ended)

    def _write_soon(self, *, at_once: bool) -> None:
        """Write at once CONNECTED, which much follows in its turn of the loop; otherwise when the turn ends."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            at_once = True
        if at_once:
            self._write_turn()
        elif not self._turn_ends:
            self._turn_ends = True
            loop.call_soon(self._write_turn)

    def _write_turn(self) -> None:
        """Write into a pipe with room: faster than waking the thread. A reconnect has twenty lines in four turns."""
        with self._lock:
            self._turn_ends = False
            while not self._is_behind() and self._pipe is not None and (piece := self._take_piece(self._pipe)):
                self._bytes -= len(piece)
                try:
                    os.write(self._fd, piece)
                except OSError as error:
                    self._end(error)
            if self._pending():
                self._changed.notify()

    def _take_piece(self, pipe: "select.poll") -> bytes:
        """The lines that can be written without blocking; empty without room, or when the first one is longer."""
        piece = bytearray()
        while self._lines and len(piece) + len(self._lines[0].line) <= select.PIPE_BUF:
            if not piece and not any(event & select.POLLOUT for _, event in pipe.poll(0)):
                break
            piece += self._lines.popleft().line
        return bytes(piece)

    def _end(self, error: OSError) -> None:
        self.ended = True
        if not isinstance(error, BrokenPipeError):
            self.failure = error.strerror or str(error)

    def close(self, timeout: float) -> bool:
        """Write what is left, for at most ``timeout`` seconds; False when a part remains unwritten."""
        with self._lock:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._lock:
                while not (self._pending() or self._closing):
                    self._changed.wait()
                if not self._pending():
                    return
                batch = self._take()
                self._writing = True
            try:
                _write_all(self._fd, batch)
            except OSError as error:
                self._end(error)
                return
            finally:
                self._writing = False

    def _pending(self) -> bool:
        return bool(self._lines or self._latest or self._last or self._merged)

    def _take(self) -> bytes:
        """The next lines, in the order of their times: also totals that waited beside them."""
        taken = [self._lines.popleft() for _ in range(min(_BATCH, len(self._lines)))]
        self._bytes -= sum(len(each.line) for each in taken)
        until = taken[-1].event.t if self._lines else math.inf
        totals = [self._latest.pop(key) for key in [*self._latest] if self._latest[key].event.t <= until]
        batch = list(merge(taken, sorted(totals, key=_time), key=_time))
        lines = [each.line for each in batch]
        if not self._lines:
            self._full = 0, 0
            merged, render = self._merged.take(max(map(_time, batch), default=0.0)), self._render or encode
            lines += [line for event in merged if (line := render(event)) is not None]
            lines.append(self._last)
            self._last = b""
        return b"".join(lines)


def _time(waiting: _Waiting) -> float:
    return waiting.event.t


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view[:_CHUNK]) :]
        except BlockingIOError:  # another process that shares the file has made it non-blocking
            select.select([], [fd], [])
