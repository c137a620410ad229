"""A numbered message as it stands on the wire.

Subject and payload stay as the user gave them, the user's headers come first, and the number travels in one of
ours behind them.
"""

from natsmon.dial.greeting import Info
from natsmon.settings import Settings

_DIGITS = 18
"""Of a sequence number at most: anybody may write one into a header."""


class Message:
    """What all messages of a session have in common; only the number differs."""

    def __init__(self, settings: Settings, session: str) -> None:
        theirs = "".join(f"{name}: {value}\r\n" for name, value in settings.headers)
        mark = f"Natsmon-Session: {session}\r\nNatsmon-Seq: "
        self._head = f"NATS/1.0\r\n{theirs}{mark}".encode()
        self._mark = b"\r\n" + mark.encode()
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
        """Bytes that it takes on the wire, which is what a buffer is measured in, as in nats.go."""
        digits = len(str(seq))
        return len(self._start(digits)) + digits + len(self._tail)

    def refusal(self, info: Info, seq: int) -> str:
        """Why a server would end the connection over a message like this one; empty where it would not."""
        if not info.headers:
            return "the server takes no headers, and messages are numbered by one: they are rejected"
        total = len(self._head) + len(str(seq)) + len(self._tail) - 2
        if total > info.max_payload:
            return (
                f"messages of {total} bytes with their header are over the server's maximum payload of "
                f"{info.max_payload} bytes: they are rejected"
            )
        return ""

    def number(self, headers: bytes) -> int | None:
        """The number in the headers of a message that was received; None where it is somebody else's."""
        digits = headers[len(self._head) : -4] if headers.startswith(self._head) else b""
        if not digits.isdigit():  # on its way a message may be given more headers, before ours and behind them
            at = headers.find(self._mark)
            digits = headers[at + len(self._mark) :].partition(b"\r")[0].strip() if at >= 0 else b""
        return int(digits) if digits.isdigit() and len(digits) <= _DIGITS else None

    def _start(self, digits: int) -> bytes:
        """All before the number; the same for numbers of as many digits."""
        start = self._starts.get(digits)
        if start is None:
            headers = len(self._head) + digits + 4
            start = b"HPUB %b %d %d\r\n%b" % (self._subject, headers, headers + self.size, self._head)
            self._starts[digits] = start
        return start
