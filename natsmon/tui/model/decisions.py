"""What a key means now: a command for the probe, or the reason why it has no effect."""

from natsmon.stream import commands
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


def doing(command: commands.AnyCommand) -> str:
    return "switch context" if isinstance(command, commands.Open) else tag_of(type(command).__name__).replace("_", " ")


def decide(action: str, moment: Moment, *, pausing: bool | None = None) -> Decision:
    """The command of an action, or why it does not apply.

    Args:
        action: One of ``ACTIONS``.
        moment: The present.
        pausing: Whether publishing is paused once the commands sent are answered; None when none of them is about it.
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
