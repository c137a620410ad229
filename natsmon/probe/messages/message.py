"""A numbered message on the wire: the user's subject, payload and headers, and the number in a header behind them."""

import secrets

from natsmon.config.settings import Settings
from natsmon.protocol.server_info import Info

_DIGITS = 18
"""Digits of a sequence number at most: any publisher may write one."""


class Message:
    """Composes the messages of a session, which differ in their number only."""

    def __init__(self, settings: Settings, session: str) -> None:
        theirs = "".join(f"{name}: {value.reveal()}\r\n" for name, value in settings.headers)
        mark = f"Natsmon-Session: {session}\r\nNatsmon-Seq: "
        self._head = f"NATS/1.0\r\n{theirs}{mark}".encode()
        self._mark = b"\r\n" + mark.encode()
        self.subject = settings.subject
        self._subject = settings.subject.encode()
        self._tail = b"\r\n\r\n" + settings.payload + b"\r\n"
        self._starts: dict[int, bytes] = {}
        self.size = len(settings.payload)
        """Bytes of payload."""

    def compose(self, seq: int) -> bytes:
        """HPUB with the number in its header."""
        digits = b"%d" % seq
        return self._start(len(digits)) + digits + self._tail

    def wire_size(self, seq: int) -> int:
        """Bytes on the wire, in which buffers are measured, as in nats.go."""
        digits = len(str(seq))
        return len(self._start(digits)) + digits + len(self._tail)

    def refusal(self, info: Info, seq: int) -> str:
        """Why a server would end the connection over a message like this one; empty where it would not."""
        if not info.headers:
            return "the server accepts no headers, and messages are numbered by one: they are rejected"
        total = self._headers(len(str(seq))) + self.size
        if total > info.max_payload:
            return (
                f"messages of {total} bytes with their header are over the server's maximum payload of "
                f"{info.max_payload} bytes: they are rejected"
            )
        return ""

    def number(self, headers: bytes) -> int | None:
        """The number in the headers of a message that was received; None for another publisher's."""
        digits = headers[len(self._head) : -4] if headers.startswith(self._head) else b""
        if not digits.isdigit():  # a mapping or a stream may add headers before and behind ours
            at = headers.find(self._mark)
            digits = headers[at + len(self._mark) :].partition(b"\r")[0].strip() if at >= 0 else b""
        return int(digits) if digits.isdigit() and len(digits) <= _DIGITS else None

    def _headers(self, digits: int) -> int:
        """Bytes of headers."""
        return len(self._head) + digits + 4

    def _start(self, digits: int) -> bytes:
        """All before the number; the same for as many digits."""
        start = self._starts.get(digits)
        if start is None:
            headers = self._headers(digits)
            start = b"HPUB %b %d %d\r\n%b" % (self._subject, headers, headers + self.size, self._head)
            self._starts[digits] = start
        return start


class AckedMessage(Message):
    """A message for a stream, acknowledged on ``inbox`` with the number behind it.

    The stream recognises duplicates by ``Nats-Msg-Id``; other streams reject it by ``Nats-Expected-Stream``.
    """

    def __init__(self, settings: Settings, session: str) -> None:
        super().__init__(settings, session)
        self.inbox = f"{settings.inbox_prefix}.{secrets.token_hex(11)}"
        theirs = self._head.removesuffix(self._mark.removeprefix(b"\r\n"))
        self._before = theirs + f"Nats-Expected-Stream: {settings.jetstream}\r\nNats-Msg-Id: {session}-".encode()
        self._verbs: dict[int, tuple[bytes, bytes]] = {}

    def publish_on(self, subject: str) -> None:
        """Set the subject, where the settings give none and the stream has only one."""
        self.subject, self._subject = subject, subject.encode()
        self._verbs.clear()

    def compose(self, seq: int) -> bytes:
        """HPUB with the number in the reply and in two headers."""
        digits = b"%d" % seq
        verb, sizes = self._around(len(digits))
        return b"".join((verb, digits, sizes, digits, self._mark, digits, self._tail))

    def wire_size(self, seq: int) -> int:
        digits = len(str(seq))
        return sum(map(len, self._around(digits))) + len(self._mark) + len(self._tail) + 3 * digits

    def _headers(self, digits: int) -> int:
        return len(self._before) + len(self._mark) + 2 * digits + 4

    def _around(self, digits: int) -> tuple[bytes, bytes]:
        """All before the first number, and all between it and the second."""
        found = self._verbs.get(digits)
        if found is None:
            headers = self._headers(digits)
            verb = b"HPUB %b %b." % (self._subject, self.inbox.encode())
            found = verb, b" %d %d\r\n%b" % (headers, headers + self.size, self._before)
            self._verbs[digits] = found
        return found
