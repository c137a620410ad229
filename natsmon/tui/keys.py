"""Every key in one table: the bindings, the key bar, the help screen and the command palette are made from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    keys: str
    """As Textual names them, separated by commas."""
    action: str
    shown: str
    """The key as a reader knows it."""
    label: str
    """One or two words for the key bar; empty when the key does not stand there."""
    title: str
    when: tuple[tuple[str, str], ...]
    """(when, what it does then)"""
    id: str
    priority: bool = False

    @property
    def tooltip(self) -> str:
        return "; ".join(f"{when}: {does}" for when, does in self.when)


KEYS: tuple[Key, ...] = (
    Key(
        "c", "cancel", "c", "cancel", "Cancel the dial",
        (
            ("dialing or waiting", "cancels it at once; the connection is then CLOSED"),
            ("connected", "nothing, and says so"),
        ),
        "natsmon.cancel",
    ),
    Key(
        "r", "reconnect", "r", "reconnect", "Reconnect",
        (
            ("connected", "drops the connection and dials again at once"),
            ("waiting", "dials now"),
            ("closed", "starts a new connection"),
            ("the probe is dead", "starts a new one"),
        ),
        "natsmon.reconnect",
    ),
    Key(
        "n", "next_server", "n", "next", "Next server",
        (("dialing or waiting", "leaves this server and dials the next one of the pool"),),
        "natsmon.next_server",
    ),
    Key(
        "p,space", "pause", "p", "pause", "Pause or resume publishing",
        (("always", "pauses or resumes publishing; the connection stays"),),
        "natsmon.pause",
    ),
    Key(
        "d", "drain", "d", "drain", "Drain",
        (("connected", "unsubscribes, hands over what is in flight, closes; natsmon stays"),),
        "natsmon.drain",
    ),
    Key(
        "k", "sandbox", "k", "kill", "Kill or start the server",
        (("in the demo", "kills the server, or starts it again when it is down"),),
        "natsmon.sandbox",
    ),
    Key(
        "slash", "filter", "/", "filter", "Filter the events",
        (("always", "shows only the events that contain a text; enter keeps it, esc drops it"),),
        "natsmon.filter",
    ),
    Key(
        "f", "follow", "f", "", "Follow the events",
        (("always", "holds the event log still, or follows the newest event again"),),
        "natsmon.follow",
    ),
    Key(
        "m", "messages", "m", "", "Single messages in the events",
        (("always", "shows or hides the lines of single messages, published and echoed"),),
        "natsmon.messages",
    ),
    Key("up", "scroll_log(-1)", "↑ ↓", "", "", (("always", "scroll the event log by a line"),), "natsmon.log_up"),
    Key("down", "scroll_log(1)", "", "", "", (), "natsmon.log_down"),
    Key("pageup", "page_log(-1)", "pgup pgdn", "", "", (("always", "scroll it by a page"),), "natsmon.log_page_up"),
    Key("pagedown", "page_log(1)", "", "", "", (), "natsmon.log_page_down"),
    Key("home", "log_start", "home", "", "", (("always", "the oldest event"),), "natsmon.log_start"),
    Key("end", "log_end", "end", "", "", (("always", "the newest event, and follow"),), "natsmon.log_end"),
    Key(
        "question_mark", "help", "?", "help", "Help",
        (("always", "this page"),),
        "natsmon.help",
    ),
    Key(
        "ctrl+p", "command_palette", "ctrl+p", "", "", (("always", "every command by name; the theme, too"),),
        "natsmon.palette",
    ),
    Key(
        "q", "leave", "q", "quit", "Quit",
        (("always", "drains if connected, closes, leaves"), ("a second time", "leaves at once")),
        "natsmon.quit",
    ),
    Key(
        "ctrl+c,ctrl+q", "interrupt", "ctrl+c", "", "",
        (("always", "as q; before the first connection the exit code is 130"),),
        "natsmon.interrupt", priority=True,
    ),
)  # fmt: skip


def keys(*, sandbox: bool) -> tuple[Key, ...]:
    """The keys of this run; the demo alone has one to hurt the server with."""
    return KEYS if sandbox else tuple(key for key in KEYS if key.action != "sandbox")
