"""How long things take, and how much of the time there was a connection. Loaded when opened."""

from typing import ClassVar

from textual.binding import BindingType

from natsmon.tui.model.key_table import PAGE_KEYS, bindings
from natsmon.tui.pages import latency_rows
from natsmon.tui.pages.page import Page
from natsmon.tui.widgets.sheet import Sheet


class LatencyPage(Page):
    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)
    follows = False

    def __init__(self) -> None:
        super().__init__(Sheet(latency_rows.page, latency_rows.tick, lambda: "latency"), PAGE_KEYS)
