"""How long things take, and how much of the time there was a connection. Loaded when opened."""

from typing import ClassVar

from textual.binding import BindingType

from natsmon.tui.drawing.sheet import Sheet
from natsmon.tui.keys import PAGE_KEYS, bindings
from natsmon.tui.latency import overview
from natsmon.tui.page import Page


class LatencyPage(Page):
    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)
    follows = False

    def __init__(self) -> None:
        super().__init__(Sheet(overview.page, overview.tick, lambda: "latency"), PAGE_KEYS)
