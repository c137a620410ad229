"""Sink: where a probe's events go, such as standard output or a recording."""

from typing import Protocol

from natsmon.stream import events as ev


class Sink(Protocol):
    """Takes every event of a probe, in order."""

    @property
    def failure(self) -> str:
        """Why it takes no more events; empty while it works, and when its reader just went away."""
        return ""

    @property
    def ended(self) -> bool:
        """Whether the run should end because this sink takes no more."""
        return False

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Take an event and its encoded line. Never blocks."""
        ...

    def close(self, timeout: float) -> bool:
        """Write what is left, for at most ``timeout`` seconds; False when a part remains unwritten."""
        return True
