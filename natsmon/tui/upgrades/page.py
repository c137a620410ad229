"""From server to server: the notices, the moves, and how long we were on each. Loaded when opened."""

from typing import ClassVar

from textual.binding import BindingType

from natsmon.tui.drawing.sheet import Sheet
from natsmon.tui.keys import PAGE_KEYS, bindings
from natsmon.tui.page import Page
from natsmon.tui.upgrades import overview


class UpgradePage(Page):
    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)

    def __init__(self) -> None:
        super().__init__(Sheet(overview.rows, overview.tick, lambda: "rolling upgrade"), PAGE_KEYS)
