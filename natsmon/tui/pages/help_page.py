"""The help page: every key, what it does when, and what the words on the screen mean. Loaded when opened."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

from natsmon.charts import dial_stages, status_timeline
from natsmon.charts.cells import fold
from natsmon.tui.model.key_table import Key
from natsmon.tui.panels import status_panel

TERMS: tuple[tuple[str, str], ...] = (
    ("dial", "one try at one server, from looking up its name to its PONG"),
    ("stages", "dns, tcp, tls, info, connect: the parts of a dial, with the milliseconds of each"),
    ("attempt", "counts the dials since the connection was lost, or first wanted"),
    ("round", "one pass over all the servers of the pool"),
    ("why", "initial: the first connection; reconnect: after a loss; manual: by r"),
    ("jitter", "a random part of the wait, so that not all clients return at once"),
    ("outage", "from the loss being noticed to being connected again"),
    ("lame duck", "a server that has said it will shut down, and sends its clients away"),
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
    ("percentiles", "p99: 99 of 100 took no longer; what was held up counts from when it was due"),
    ("stale", "so many PINGs without a PONG that the connection is given up"),
    ("MTBF, MTTR", "mean time up between two outages; mean time until connected again"),
)
_KEY = 11
_TERM = 17


def page(keys: tuple[Key, ...], on_a_page: tuple[Key, ...], width: int) -> list[Content]:
    """Line by line; what does not fit goes on beneath its beginning, not beneath the name."""
    lines = [_heading("keys"), *_entries(keys, width)]
    lines += [
        Content(""),
        _heading("on a page: a dial, an outage, the servers, an upgrade"),
        *_entries(on_a_page, width),
    ]
    lines += [Content(""), _heading("words")]
    for term, meaning in TERMS:
        lines += _entry(term, _TERM, "", meaning, width)
    lines += [Content(""), _heading("shapes")]
    statuses = [f"{shape} {word}" for word, (shape, _) in status_panel.SHAPES.items()]
    stages = [f"{glyph} {word}" for word, (glyph, _) in dial_stages.MARKS.items()]
    stages = [f"{dial_stages.NOT_BEGUN[0]} not begun", *stages, f"{dial_stages.NOT_NEEDED[0]} not needed, or given up"]
    for shapes in (statuses, stages, status_timeline.legend().split("  ")):
        lines += [Content(line) for line in _pack(shapes, width)]
    return lines


def _pack(shapes: list[str], width: int) -> list[str]:
    """As many on a line as there is room for, none of them torn apart."""
    lines = [""]
    for shape in shapes:
        longer = f"{lines[-1]}   {shape}" if lines[-1] else shape
        lines[-1:] = [longer] if len(longer) <= width or not lines[-1] else [lines[-1], shape]
    return lines


def _entries(keys: tuple[Key, ...], width: int) -> Iterator[Content]:
    for key in keys:
        for index, (when, does) in enumerate(key.when):
            shown = key.shown if index == 0 else ""
            yield from _entry(shown + (" space" if shown == "p" else ""), _KEY, when, does, width)


def _heading(text: str) -> Content:
    return Content.styled(text, "bold")


def _entry(name: str, names: int, when: str, does: str, width: int) -> Iterator[Content]:
    case = f"{when}: " if when and when != "always" else ""
    for number, line in enumerate(fold(case + does, max(1, width - names - 1))):
        shown = name if number == 0 else ""
        muted = len(case) if number == 0 else 0
        yield (
            Content.styled(f"{shown:<{names}} ", "bold" if shown else "")
            + Content.styled(line[:muted], "$foreground-muted")
            + Content(line[muted:])
        )


class _Text(Static):
    """Folded to the width it is given."""

    def __init__(self, keys: tuple[Key, ...], on_a_page: tuple[Key, ...]) -> None:
        self._keys = keys
        self._on_a_page = on_a_page
        super().__init__()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(page(self._keys, self._on_a_page, width))

    def render(self) -> Content:
        return Content("\n").join(page(self._keys, self._on_a_page, self.content_size.width))


class HelpScreen(ModalScreen[None]):
    """Scrolls when the terminal is too low for it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,escape,q,enter", "dismiss", "Close", show=False)]

    def __init__(self, keys: tuple[Key, ...], on_a_page: tuple[Key, ...]) -> None:
        super().__init__()
        self._keys = keys
        self._on_a_page = on_a_page

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "natsmon"
            scroll.border_subtitle = "esc closes"
            yield _Text(self._keys, self._on_a_page)
