"""Verification by a stream: each message is acknowledged once it is stored, and sent again until it is.

The guarantee is stronger than that of core NATS: no acknowledged message is lost, and none is stored twice. Messages
in flight when a connection ends are sent again on the next one, before anything new and under the same message id,
by which the stream recognises what it has. The same applies to messages without an acknowledgement for a while, and
to those that the stream cannot take for now.

A stream recognises a message within its duplicate window only. A message sent longer ago than half of that is looked
for in the stream before it is sent again. Where the stream cannot be read, it is not sent again. (No client can prevent
that a frozen server stores an old copy later.)
"""

import asyncio
import time
from collections import deque
from contextlib import suppress

from natsmon.config.settings import Settings
from natsmon.probe.jetstream.api import ApiError, Config, NoStream, StreamInfo, look_up, read_ack
from natsmon.probe.jetstream.audit import Stored, find, read_back
from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.message import AckedMessage
from natsmon.probe.messages.verifier import Audit, Verifier, nothing
from natsmon.protocol.request_reply import Forbidden
from natsmon.protocol.server_connection import ServerConnection, Unanswered
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.text.plain_text import clip

WINDOW = 4_096
"""Messages without an acknowledgement at most, as in nats.go's asynchronous publish; more wait in the buffer."""
_WINDOW_BYTES = 16 * 1024 * 1024
"""On the wire: all of them may have to be sent again."""

ACK_WITHIN = 5.0
"""Seconds until a message is sent again on the same connection, as in nats.go. A stream elects a leader in less, and
no acknowledgement of the old one comes any more."""
LOOK_EVERY = 0.25
_PAUSE, _LONGEST_PAUSE = 0.25, 2.0
"""Seconds before a message that was not taken, or a request, is tried again; doubled each time."""
_AT_ONCE = 256
_SUBJECTS_SHOWN = 200
_NO_RESPONDERS = b"NATS/1.0 503"


