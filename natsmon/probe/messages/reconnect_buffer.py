"""Reconnect buffer: messages that wait for a connection, bounded in bytes as in nats.go (``ReconnectBufSize``)."""

from collections import deque

from natsmon.probe.messages.ledger import Ledger
from natsmon.probe.messages.message import Message


class ReconnectBuffer:
    """Sequence numbers and the times they were due, in order; ``limit`` in bytes on the wire."""

    def __init__(self, limit: int, message: Message, ledger: Ledger) -> None:
        self._limit = limit
        self._message = message
        self._ledger = ledger
        self._waiting: deque[tuple[int, float, int]] = deque()
        """Number, when it was due, bytes on the wire."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, seq: int, due: float) -> bool:
        """Keep a message; False when the buffer is full."""
        size = self._message.wire_size(seq)
        if self._ledger.buffered_bytes + size > self._limit:
            return False
        self._ledger.buffer(size)
        self._waiting.append((seq, due, size))
        return True

    def take(self) -> tuple[int, float]:
        """Remove the first message: its number, and when it was due."""
        seq, due, size = self._waiting.popleft()  # the size of then: a stream may name the subject meanwhile
        self._ledger.unbuffer(size)
        return seq, due
