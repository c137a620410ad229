"""The help page: every key, what it does when, and what the words on the screen mean. Loaded when opened."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from natsmon.tui import dials, status, timeline
from natsmon.tui.keys import DIAL_KEYS, Key

TERMS: tuple[tuple[str, str], ...] = (
    ("dial", "one try at one server, from looking up its name to its PONG"),
    ("stages", "dns, tcp, tls, info, connect: the parts of a dial, with the milliseconds of each"),
    ("attempt", "counts the dials since the connection was lost, or first wanted"),
    ("round", "one pass over all the servers of the pool"),
    ("why", "initial: the first connection; reconnect: after a loss; forced: by r"),
    ("jitter", "a random part of the wait, so that not all clients return at once"),
    ("outage", "from the loss being noticed to being connected again"),
    ("noticed", "how long after the last sign of life the loss was noticed"),
    ("availability", "time connected over time that should have been, since the first connection"),
    ("attempted", "messages made = sent + buffered + rejected"),
    ("sent", "handed to the server = echoed + in flight + lost"),
    ("echoed", "come back through our own subscription"),
    ("buffered", "made during an outage, kept to be sent after it"),
    ("rejected", "not sent: the buffer was full, or the message too large"),
    ("lost", "sent, and never came back"),
    ("late, duplicate", "came back after being counted lost; came back twice"),
    ("round trip", "PING to PONG; the echo is a message's way out and back"),
)
_KEY = 11
_TERM = 17


def page(keys: tuple[Key, ...]) -> Content:
    parts: list[Content] = [_heading("keys"), *_entries(keys)]
    parts += [_heading("\nin a dial, and on the page of the servers"), *_entries(DIAL_KEYS)]
    parts.append(_heading("\nwords"))
    parts += [_entry(term, _TERM, "", meaning) for term, meaning in TERMS]
    parts.append(_heading("\nshapes"))
    for word, (shape, _) in status.SHAPES.items():
        parts.append(Content(f"{shape} {word}   "))
    parts.append(Content("\n"))
    stages = [f"{glyph} {word}" for word, (glyph, _) in dials.GLYPHS.items() if word != "cancelled"]
    parts.append(Content("   ".join([f"{dials.NOT_BEGUN[0]} not begun", *stages, "– cancelled or not needed"]) + "\n"))
    parts.append(Content(timeline.LEGEND))
    return Content("").join(parts)


def _entries(keys: tuple[Key, ...]) -> Iterator[Content]:
    for key in keys:
        for index, (when, does) in enumerate(key.when):
            shown = key.shown if index == 0 else ""
            yield _entry(shown + (" space" if shown == "p" else ""), _KEY, when, does)


def _heading(text: str) -> Content:
    return Content.styled(f"{text}\n", "bold")


def _entry(name: str, width: int, when: str, does: str) -> Content:
    start = Content.styled(f"{name:<{width}} ", "bold" if name else "")
    return (
        start
        + Content.styled(f"{when}: " if when and when != "always" else "", "$foreground-muted")
        + Content(f"{does}\n")
    )


class HelpScreen(ModalScreen[None]):
    """Scrolls when the terminal is too low for it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,escape,q,enter", "dismiss", "Close", show=False)]

    def __init__(self, keys: tuple[Key, ...]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "natsmon"
            scroll.border_subtitle = "esc closes"
            yield Static(page(self._keys))
