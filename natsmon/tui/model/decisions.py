"""What a key means right now: a command for the probe, or in words why it does nothing."""

from collections.abc import Callable

from natsmon.stream import commands
from natsmon.tui.model.moment import Moment

Decision = commands.AnyCommand | str


def _unable(moment: Moment) -> str:
    """Why no command can be given at all; empty when one can."""
    if moment.unable:
        return moment.unable
    if moment.stream == "died":
        return "the probe died" + ("; r starts a new one" if moment.can_restart else "")
    if moment.stream == "ended":
        return "the stream is over; q leaves"
    if moment.stream == "leaving":
        return "already leaving; q again leaves at once"
    return ""


def cancel(moment: Moment) -> Decision:
    if unable := _unable(moment):
        return unable
    match moment.state.status:
        case "CONNECTED":
            return "connected: there is no dial to cancel"
        case "DRAINING":
            return "draining: there is no dial to cancel"
        case "CLOSED":
            return "closed: there is no dial to cancel; r connects again"
    return commands.Cancel()


def reconnect(moment: Moment) -> Decision:
    if unable := _unable(moment):
        return unable
    if moment.state.status == "DRAINING":
        return "draining: r connects again once it is closed"
    if moment.state.dial is not None and moment.state.status not in ("CONNECTED", "CLOSED"):
        return "a dial is under way already; n goes on to the next server"
    return commands.Reconnect()


def next_server(moment: Moment) -> Decision:
    if unable := _unable(moment):
        return unable
    match moment.state.status:
        case "CONNECTED":
            return "connected: no server is being dialed; r drops the connection and dials again"
        case "DRAINING" | "CLOSED":
            return f"{moment.state.status.lower()}: no server is being dialed"
    return commands.NextServer()


def pause(moment: Moment, *, asked: bool | None = None) -> Decision:
    """``asked`` is what was asked for a moment ago, as long as it is not answered."""
    if unable := _unable(moment):
        return unable
    if (connection := moment.state.connection) is not None and connection.observing:
        return "observing: nothing is published"
    paused = moment.state.paused if asked is None else asked
    return commands.Resume() if paused else commands.Pause()


def drain(moment: Moment) -> Decision:
    if unable := _unable(moment):
        return unable
    match moment.state.status:
        case "CONNECTED":
            return commands.Drain()
        case "DRAINING":
            return "draining already"
    return f"{moment.state.status.lower()}: there is no connection to drain"


_WORDS: dict[type, str] = {
    commands.Cancel: "cancelling the dial",
    commands.Reconnect: "dialing again",
    commands.NextServer: "on to the next server",
    commands.Pause: "publishing is being paused",
    commands.Resume: "publishing goes on",
    commands.Drain: "draining",
}


def in_words(command: commands.AnyCommand) -> str:
    """What was just asked for, where nothing else would show it."""
    return _WORDS.get(type(command), "")


BY_ACTION: dict[str, Callable[[Moment], Decision]] = {
    "cancel": cancel,
    "reconnect": reconnect,
    "next_server": next_server,
    "pause": pause,
    "drain": drain,
}
"""What is decided when one of these keys is pressed."""


def exit_code(moment: Moment, *, interrupted: bool, killed: bool) -> int:
    """How a run ended, for whoever called natsmon."""
    state = moment.state
    if moment.stream == "died" and not killed:
        return 3
    if interrupted and not state.ever_connected:
        return 130
    if state.closed is not None and state.closed.cause == "gave_up":
        return 1
    return state.end.exit_code if state.end is not None else 0
