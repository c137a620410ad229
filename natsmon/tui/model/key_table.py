"""Every key in one table: bindings, key bar, help and command palette are made from it.

An action of the app works on every page; one that begins with ``screen.`` works on those that have it.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace
from textual.binding import Binding, BindingType
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, format_key, key_to_character

Cases = tuple[tuple[str, str], ...]
"""When, and what the key does then; ``always`` for every case."""


class Key(msgspec.Struct, frozen=True):
    """One action and the keys for it."""

    id: str
    """What a keymap calls it."""
    keys: str
    """As Textual names them, separated by commas."""
    action: str
    title: str
    """Name in the command palette and in the help; empty for the second of two keys that belong together."""
    cases: Cases = ()
    label: str = ""
    """One or two words for the key bar; empty when the key does not stand there."""
    display: str = ""
    """The keys as the help shows them, where it is more than their list."""
    priority: bool = False

    @property
    def shown(self) -> str:
        """The first of its keys, as keyboards name it."""
        return self.display or key_name(self.keys.partition(",")[0])

    @property
    def all_shown(self) -> str:
        return self.display or " ".join(map(key_name, self.keys.split(",")))

    @property
    def tooltip(self) -> str:
        """What it does, in one line."""
        return "; ".join(does if when == "always" else f"{when}: {does}" for when, does in self.cases)


def key_name(key: str) -> str:
    """A key, as keyboards name it."""
    *modifiers, name = key.split("+")
    return "+".join([*modifiers, name if name == "enter" else format_key(name)])


def _always(does: str) -> Cases:
    return (("always", does),)


_COMMANDS = (
    Key(
        "cancel", "c", "cancel", "Cancel the dial",
        (("dialing or waiting", "cancels it at once; the connection is then CLOSED"),), "cancel",
    ),
    Key(
        "reconnect", "r", "reconnect", "Reconnect",
        (
            ("connected", "drops the connection and dials at once"),
            ("waiting", "dials now"),
            ("closed", "connects again"),
            ("monitor stopped", "starts it again"),
        ),
        "reconnect",
    ),
    Key(
        "next-server", "n", "next_server", "Next server",
        (("dialing or waiting", "leaves this server and dials the next one of the pool"),), "next",
    ),
    Key("pause", "p,space", "pause", "Pause or resume publishing", _always("the connection stays"), "pause"),
    Key(
        "drain", "d", "drain", "Drain",
        (("connected", "twice within 3 s: unsubscribes, delivers what is in flight, closes; natsmon stays"),), "drain",
    ),
    Key("contexts", "C", "contexts", "Contexts", _always("drains, and connects with another context of the nats CLI")),
    Key("faults", "x", "faults", "Cause a fault", (("in the demo", "opens the menu of faults"),), "fault"),
)  # fmt: skip
_PAGES = (
    Key("dashboard", "1", "page('dashboard')", "Dashboard", _always("closes every page over it")),
    Key("outages", "o,2", "page('outages')", "Outages", _always("every outage, and their totals"), "outages"),
    Key(
        "upgrade", "u,3", "page('upgrade')", "Rolling upgrade",
        _always("moves from server to server: lame duck notices, steps, time on each"), "upgrade",
    ),
    Key("latency", "l,4", "page('latency')", "Latency", _always("percentiles, PINGs, availability"), "latency"),
    Key("servers", "s,5", "page('servers')", "Servers", _always("identity, and every server of the pool"), "servers"),
)  # fmt: skip
_ROWS = (
    Key("open", "enter", "screen.open", "Open", _always("the marked row, or the newest when none is marked"), "open"),
    Key(
        "back", "escape", "screen.back", "Back",
        (("a row is marked", "removes the mark"), ("filtered", "removes the filter"), ("on a page", "goes back")),
    ),
    Key("up", "k,up", "screen.pane('move', -1)", "Up or down", _always("moves the mark, or the page"), "", "k j ↑ ↓"),
    Key("down", "j,down", "screen.pane('move', 1)", ""),
    Key("page-up", "ctrl+u,pageup", "screen.pane('page', -1)", "Page up or down", _always("by a screenful"), "",
        "ctrl+u ctrl+d"),
    Key("page-down", "ctrl+d,pagedown", "screen.pane('page', 1)", ""),
    Key("start", "g,home", "screen.pane('to_start')", "First or last row",
        (("events", "G follows the newest again and removes the mark"),), "", "g G home end"),
    Key("end", "G,end", "screen.pane('to_end')", ""),
    Key("focus-next", "tab", "app.focus_next", "Next panel", _always("which panel the keys move in"), "", "tab"),
    Key("focus-previous", "shift+tab", "app.focus_previous", ""),
    Key("filter", "slash", "screen.filter", "Filter", _always("shows the rows that contain a text, in any case"),
        "filter"),
    Key("hold", "f", "screen.hold", "Hold", _always("holds what is shown, or follows again")),
    Key("messages", "m", "messages", "Single messages", _always("shows or hides them in the events; remembered")),
    Key("enlarge", "z", "screen.enlarge", "Enlarge", _always("the focused panel fills the screen, or no longer")),
    Key("select", "v", "screen.pane('select')", "Select a row",
        _always("for y on several rows; esc removes the selection")),
    Key("copy", "y", "screen.copy", "Copy", _always("selected rows, the marked row, or the page, as text (OSC 52)")),
)  # fmt: skip
_RUN = (
    Key("record", "R", "record", "Record", _always("starts or ends a recording, with all that is known so far")),
    Key("save-screen", "S", "save_screen", "Save the screen", _always("as SVG and as text, in the current folder")),
    Key("help", "question_mark", "page('help')", "Help", _always("keys and words; / searches it"), "help"),
    Key("palette", "ctrl+p", "command_palette", "", _always("every action by name; the theme")),
    Key("quit", "q", "back_or_quit", "Quit",
        (("on a page", "goes back"), ("on the dashboard", "drains if connected, closes, quits; again: at once")),
        "quit"),
    Key("suspend", "ctrl+z", "suspend_process", "", _always("to the shell; fg returns")),
    Key("quit-anywhere", "Q,ctrl+c,ctrl+q", "interrupt", "", _always("quits from anywhere; again: at once"), "",
        "Q ctrl+c", priority=True),
)  # fmt: skip

KEYS: tuple[Key, ...] = (*_COMMANDS, *_PAGES, *_ROWS, *_RUN)
RECORD_KEYS: tuple[Key, ...] = (
    Key("older", "left", "screen.step(1)", "Older", _always("the record before this one in its table"), "older"),
    Key("newer", "right", "screen.step(-1)", "Newer", _always("the record after this one in its table"), "newer"),
)
"""On the page of one dial, or of one outage."""
_PLAYING: tuple[Key, ...] = (
    Key("play", "space", "play", "Play or pause", _always("at the end: from the start"), "play/pause"),
    Key("faster", "plus,equals_sign,greater_than_sign", "faster(1)", "Faster or slower", _always("1× to 1000×"),
        "speed", "+ -"),
    Key("slower", "minus,less_than_sign", "faster(-1)", ""),
    Key("step", "full_stop", "step(1)", "One event", _always("on or back"), "step", ". ,"),
    Key("step-back", "comma", "step(-1)", ""),
    Key("next-outage", "right_square_bracket", "outage(1)", "Next or previous outage", _always("to the loss"),
        "outage", "] ["),
    Key("previous-outage", "left_square_bracket", "outage(-1)", ""),
    Key("scrub", "right", "scrub(1)", "Scrub", (
        ("always", "by a hundredth of the recording, with shift by a tenth; not on the page of one record"),
        ("mouse", "a click on the track goes there"),
    ), "", "← →"),
    Key("scrub-back", "left", "scrub(-1)", ""),
    Key("scrub-far", "shift+right", "scrub(10)", ""),
    Key("scrub-far-back", "shift+left", "scrub(-10)", ""),
    Key("recording-start", "left_curly_bracket,ctrl+home", "to_edge(-1)", "Start or end of the recording",
        _always("goes there"), "", "{ }"),
    Key("recording-end", "right_curly_bracket,ctrl+end", "to_edge(1)", ""),
    Key("time", "t", "go", "Go to a time", _always("time of day, date and time, +30s, -5m, or an event: #1200"),
        "time"),
)  # fmt: skip
_NOT_IN_A_REPLAY = frozenset(key.id for key in _COMMANDS) | {"record"}


def _in_a_replay(key: Key) -> Key:
    """What acts on a connection only answers why it has no effect."""
    if key.id in _NOT_IN_A_REPLAY:
        return replace(key, keys=key.keys.removesuffix(",space"), label="", title="", cases=())
    return replace(key, cases=_always("goes back on a page, else quits")) if key.id == "quit" else key


REPLAY_KEYS: tuple[Key, ...] = (*_PLAYING, *(_in_a_replay(key) for key in KEYS if key.id != "faults"))


def bindings(table: tuple[Key, ...]) -> list[BindingType]:
    """For the class variable of an app or a screen."""
    return [
        Binding(key.keys, key.action, key.title, tooltip=key.tooltip, id=key.id, show=False, priority=key.priority)
        for key in table
    ]


def rebound(table: tuple[Key, ...], keymap: Mapping[str, str]) -> tuple[Key, ...]:
    """The table with the keys of a keymap: by id, separated by commas."""
    return tuple(replace(key, keys=keymap[key.id], display="") if key.id in keymap else key for key in table)


def keymap_problems(keymap: Mapping[str, str], table: tuple[Key, ...] = KEYS) -> dict[str, str]:
    """What is wrong with a keymap of this table, by id: unknown ids and keys, and keys that two actions have."""
    known = {key.id for key in (*KEYS, *REPLAY_KEYS, *RECORD_KEYS)}
    problems = {name: f"{name} is not an action" for name in keymap if name not in known}
    owners: dict[str, str] = {}
    for key in rebound(table, keymap):
        for name in filter(None, (name.strip() for name in key.keys.split(","))):
            other = owners.setdefault(name, key.id)
            if other != key.id:
                changed = key.id if key.id in keymap else other
                problems[changed] = f"{key_name(name)} is bound to {other} and to {key.id}"
            if key.id in keymap and not _is_key(name):
                problems[key.id] = f"{key.id}: {name} is not a key"
    return problems


def _is_key(name: str) -> bool:
    """Whether a keyboard can send it, by Textual's names."""
    last = name.rpartition("+")[2] or name
    named = last in KEY_NAME_REPLACEMENTS.values() or (last.islower() and key_to_character(last) is not None)
    return named or len(last) == 1 or not {name, last}.isdisjoint(key.value for key in Keys)


def with_keys(text: str, table: tuple[Key, ...]) -> str:
    """A reason that names a command, with the key for it: ``closed: reconnect (r) starts again``."""
    shown = next((f"reconnect ({key.shown}) " for key in table if key.id == "reconnect"), "reconnect ")
    return text.replace("reconnect ", shown, 1)
