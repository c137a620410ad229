"""From server to server: the notices, the moves, and how long we were on each. Loaded when opened."""

from typing import ClassVar

from textual.binding import BindingType

from natsmon.tui.model.key_table import PAGE_KEYS, bindings
from natsmon.tui.pages import upgrade_rows
from natsmon.tui.pages.page import Page
from natsmon.tui.widgets.sheet import Sheet


class UpgradePage(Page):
    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)

    def __init__(self) -> None:
        super().__init__(Sheet(upgrade_rows.rows, upgrade_rows.tick, lambda: "rolling upgrade"), PAGE_KEYS)
