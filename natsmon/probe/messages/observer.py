"""Counts somebody else's messages, and what is left out of the sequences they carry in their headers.

Two kinds are known: the numbers of another natsmon, one sequence a session; and those a stream gives what it
republishes (ADR-28), one sequence a subject of the stream, where each message names the one before it. A message
without one is counted all the same.

A sequence begins with the first number heard. What is left out behind it is missing, also where nobody could
hear it because the connection was down; what comes late is missing no more.
"""

import asyncio
from typing import NamedTuple

from natsmon.probe.messages.ledger import Cut, Ledger
from natsmon.probe.messages.message import Message
from natsmon.probe.messages.number_runs import Runs
from natsmon.probe.messages.verifier import Counts, Proof, Publisher
from natsmon.protocol.link import Link
from natsmon.stream import events as ev

TELL_EVERY = 0.1
SEQUENCES = 1_000
"""Followed at once; of more, the one longest not heard is forgotten, and begins anew should it be heard again."""
_RUNS = 10_000
"""Of missing numbers in one sequence that are recognised, should they come late."""
_DIGITS = 18

_SESSION, _SEQ = b"\r\nNatsmon-Session: ", b"\r\nNatsmon-Seq: "
_STREAM, _SUBJECT = b"\r\nNats-Stream: ", b"\r\nNats-Subject: "
_SEQUENCE, _LAST_SEQUENCE = b"\r\nNats-Sequence: ", b"\r\nNats-Last-Sequence: "


class Place(NamedTuple):
    """Where in which sequence a message stands."""

    sequence: tuple[bytes, ...]
    number: int
    before: int
    """The number of the one before it; 0 where it is the first."""


class _Sequence:
    __slots__ = ("first", "highest", "missing")

    def __init__(self, number: int) -> None:
        self.first = self.highest = number
        self.missing = Runs(_RUNS)


class Observer(Proof):
    """Rides on a connection in place of a proof, for nothing is published that there could be one of."""

    verification: ev.Verification = "none"

    def __init__(self, subject: str, message: Message, ledger: Ledger, publisher: Publisher) -> None:
        self.message = message
        self._subject = subject
        self._ledger = ledger
        self._publisher = publisher
        self._messages = self._bytes = self._publishers = 0
        self._missing = self._duplicate = self._out_of_order = 0
        self._sequences: dict[tuple[bytes, ...], _Sequence] = {}
        self._timer: asyncio.TimerHandle | None = None

    def link_up(self, link: Link) -> None:
        def receive(subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
            if not link.is_ours(subject, reply):  # the subject may cover what we ask the server
                self._receive(headers, payload)

        link.subscribe(self._subject, receive, refused=self._publisher.complained)
        self._tell()

    def link_down(self) -> Cut:
        self._tell()
        return self._ledger.cut()

    def _receive(self, headers: bytes, payload: bytes) -> None:
        self._messages += 1
        self._bytes += len(payload)
        place = find_place(headers) if headers else None
        if place is not None:
            self._follow(place)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_EVERY, self._tell)

    def _follow(self, place: Place) -> None:
        key, number, before = place
        sequence = self._sequences.pop(key, None)
        if sequence is None:
            sequence = _Sequence(number)
            self._publishers += 1
            if len(self._sequences) >= SEQUENCES:
                del self._sequences[next(iter(self._sequences))]
        elif number > sequence.highest:
            if before > sequence.highest:
                # A stream numbers all its subjects together: of what lies between, one at least was of this one.
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
        self._sequences[key] = sequence  # behind all that were heard before it

    def _tell(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._publisher.observed(
            Counts(self._messages, self._bytes, self._publishers, self._missing, self._duplicate, self._out_of_order)
        )


def find_place(headers: bytes) -> Place | None:
    """What the headers of a message say of its place; None where they say nothing."""
    number = _number(headers, _SEQ)
    if number is not None:
        return Place((_value(headers, _SESSION),), number, number - 1)
    number = _number(headers, _SEQUENCE)
    if number is None:
        return None
    key = _value(headers, _STREAM), _value(headers, _SUBJECT)
    return Place(key, number, _number(headers, _LAST_SEQUENCE) or 0)


def _value(headers: bytes, name: bytes) -> bytes:
    at = headers.find(name)
    return headers[at + len(name) :].partition(b"\r")[0].strip() if at >= 0 else b""


def _number(headers: bytes, name: bytes) -> int | None:
    digits = _value(headers, name)
    return int(digits) if digits.isdigit() and len(digits) <= _DIGITS else None
