"""Commands that a view has sent, until the probe has answered them."""

from collections.abc import Callable
from math import inf

from msgspec.structs import replace

from natsmon.stream import commands
from natsmon.stream import events as ev

OVERDUE_AFTER = 1.0
"""Seconds; a probe answers within a tenth of one."""
_KEPT = 100


class SentCommands:
    """Gives each command an id, and finds the command of an answer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._count = 0
        self._unanswered: dict[str, tuple[commands.AnyCommand, float]] = {}
        """By id, each with the time from which on it is overdue."""

    def issue(self, command: commands.AnyCommand) -> commands.AnyCommand:
        """The command with an id of its own."""
        self._count += 1
        issued = replace(command, id=f"view-{self._count}")
        self._unanswered[issued.id] = issued, self._clock() + OVERDUE_AFTER
        while len(self._unanswered) > _KEPT:
            self._unanswered.pop(next(iter(self._unanswered)))
        return issued

    def answered(self, answer: ev.Answer) -> commands.AnyCommand | None:
        """The command that this answers; None for one that was answered before, or that another view has sent."""
        return self._unanswered.pop(answer.id, (None, inf))[0]

    def overdue(self) -> commands.AnyCommand | None:
        """A command without an answer for too long; each is returned once."""
        now = self._clock()
        for command, overdue_from in self._unanswered.values():
            if now > overdue_from:
                self._unanswered[command.id] = command, inf
                return command
        return None

    def clear(self) -> None:
        """Forget them: the stream they were for is over."""
        self._unanswered.clear()

    @property
    def pausing(self) -> bool | None:
        """Whether publishing is paused once everything is answered; None when that changes nothing."""
        sent = [command for command, _ in self._unanswered.values()]
        pauses = [command for command in sent if isinstance(command, commands.Pause | commands.Resume)]
        return isinstance(pauses[-1], commands.Pause) if pauses else None
