"""Counts the messages of other publishers, and the gaps in the sequences of numbers they carry in their headers.

Two kinds are known: the numbers of another natsmon, one sequence for each session; and those a stream gives what it
republishes (ADR-28), one sequence for each subject of the stream, where each message names the number before it. A
message without a number is counted.

A sequence begins with the first number received. Numbers left out behind it are missing, also when the connection was
down meanwhile; numbers that come late are missing no more.
"""

import hashlib
from collections.abc import Callable

from natsmon.config.settings import Settings
from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.message import Message, header_number, header_value
from natsmon.probe.messages.number_runs import Runs
from natsmon.probe.messages.verifier import Verifier
from natsmon.probe.timer import Timer
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.text.units import LARGEST

EMIT_EVERY = 0.1
SEQUENCES = 1_000
"""Followed at once; of more, the one not received for longest is forgotten."""
_RUNS = 1_000
"""Of missing numbers in one sequence that are recognised when they come late."""
_NAME_BYTES = 64
"""Of a name in a header; a longer one is kept as its hash. Publishers choose it."""

_SESSION, _SEQ = b"\r\nNatsmon-Session: ", b"\r\nNatsmon-Seq: "
_STREAM, _SUBJECT = b"\r\nNats-Stream: ", b"\r\nNats-Subject: "
_SEQUENCE, _LAST_SEQUENCE = b"\r\nNats-Sequence: ", b"\r\nNats-Last-Sequence: "


_Key = tuple[bytes, ...]
"""A sequence: the session, or the stream and the subject."""


class _Sequence:
    __slots__ = ("first", "highest", "missing")

    def __init__(self, number: int) -> None:
        self.first = self.highest = number
        self.missing = Runs(_RUNS)


class Observer(Verifier):
    """Takes the place of a verifier: nothing is published."""

    def __init__(self, settings: Settings, session: str, deliveries: Deliveries, emit: Emit) -> None:
        super().__init__(Message(settings, session), deliveries)
        self.on_forbidden: Callable[[], None] = lambda: None
        """Called when the server refuses the subscription."""
        self._subject = settings.observe
        self._emit = emit
        self._messages = self._bytes = self._publishers = 0
        self._missing = self._duplicate = self._out_of_order = 0
        self._refused = ""
        self._sequences: dict[_Key, _Sequence] = {}
        self._timer = Timer(self._emit_counts)

    def connection_up(self, connection: ServerConnection) -> None:
        def receive(subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
            if not connection.is_ours(subject, reply):  # the subject may cover requests of our own
                self._receive(headers, payload)

        self._refused = ""
        connection.subscribe(self._subject, receive, refused=self._on_refused, accepted=self._on_accepted)
        self._emit_counts()

    def connection_down(self) -> None:
        self._emit_counts()

    def _on_accepted(self) -> None:
        if self._refused:
            self._refused = ""
            self._emit_counts()

    def _on_refused(self, text: str) -> None:
        if self._refused:
            return
        self._refused = text
        self._emit(ev.AsyncError(text=text))
        self._emit_counts()
        self.on_forbidden()

    def _receive(self, headers: bytes, payload: bytes) -> None:
        self._messages += 1
        self._bytes += len(payload)
        place = _find_place(headers) if headers else None
        if place is not None:
            self._follow(*place)
        if self._timer.at is None:
            self._timer.set_in(EMIT_EVERY)

    def _follow(self, key: _Key, number: int, before: int) -> None:
        sequence = self._sequences.pop(key, None)
        if sequence is None:
            sequence = _Sequence(number)
            self._publishers += 1
            if len(self._sequences) >= SEQUENCES:
                del self._sequences[next(iter(self._sequences))]
        elif number > sequence.highest:
            if before > sequence.highest:
                # A stream numbers all its subjects together: at least one number in between was of this subject.
                first = sequence.highest + 1 if len(key) == 1 else before
                sequence.missing.append(first, before)
                self._missing += before - first + 1
            sequence.highest = number
        elif sequence.missing.discard(number):
            self._missing -= 1
            self._out_of_order += 1
        elif number < sequence.first:
            self._out_of_order += 1
        else:
            self._duplicate += 1
        self._sequences[key] = sequence  # newest last

    def _emit_counts(self) -> None:
        self._timer.stop()
        self._emit(
            ev.Observed(
                messages=self._messages,
                bytes=self._bytes,
                publishers=self._publishers,
                missing=min(self._missing, LARGEST),
                duplicate=self._duplicate,
                out_of_order=self._out_of_order,
                refused=self._refused,
            )
        )


def _find_place(headers: bytes) -> tuple[_Key, int, int] | None:
    """Sequence, number and the number before it (0 for the first) of a message; None without a number."""
    number = header_number(headers, _SEQ)
    if number is not None:
        return (_name(headers, _SESSION),), number, number - 1
    number = header_number(headers, _SEQUENCE)
    if number is None:
        return None
    key = _name(headers, _STREAM), _name(headers, _SUBJECT)
    return key, number, header_number(headers, _LAST_SEQUENCE) or 0


def _name(headers: bytes, name: bytes) -> bytes:
    value = header_value(headers, name)
    return value if len(value) <= _NAME_BYTES else hashlib.blake2b(value, digest_size=16).digest()
