"""Source: where a view's events come from and where its commands go: a probe child, a pipe, ssh, a recording."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from natsmon.stream import events as ev
from natsmon.stream.commands import AnyCommand


class Source(Protocol):
    """A stream of events that takes commands. The defaults are those of an empty stream that takes none."""

    can_restart: bool = False
    """Whether ``events`` may be called again after it has ended, for a new session."""
    exit_reason: str = ""
    """How the process or pipe behind the source ended, when it did not end normally."""
    tap: Callable[[bytes], None] | None = None
    """Called with every line as it came, before its event is returned; for a recording."""
    on_stray: Callable[[str], None] | None = None
    """Called with every line that the process behind the source writes to standard error."""

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        """The events, in order, until the stream ends."""
        return
        yield

    def send(self, command: AnyCommand) -> None:
        """Pass a command on. Never blocks; dropped when the stream has ended, or takes none."""
        return

    def kill(self) -> None:
        """End the process behind the source at once."""
        return
