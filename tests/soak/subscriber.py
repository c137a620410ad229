"""A witness: a NATS subscriber on a plain socket, with nothing of natsmon and nothing of nats-py in it."""

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from natsmon.lab.nats_server import HOST

BARRIER = "soak.barrier"
"""The subject on which subscribers share how far they have received."""
_CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"protocol":1,"name":"witness"}\r\n'
_NUMBER = re.compile(rb"Natsmon-Session: ([\w.]+)\r\nNatsmon-Seq: (\d+)\r\n")
_AGAIN_AFTER = 0.002
_CHUNK = 64 * 1024


@dataclass
class Span:
    """When it was subscribed, by ``time.monotonic()``: from the PONG after SUB until the end was detected."""

    began: float
    ended: float = float("inf")


@dataclass
class Witness:
    """What a subscriber has received, and when it was subscribed."""

    seen: Counter[int] = field(default_factory=Counter)
    """How often each sequence number came."""
    spans: list[Span] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    barriers: set[bytes] = field(default_factory=set)

    def was_there(self, began: float, ended: float) -> bool:
        """Whether it was subscribed all the time between two moments."""
        return any(span.began <= began and ended <= span.ended for span in self.spans)


class Subscriber:
    """Connected to the node on ``port`` whenever there is one; on a thread of its own."""

    def __init__(self, port: int, subject: str) -> None:
        self.witness = Witness()
        self._port = port
        self._greeting = _CONNECT + b"SUB %b 1\r\nSUB %b 2\r\nPING\r\n" % (subject.encode(), BARRIER.encode())
        self._socket: socket.socket | None = None
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"subscriber of {port}", daemon=True)

    def start(self) -> "Subscriber":
        self._thread.start()
        return self

    def close(self) -> None:
        self._closing.set()
        while self._thread.is_alive():  # it may be between two connections as we look
            sock = self._socket
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            self._thread.join(0.01)

    @property
    def subscribed(self) -> bool:
        spans = self.witness.spans
        return bool(spans) and spans[-1].ended == float("inf")

    def until_subscribed(self, within: float) -> bool:
        return self._until(lambda: self.subscribed, within)

    def until_barriers(self, wanted: set[bytes], within: float) -> bool:
        return self._until(lambda: wanted <= self.witness.barriers, within)

    def until_seen(self, seq: int, within: float) -> bool:
        return self._until(lambda: seq in self.witness.seen, within)

    def raise_barrier(self, name: bytes) -> None:
        """Publish behind everything that this node has passed on so far."""
        assert self._socket is not None
        self._socket.sendall(b"PUB %b %d\r\n%b\r\n" % (BARRIER.encode(), len(name), name))

    def _until(self, met: Callable[[], bool], within: float) -> bool:
        with self._changed:
            return self._changed.wait_for(met, within)

    # -- on its thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with socket.create_connection((HOST, self._port)) as self._socket:
                    self._listen(self._socket)
            except OSError:
                pass
            finally:
                self._left()
            self._closing.wait(_AGAIN_AFTER)

    def _left(self) -> None:
        self._socket = None
        if self.subscribed:
            self.witness.spans[-1].ended = time.monotonic()

    def _listen(self, sock: socket.socket) -> None:
        greeted = False
        with sock.makefile("rb", _CHUNK) as stream:
            while line := stream.readline():
                verb, *words = line.split()
                if verb in (b"MSG", b"HMSG"):
                    size = int(words[-1]) + len(b"\r\n")
                    message = stream.read(size)
                    if len(message) == size:  # half a message was not seen
                        self._count(words[0], message)
                elif verb == b"PING":
                    sock.sendall(b"PONG\r\n")
                elif verb == b"PONG":
                    self._note(lambda: self.witness.spans.append(Span(time.monotonic())))
                elif verb == b"INFO" and not greeted:
                    sock.sendall(self._greeting)
                    greeted = True

    def _count(self, subject: bytes, message: bytes) -> None:
        if subject == BARRIER.encode():
            self._note(lambda: self.witness.barriers.add(message[:-2]))
        elif found := _NUMBER.search(message):
            self.witness.sessions.add(found[1].decode())
            self._note(lambda: self.witness.seen.update((int(found[2]),)))

    def _note(self, what: Callable[[], None]) -> None:
        with self._changed:
            what()
            self._changed.notify_all()
