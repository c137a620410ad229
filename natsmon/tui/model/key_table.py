"""Every key in one table: the bindings, the key bar, the help screen and the command palette are made from it."""

import msgspec
from msgspec.structs import replace
from textual.binding import Binding, BindingType


class Key(msgspec.Struct, frozen=True):
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
        return "; ".join(does if when == "always" else f"{when}: {does}" for when, does in self.when)


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
        "natsmon.lab",
    ),
    Key(
        "enter", "screen.open_dial", "enter", "dial", "Open a dial",
        (("always", "tells all of the dial under the cursor, or of the newest; a click does, too"),),
        "natsmon.open",
    ),
    Key(
        "o", "screen.outages", "o", "outages", "Outages",
        (("always", "every outage, and what they come to; enter there opens one with its timeline"),),
        "natsmon.outages",
    ),
    Key(
        "u", "screen.upgrade", "u", "upgrade", "Rolling upgrade",
        (("always", "from server to server in time: lame duck notices, moves, time on each"),),
        "natsmon.upgrade",
    ),
    Key(
        "s", "screen.servers", "s", "servers", "Servers",
        (("always", "who we are to the server, and every server that may be dialed"),),
        "natsmon.servers",
    ),
    Key(
        "l", "screen.latency", "l", "latency", "Latency",
        (("always", "percentiles and their course, the PINGs, and how available the connection was"),),
        "natsmon.latency",
    ),
    Key(
        "tab", "app.focus_next", "tab", "", "",
        (("always", "moves the keys below to the dials, and back to the events"),),
        "natsmon.switch",
    ),
    Key("shift+tab", "app.focus_previous", "", "", "", (), "natsmon.switch_back"),
    Key(
        "slash", "screen.filter", "/", "filter", "Filter the events or the dials",
        (
            ("events", "shows only those that contain a text; enter keeps it, esc drops it"),
            ("dials", "the same, by server, why, outcome, cause, error or number"),
            ("on the page of the outages", "the same, by cause, reason or server"),
        ),
        "natsmon.filter",
    ),
    Key("escape", "screen.drop_filter", "", "", "", (), "natsmon.drop_filter"),
    Key(
        "f", "screen.follow", "f", "", "Follow the events",
        (("always", "holds the event log still, or follows the newest event again"),),
        "natsmon.follow",
    ),
    Key(
        "m", "messages", "m", "", "Single messages in the events",
        (("always", "shows or hides the lines of single messages, published and echoed"),),
        "natsmon.messages",
    ),
    Key("up", "screen.move(-1)", "↑ ↓", "", "", (("always", "a line up or down"),), "natsmon.up"),
    Key("down", "screen.move(1)", "", "", "", (), "natsmon.down"),
    Key("pageup", "screen.page(-1)", "pgup pgdn", "", "", (("always", "a page up or down"),), "natsmon.page_up"),
    Key("pagedown", "screen.page(1)", "", "", "", (), "natsmon.page_down"),
    Key("home", "screen.to_start", "home", "", "", (("always", "the first line"),), "natsmon.start"),
    Key(
        "end", "screen.to_end", "end", "", "",
        (("always", "the last line; in the events it is the newest, and they follow again"),),
        "natsmon.end",
    ),
    Key(
        "R", "record", "R", "", "Record",
        (
            ("always", "starts a recording of what is seen, with all that is known so far, or ends it"),
        ),
        "natsmon.record",
    ),
    Key(
        "S", "save_screen", "S", "", "Screenshot",
        (("always", "saves what is on the screen as SVG and as text, in the current folder"),),
        "natsmon.save_screen",
    ),
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


_BACK = Key(
    "escape,enter",
    "screen.dismiss",
    "esc",
    "back",
    "",
    (("always", "back to where it was opened; enter, too"),),
    "natsmon.back",
)
_SCROLL = (
    Key("up", "screen.move(-1)", "↑ ↓", "scroll", "", (("always", "a line up or down"),), "natsmon.up"),
    *(key for key in KEYS if key.action in ("screen.move(1)", "screen.page(-1)", "screen.page(1)")),
    Key("home", "screen.to_start", "home", "", "", (("always", "the top"),), "natsmon.start"),
    Key("end", "screen.to_end", "end", "", "", (("always", "the bottom"),), "natsmon.end"),
)
_EVERYWHERE = (
    *("cancel", "reconnect", "next_server", "pause", "drain", "sandbox"),
    *("record", "save_screen", "help", "command_palette", "leave"),
)
_STILL_THERE = tuple(
    replace(key, action=f"app.{key.action}", label=key.label if key.action in ("cancel", "help") else "")
    for key in KEYS
    if key.action in _EVERYWHERE
)

PAGE_KEYS: tuple[Key, ...] = (
    _BACK,
    *_SCROLL,
    *(replace(key, label="") if key.id == "natsmon.cancel" else key for key in _STILL_THERE),
)
"""On the pages of the servers, of the latency and of an upgrade."""
RECORD_KEYS: tuple[Key, ...] = (
    _BACK,
    Key(
        "left,left_square_bracket", "screen.step(1)", "←", "older", "",
        (("always", "the dial, or the outage, before this one, as the table lists them"),),
        "natsmon.older",
    ),
    Key(
        "right,right_square_bracket", "screen.step(-1)", "→", "newer", "",
        (("always", "the one after it"),),
        "natsmon.newer",
    ),
    *_SCROLL,
    *_STILL_THERE,
)  # fmt: skip
"""On the page of one dial, or of one outage."""
OUTAGES_KEYS: tuple[Key, ...] = (
    replace(_BACK, keys="escape", action="screen.back", when=(("always", "drops the filter, or goes back"),)),
    Key(
        "enter", "screen.open", "enter", "open", "", (("always", "opens the outage under the cursor"),), "natsmon.open"
    ),
    *(key for key in KEYS if key.action == "screen.filter"),
    *_SCROLL,
    *_STILL_THERE,
)
"""On the page of all outages."""


def bindings(table: tuple[Key, ...]) -> list[BindingType]:
    return [
        Binding(key.keys, key.action, key.title, tooltip=key.tooltip, id=key.id, show=False, priority=key.priority)
        for key in table
    ]


def keys(table: tuple[Key, ...], *, sandbox: bool) -> tuple[Key, ...]:
    """The keys of this run; the demo alone has one to hurt the server with."""
    return table if sandbox else tuple(key for key in table if key.id != "natsmon.lab")
