"""Commands of a view: what a key means now, or why it has no effect; and what was sent, until it is answered."""

from collections.abc import Callable
from math import inf

from msgspec.structs import replace

from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.events import tag_of
from natsmon.stream.exit_codes import Exit
from natsmon.tui.model.moment import Moment

Decision = commands.AnyCommand | str
_COMMANDS: dict[str, type[commands.Plain]] = {
    tag_of(kind.__name__): kind
    for kind in (commands.Cancel, commands.Reconnect, commands.NextServer, commands.Pause, commands.Drain)
}
ACTIONS = frozenset(_COMMANDS)
"""Actions of keys that send a command."""
OVERDUE_AFTER = 1.0
"""Seconds; a probe answers within a tenth of one."""
_KEPT = 100


def doing(command: commands.AnyCommand) -> str:
    return "switch context" if isinstance(command, commands.Open) else tag_of(type(command).__name__).replace("_", " ")


def decide(action: str, moment: Moment, *, pausing: bool | None = None) -> Decision:
    """The command of one of ``ACTIONS``, or why it does not apply.

    ``pausing`` is whether publishing is paused once the commands sent are answered; None when none is about it.
    """
    if reason := _unable(moment):
        return reason
    state = moment.state
    paused = state.paused if pausing is None else pausing
    kind = commands.Resume if action == "pause" and paused else _COMMANDS[action]
    situation = commands.Situation(
        status=state.status,
        waiting=state.waiting is not None,
        paused=paused,
        observing=state.observing,
    )
    return commands.refusal(kind, situation) or kind(conn=state.conn)


def _unable(moment: Moment) -> str:
    """Why no command can be given at all; empty when one can."""
    if moment.unable:
        return moment.unable
    if moment.stream == "stopped":
        return "monitor stopped" + (f"; {moment.restart} starts it again" if moment.restart else "")
    if moment.stream == "ended":
        return "the stream has ended"
    return "leaving" if moment.stream == "leaving" else ""


def exit_code(moment: Moment, *, interrupted: bool, killed: bool) -> int:
    """The exit status of a run that ends now."""
    state = moment.state
    if moment.stream == "stopped" and not killed:
        return Exit.MONITOR_STOPPED
    if interrupted and not state.ever_connected:
        return Exit.INTERRUPTED
    if state.closed is not None and state.closed.cause == "gave_up":
        return Exit.GAVE_UP
    return state.end.exit_code if state.end is not None else Exit.ENDED


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
