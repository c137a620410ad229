"""Verification by a stream: each message is acknowledged once it is stored, and sent again until it is.

The guarantee is stronger than that of core NATS: no acknowledged message is lost, and none is stored twice. Messages
in flight when a connection ends are sent again on the next one, before new ones and with the same message id, by which
the stream recognises duplicates. So are messages without an acknowledgement for a while, and those that the stream
rejected temporarily.

A stream recognises duplicates within its duplicate window only. A message sent longer ago than half of that is
searched in the stream first, and is not sent again where the stream cannot be read. (No client can prevent that a
frozen server stores an old copy later.)
"""

import asyncio
import math
import time
from collections import deque
from contextlib import suppress
from functools import partial

from natsmon.config.settings import Settings
from natsmon.probe.audit.stream_audit import Stored, find, read_back
from natsmon.probe.jetstream.stream_lookup import StreamLookup
from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.message import AckedMessage
from natsmon.probe.messages.verifier import Verifier
from natsmon.protocol.jetstream_api import NoStream, PubAck, StreamInfo
from natsmon.protocol.request_reply import decoded
from natsmon.protocol.server_connection import ServerConnection, Unanswered
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

WINDOW = 4_096
"""Messages without an acknowledgement at most, as in nats.go's asynchronous publish; more wait in the buffer."""
_WINDOW_BYTES = 16 * 1024 * 1024
"""The same, on the wire."""

ACK_WITHIN = 5.0
"""Seconds until a message is sent again on the same connection, as in nats.go; an election of a leader takes less."""
LOOK_EVERY = 0.25
ERROR_ENDED_AFTER = 60.0
"""Seconds without an error after which it is emitted again."""
_PAUSE, _LONGEST_PAUSE = 0.25, 2.0
"""Seconds until a temporarily rejected message is sent again; doubled each time."""
_AT_ONCE = 256
_NO_RESPONDERS = b"NATS/1.0 503"


