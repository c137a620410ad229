"""Who we are to the server, and every server we may go to. Loaded when opened."""

from typing import ClassVar

from textual.binding import BindingType

from natsmon.tui.model.key_table import PAGE_KEYS, bindings
from natsmon.tui.pages.page import Page
from natsmon.tui.panels import server_panel
from natsmon.tui.widgets.sheet import Sheet


class ServersPage(Page):
    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)

    def __init__(self) -> None:
        super().__init__(Sheet(server_panel.page, server_panel.tick, lambda: "servers"), PAGE_KEYS)
