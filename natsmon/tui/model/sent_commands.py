"""Commands that a view has sent, until the probe has answered them."""

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from natsmon.stream import commands
from natsmon.stream import events as ev

OVERDUE_AFTER = 1.0
"""Seconds; a probe answers within a tenth of one."""
_KEPT = 100


class Sent(NamedTuple):
    """A command, and when it was sent."""

    command: commands.AnyCommand
    at: float


class SentCommands:
    """Gives each command an id, and finds the command of an answer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._count = 0
        self._unanswered: dict[str, Sent] = {}
        self._reported: set[str] = set()

    def issue(self, command: commands.AnyCommand) -> commands.AnyCommand:
        """The command with an id of its own."""
        self._count += 1
        issued = replace(command, id=f"view-{self._count}")
        self._unanswered[issued.id] = Sent(issued, self._clock())
        while len(self._unanswered) > _KEPT:
            self._unanswered.pop(next(iter(self._unanswered)))
        return issued

    def answered(self, answer: ev.Answer) -> commands.AnyCommand | None:
        """The command that this answers; None for one that was answered before, or that another view has sent."""
        sent = self._unanswered.pop(answer.id, None)
        return sent.command if sent is not None else None

    def overdue(self) -> commands.AnyCommand | None:
        """A command without an answer for too long; each is returned once."""
        for number, sent in self._unanswered.items():
            if number not in self._reported and self._clock() - sent.at > OVERDUE_AFTER:
                self._reported.add(number)
                return sent.command
        return None

    def clear(self) -> None:
        """Forget them: the stream they were for is over."""
        self._unanswered.clear()
        self._reported.clear()

    @property
    def pausing(self) -> bool | None:
        """Whether publishing is paused once everything is answered; None when that changes nothing."""
        pauses = [sent.command for sent in self._unanswered.values() if isinstance(sent.command, _PAUSES)]
        return isinstance(pauses[-1], commands.Pause) if pauses else None


_PAUSES = commands.Pause | commands.Resume