class AckVerifier(Verifier):
    """A stream's acknowledgements, received on an inbox that is the same for the whole session.

    Messages are buffered on each connection until the stream's properties are known.
    """

    verification: ev.Verification = "ack"
    message: AckedMessage

    def __init__(self, settings: Settings, session: str, deliveries: Deliveries, emit: Emit) -> None:
        super().__init__(AckedMessage(settings, session), deliveries)
        self._name = settings.jetstream
        self._patience = settings.drain_timeout
        deliveries.ledger.unordered = True
        self._emit = emit
        self._prefix = len(self.message.inbox) + 1
        self._window = max(1, min(WINDOW, _WINDOW_BYTES // self.message.wire_size(1)))
        self._stored = Stored()
        self._waiting: dict[int, tuple[float, int]] = {}
        """By number, in order: when it was first sent, and the last position acknowledged until then."""
        self._written: deque[int] = deque()
        """Numbers in the order of writing on this connection, copies included; the first is in ``_waiting``."""
        self._postponed: set[int] = set()
        """Rejected temporarily."""
        self._pause = 0.0
        """Seconds, while messages are rejected temporarily."""
        self._sent_again_at = 0.0
        """When messages were last sent again."""
        self._stream: StreamInfo | None = None
        """None until it is known on this connection."""
        self._created = ""
        """When the stream was created that was looked up last; empty where none could be."""
        self._domain = ""
        self._lookup = StreamLookup(self._name, self.message, self._report)
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        """Something was acknowledged or refused."""
        self._reported: dict[str, float] = {}
        """Errors of this connection, and when each occurred last."""
        self._concluded = False
        """The stream has been read: later acknowledgements on this connection are not counted."""

    @property
    def room(self) -> int:
        if self._stream is None or (self._pause and self._waiting):
            return 0
        return self._window - len(self._waiting)

    def sent(self, seq: int) -> None:
        self._waiting[seq] = time.monotonic(), self._stored.last
        self._written.append(seq)

    def connection_up(self, connection: ServerConnection) -> None:
        self._reported.clear()
        self._written.clear()
        self._concluded = False
        self._attend(connection)
        connection.subscribe(
            f"{self.message.inbox}.*",
            self._receive,
            refused=self._on_subscription_refused,
            accepted=partial(self._attend, connection),
        )

    def connection_down(self) -> None:
        """Messages in flight are stranded until they are acknowledged on a later connection."""
        self._stop()
        self._stream = None

    async def conclude(self, connection: ServerConnection) -> ev.Audit | None:
        """Wait for outstanding acknowledgements, then read the stream."""
        if self._stream is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    if not await self._acknowledged_all(connection):
                        await self._send_again(connection, self._stream, [*self._waiting])
                        await self._acknowledged_all(connection)  # the others stay in flight
        self._stop()
        try:
            return await read_back(connection, self._name, self._stored, self.message) if self._stored.many else None
        finally:
            self._concluded = True

    async def _acknowledged_all(self, connection: ServerConnection) -> bool:
        """Whether nothing is outstanding any more, within half of the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience / 2):
                while self._waiting and connection.open:
                    self._changed.clear()
                    await self._changed.wait()
        return not self._waiting or not connection.open

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # -- while connected --------------------------------------------------------------------------

    def _attend(self, connection: ServerConnection) -> None:
        """Begin again where it was stopped because acknowledgements could not be received."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(connection))

    async def _run(self, connection: ServerConnection) -> None:
        """Look up the stream, resend messages of the last connection, send new ones, resend unacknowledged ones."""
        stream = self._known(await self._lookup.wait(connection))
        connection.on_publish_refused(self.message.subject, self._next_refused)
        self._postponed.clear()
        self._pause = 0.0
        await self._send_again(connection, stream, [*self._waiting])
        self._stream = stream
        self.on_window_open()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if due := self._due(time.monotonic()):
                stream = self._stream = self._known(await self._lookup.again(connection, stream))
                await self._send_again(connection, stream, due)

    def _known(self, stream: StreamInfo) -> StreamInfo:
        """Return the stream; where it was deleted and created again, positions in the old one have no meaning."""
        self._domain = stream.domain
        if stream.created and stream.created != self._created:
            self._created = stream.created
            self._stored.begin_anew()
            self._waiting = {seq: (first, 0) for seq, (first, _) in self._waiting.items()}
        return stream

    def _due(self, now: float) -> list[int]:
        """The messages to send again: without an acknowledgement for long, or rejected temporarily."""
        if self._postponed and now - self._sent_again_at >= self._pause:
            due = sorted(self._postponed)
            self._postponed.clear()
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            return due
        if now - self._sent_again_at < ACK_WITHIN:
            return []
        return [seq for seq, (first, _) in self._waiting.items() if now - first >= ACK_WITHIN]

    async def _send_again(self, connection: ServerConnection, stream: StreamInfo, seqs: list[int]) -> None:
        now = time.monotonic()
        self._sent_again_at = now
        waiting = self._waiting
        if any(seq in waiting and now - waiting[seq][0] >= stream.window / 2 for seq in seqs):
            try:
                start = min(last for _, last in waiting.values()) + 1
                await find(connection, self._name, self.message, start, stream.created, self._found)
            except (NoStream, Unanswered) as error:
                self._report(
                    f"{len(waiting)} messages may be stored already, and stream {self._name} cannot be read: "
                    f"{error}; they are not sent again now"
                )
                return
        for start in range(0, len(seqs), _AT_ONCE):
            batch = [seq for seq in seqs[start : start + _AT_ONCE] if seq in waiting]
            for seq in list(batch):
                if why := self.message.refusal(connection.info, seq):
                    batch.remove(seq)
                    self._refuse(seq, why)
            self._written.extend(batch)
            connection.write(b"".join(map(self.message.compose, batch)))
            self._deliveries.ledger.resent += len(batch)
            await connection.drained()
        if seqs:
            self._deliveries.changed()

    def _found(self, seq: int, position: int) -> None:
        if seq in self._waiting:
            self._acknowledged(seq, position)

    # -- answers of the stream --------------------------------------------------------------------

    def _receive(self, subject: bytes, _: bytes, headers: bytes, payload: bytes) -> None:
        digits = subject[self._prefix :]
        if self._concluded or not digits.isdigit():
            return
        seq = int(digits)
        if not payload:
            if headers and headers.startswith(_NO_RESPONDERS):
                self._on_no_responder(seq)
            return
        ack = decoded(payload, PubAck)
        if ack is None:
            return
        if self._created and ack.domain != self._domain and (ack.domain or ack.error is None):
            self._report(f"stream {self._name} of another domain takes the messages, too: its answers are not counted")
        elif ack.error is not None and ack.error.temporary:
            self._postpone(seq, f"stream {self._name} rejects messages temporarily: {ack.error.description}")
        elif ack.error is not None:
            self._refuse(seq, f"stream {self._name} rejects messages: {ack.error.description}")
        elif ack.stream == self._name and ack.seq > 0:
            if ack.duplicate:
                self._deliveries.ledger.suppressed += 1
                self._deliveries.changed()
            if seq in self._waiting:
                self._acknowledged(seq, ack.seq)
            elif not ack.duplicate and not self._stored.has(seq, ack.seq):  # a new leader acknowledges once more
                self._stored.reach(ack.seq)
                self._deliveries.arrived(seq)  # stored twice: a duplicate

    def _acknowledged(self, seq: int, position: int) -> None:
        self._stored.note(seq, position)
        self._deliveries.arrived(seq)
        self._settle(seq)

    def _on_no_responder(self, seq: int) -> None:
        """No stream has the subject, or the stream has no leader at the moment."""
        subject = self.message.subject
        if self._stream is not None and not self._stream.takes(subject):
            self._refuse(seq, f"no stream has the subject {subject}: messages are rejected")
        else:
            self._postpone(seq, f"no answer for stream {self._name} on {subject}: messages wait for its leader")

    def _postpone(self, seq: int, why: str) -> None:
        if seq not in self._waiting:
            return
        self._postponed.add(seq)
        if not self._pause:
            self._pause = _PAUSE
            self._sent_again_at = time.monotonic()
        self._report(why)

    def _next_refused(self) -> None:
        """The server refused a message: the first written on this connection that has no other answer."""
        if self._written:
            self._refuse(self._written[0], "")

    def _refuse(self, seq: int, why: str) -> None:
        if seq not in self._waiting:
            return
        self._deliveries.refused(seq)
        if why:
            self._report(why)
        self._settle(seq)

    def _settle(self, seq: int) -> None:
        full = self.room <= 0
        del self._waiting[seq]
        while self._written and self._written[0] not in self._waiting:
            self._written.popleft()
        self._postponed.discard(seq)
        self._pause = 0.0
        self._changed.set()
        if full and self.room > 0:
            self.on_window_open()

    def _on_subscription_refused(self, text: str) -> None:
        """Acknowledgements cannot be received: nothing is published until they can."""
        self._stop()
        self._stream = None
        inboxes = f"{self.message.inbox.rpartition('.')[0]}.>"
        self._report(f"acknowledgements cannot be received, so messages wait: {text} (needs to subscribe to {inboxes})")

    def _report(self, text: str) -> None:
        """Emit an error of this connection, unless it goes on or has just ended."""
        now = time.monotonic()
        if now - self._reported.get(text, -math.inf) > ERROR_ENDED_AFTER:
            self._emit(ev.AsyncError(text=text))
        self._reported[text] = now