class AckVerifier(Verifier):
    """A stream's acknowledgements, received on an inbox that is the same for the whole session.

    Messages are buffered on each connection until the stream's properties are known.
    """

    verification: ev.Verification = "ack"

    def __init__(self, settings: Settings, session: str, deliveries: Deliveries, emit: Emit) -> None:
        self.message = self._message = AckedMessage(settings, session)
        self.on_window_open = nothing
        self._name = settings.jetstream
        self._patience = settings.drain_timeout
        self._deliveries = deliveries
        deliveries.ledger.unordered = True
        self._emit = emit
        self._prefix = len(self._message.inbox) + 1
        self._window = max(1, min(WINDOW, _WINDOW_BYTES // self._message.wire_size(1)))
        self._stored = Stored()
        self._waiting: dict[int, tuple[float, int]] = {}
        """By number, in order: when it was first sent, and the last place acknowledged until then."""
        self._written: deque[int] = deque()
        """Numbers in the order of writing on this connection, copies included; the first is in ``_waiting``."""
        self._put_off: set[int] = set()
        """Not taken for now."""
        self._pause = 0.0
        """Seconds, while messages are not taken for now."""
        self._last_try = 0.0
        """When messages were last sent again."""
        self._stream: StreamInfo | None = None
        """None until it is known on this connection."""
        self._created = ""
        """Of the stream that the places in ``_waiting`` and ``_stored`` are of."""
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        """Something was acknowledged or refused."""
        self._reported: set[str] = set()
        """Errors emitted on this connection."""
        self._concluded = False
        """The stream has been read; acknowledgements on this connection are not counted any more."""

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
        if self._message.subject:
            connection.on_publish_refused(self._message.subject, self._next_refused)
        connection.subscribe(f"{self._message.inbox}.*", self._hear, refused=self._deaf)
        self._task = asyncio.get_running_loop().create_task(self._attend(connection))

    def connection_down(self) -> None:
        """Messages in flight are stranded until they are acknowledged on a later connection."""
        self._stop()
        self._stream = None

    async def conclude(self, connection: ServerConnection) -> Audit | None:
        """What is on its way may be acknowledged yet; then the stream is read."""
        if self._stream is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    if not await self._decided(connection):
                        await self._send_again(connection, self._stream, [*self._waiting])
                        await self._decided(connection)  # if not, it stays in flight
        self._stop()
        try:
            return await read_back(connection, self._name, self._stored, self._message) if self._stored.many else None
        finally:
            self._concluded = True

    async def _decided(self, connection: ServerConnection) -> bool:
        """True as soon as nothing is on its way any more; False when that takes too long."""
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

    # -- as long as the connection is up ----------------------------------------------------------------

    async def _attend(self, connection: ServerConnection) -> None:
        """Make sure of the stream, send again what is stranded, let new messages go; then see to what stays behind."""
        stream = await self._make_sure(connection)
        self._put_off.clear()
        self._pause = 0.0
        await self._send_again(connection, stream, [*self._waiting])
        self._stream = stream
        self.on_window_open()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if due := self._due(time.monotonic()):
                stream = self._stream = await self._once_more(connection, stream)
                await self._send_again(connection, stream, due)

    async def _once_more(self, connection: ServerConnection, stream: StreamInfo) -> StreamInfo:
        """The stream as it is now: it may have been edited, deleted or recreated. Without an answer, as it was."""
        try:
            stream = await look_up(connection, self._name, self._message.subject)
        except NoStream:
            return await self._make_sure(connection)
        except Unanswered:
            return stream
        self._notice_another(stream)
        return stream

    def _notice_another(self, stream: StreamInfo) -> None:
        """Places in a stream mean nothing in the one that was made in its stead."""
        if stream.created != self._created:
            self._created = stream.created
            self._stored.begin_anew()
            for seq, (first, _) in [*self._waiting.items()]:
                self._waiting[seq] = first, 0

    async def _make_sure(self, connection: ServerConnection) -> StreamInfo:
        """What the stream is like, as soon as there is one; where that may not be asked, what it is like mostly."""
        pause = _PAUSE
        while True:
            try:
                stream = await look_up(connection, self._name, self._message.subject)
            except NoStream as error:
                self._report(str(error))
            except Forbidden as error:
                self._report(f"stream {self._name} is not known: {error}; its usual limits are assumed")
                return StreamInfo(config=Config(subjects=[">"]))
            except Unanswered as error:
                self._report(f"stream {self._name} is not available for now ({error}); messages wait for it")
            else:
                self._notice_another(stream)
                if not self._message.subject and not self._take_subject(stream, connection):
                    await asyncio.sleep(pause)
                    continue
                if not stream.takes(self._message.subject):
                    subjects = ", ".join(stream.config.subjects) or "none"
                    self._report(
                        f"stream {self._name} does not have the subject {self._message.subject}, but {subjects}: "
                        f"give one of them with --subject, unless the account maps it to one"
                    )
                return stream
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _take_subject(self, stream: StreamInfo, connection: ServerConnection) -> bool:
        """Publish on the stream's only subject, where it has no wildcard."""
        subjects = stream.config.subjects
        if len(subjects) == 1 and not {"*", ">"} & set(subjects[0].split(".")):
            self._message.publish_on(subjects[0])
            connection.on_publish_refused(subjects[0], self._next_refused)
            return True
        listed = clip(", ".join(subjects), _SUBJECTS_SHOWN) or "none"
        self._report(f"stream {self._name} has the subjects {listed}: choose one with --subject; messages wait for it")
        return False

    def _due(self, now: float) -> list[int]:
        """What to send again: what has no acknowledgement for long, and what was not taken a moment ago."""
        if self._put_off and now - self._last_try >= self._pause:
            due = sorted(self._put_off)
            self._put_off.clear()
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            return due
        if now - self._last_try < ACK_WITHIN:
            return []
        return [seq for seq, (first, _) in self._waiting.items() if now - first >= ACK_WITHIN]

    async def _send_again(self, connection: ServerConnection, stream: StreamInfo, seqs: list[int]) -> None:
        now = time.monotonic()
        self._last_try = now
        waiting = self._waiting
        if any(seq in waiting and now - waiting[seq][0] >= stream.window / 2 for seq in seqs):
            try:
                start = min(last for _, last in waiting.values()) + 1
                await find(connection, self._name, self._message, start, stream.created, self._found)
            except (NoStream, Unanswered) as error:
                self._report(
                    f"{len(waiting)} messages may be stored already, and stream {self._name} cannot be read to see: "
                    f"{error}; they are not sent again now"
                )
                return
        for start in range(0, len(seqs), _AT_ONCE):
            batch = [seq for seq in seqs[start : start + _AT_ONCE] if seq in waiting]
            for seq in [seq for seq in batch if self._message.refusal(connection.info, seq)]:
                batch.remove(seq)
                self._refuse(seq, self._message.refusal(connection.info, seq))
            self._written.extend(batch)
            connection.write(b"".join(map(self._message.compose, batch)))
            self._deliveries.ledger.resent += len(batch)
            await connection.drained()
        if seqs:
            self._deliveries.on_counts_changed()

    def _found(self, seq: int, place: int) -> None:
        if seq in self._waiting:
            self._acknowledged(seq, place)

    # -- what the stream says ---------------------------------------------------------------------

    def _hear(self, subject: bytes, _: bytes, headers: bytes, payload: bytes) -> None:
        digits = subject[self._prefix :]
        if self._concluded or not digits.isdigit():
            return
        seq = int(digits)
        if not payload:
            if headers and headers.startswith(_NO_RESPONDERS):
                self._nobody(seq)
            return
        ack = read_ack(payload)
        if ack is None:
            return
        if ack.error is not None:
            self._turned_away(seq, ack.error)
        elif ack.stream == self._name and ack.seq > 0:
            if ack.duplicate:
                self._deliveries.ledger.suppressed += 1
                self._deliveries.on_counts_changed()
            if seq in self._waiting:
                self._acknowledged(seq, ack.seq)
            elif not ack.duplicate and not self._stored.has(seq, ack.seq):  # which a new leader says once more
                self._stored.reach(ack.seq)
                self._deliveries.arrived(seq)  # stored a second time; the ledger counts it as a duplicate

    def _acknowledged(self, seq: int, place: int) -> None:
        full = self.room <= 0
        del self._waiting[seq]
        while self._written and self._written[0] not in self._waiting:
            self._written.popleft()
        self._put_off.discard(seq)
        self._pause = 0.0
        self._stored.note(seq, place)
        self._deliveries.arrived(seq)
        self._changed.set()
        if full and self.room > 0:
            self.on_window_open()

    def _nobody(self, seq: int) -> None:
        """No stream listens on the subject, or the one that should has no leader for now."""
        subject = self._message.subject
        if self._stream is not None and not self._stream.takes(subject):
            self._refuse(seq, f"no stream listens on {subject}: messages are rejected")
        else:
            self._put_off_for(seq, f"no answer for stream {self._name} on {subject}: messages wait for its leader")

    def _turned_away(self, seq: int, error: ApiError) -> None:
        if error.for_now:
            self._put_off_for(seq, f"stream {self._name} takes no messages for now: {error.description}")
        else:
            self._refuse(seq, f"stream {self._name} rejects messages: {error.description}")

    def _put_off_for(self, seq: int, why: str) -> None:
        if seq not in self._waiting:
            return
        self._put_off.add(seq)
        if not self._pause:
            self._pause = _PAUSE
            self._last_try = time.monotonic()
        self._report(why)

    def _next_refused(self) -> None:
        """The server refused a message: the first written on this connection that has no other answer."""
        while self._written:
            seq = self._written.popleft()
            if seq in self._waiting:
                self._refuse(seq, "")
                return

    def _refuse(self, seq: int, why: str) -> None:
        if self._waiting.pop(seq, None) is None:
            return
        self._put_off.discard(seq)
        self._pause = 0.0
        self._deliveries.refused(seq)
        if why:
            self._report(why)
        self._changed.set()
        if self.room > 0:
            self.on_window_open()

    def _deaf(self, text: str) -> None:
        """No acknowledgement can be heard on this connection, so that nothing may be published on it."""
        self._stop()
        self._stream = None
        inboxes = f"{self._message.inbox.rpartition('.')[0]}.>"
        self._report(f"acknowledgements cannot be heard, so messages wait: {text} (needs to subscribe to {inboxes})")

    def _report(self, text: str) -> None:
        """Emit an error, once on each connection."""
        if text not in self._reported:
            self._reported.add(text)
            self._emit(ev.AsyncError(text=text))
