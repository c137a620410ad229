"""A numbered message on the wire: the user's subject, payload and headers, and the number in a header behind them."""

import secrets

from natsmon.config.settings import Settings
from natsmon.protocol.server_info import Info

_REJECTED = "they are rejected until a reconnect finds another limit"
"""A server does not announce a limit that a reload has changed."""
_DIGITS = 18
"""Digits of a sequence number at most: any publisher may write one."""


def header_value(headers: bytes, name: bytes) -> bytes:
    """The value of a header, whose name includes what stands before and behind it; empty without one."""
    at = headers.find(name)
    return headers[at + len(name) :].partition(b"\r")[0].strip() if at >= 0 else b""


def header_number(headers: bytes, name: bytes) -> int | None:
    """The number that is the value of a header; None when it is none."""
    digits = header_value(headers, name)
    return int(digits) if digits.isdigit() and len(digits) <= _DIGITS else None


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
        self._parts: dict[int, tuple[bytes, ...]] = {}
        """By the digits of a number: what is before, between and behind the places where the number is."""
        self.size = len(settings.payload)
        """Bytes of payload."""

    def compose(self, seq: int) -> bytes:
        """HPUB with the number."""
        digits = b"%d" % seq
        return digits.join(self._around(len(digits)))

    def wire_size(self, seq: int) -> int:
        """Bytes on the wire, in which buffers are measured, as in nats.go."""
        digits = len(str(seq))
        parts = self._around(digits)
        return sum(map(len, parts)) + digits * (len(parts) - 1)

    def refusal(self, info: Info, seq: int) -> str:
        """Why a server would end the connection over a message like this one; empty where it would not."""
        if not info.headers:
            return f"the server accepts no headers, and messages are numbered by one: {_REJECTED}"
        total = self._headers(len(str(seq))) + self.size
        if total > info.max_payload:
            return (
                f"messages of {total} bytes with their header are over the server's maximum payload of "
                f"{info.max_payload} bytes: {_REJECTED}"
            )
        return ""

    def number(self, headers: bytes) -> int | None:
        """The number in the headers of a message that was received; None for another publisher's."""
        digits = headers[len(self._head) : -4] if headers.startswith(self._head) else b""
        if digits.isdigit() and len(digits) <= _DIGITS:
            return int(digits)
        return header_number(headers, self._mark)  # a mapping or a stream may add headers before and behind ours

    def _around(self, digits: int) -> tuple[bytes, ...]:
        parts = self._parts.get(digits)
        if parts is None:
            headers = self._headers(digits)
            parts = self._parts[digits] = self._compose_around(headers, headers + self.size)
        return parts

    def _headers(self, digits: int) -> int:
        """Bytes of headers."""
        return len(self._head) + digits + 4

    def _compose_around(self, headers: int, total: int) -> tuple[bytes, ...]:
        """All before the number, and all behind it; with the bytes of headers, and of headers and payload."""
        return b"HPUB %b %d %d\r\n%b" % (self._subject, headers, total, self._head), self._tail


class AckedMessage(Message):
    """A message for a stream, acknowledged on ``inbox`` with the number behind it.

    The stream recognises duplicates by ``Nats-Msg-Id``; other streams reject it by ``Nats-Expected-Stream``.
    """

    def __init__(self, settings: Settings, session: str) -> None:
        super().__init__(settings, session)
        self.inbox = f"{settings.inbox_prefix}.{secrets.token_hex(11)}"
        theirs = self._head.removesuffix(self._mark.removeprefix(b"\r\n"))
        self._before = theirs + f"Nats-Expected-Stream: {settings.jetstream}\r\nNats-Msg-Id: {session}-".encode()

    def publish_on(self, subject: str) -> None:
        """Set the subject, where the settings give none and the stream has only one."""
        self.subject, self._subject = subject, subject.encode()
        self._parts.clear()

    def _headers(self, digits: int) -> int:
        return len(self._before) + len(self._mark) + 2 * digits + 4

    def _compose_around(self, headers: int, total: int) -> tuple[bytes, ...]:
        """The number is in the reply and in two headers."""
        verb = b"HPUB %b %b." % (self._subject, self.inbox.encode())
        return verb, b" %d %d\r\n%b" % (headers, total, self._before), self._mark, self._tail
