"""Who we are to the server, and every server we may go to. Loaded when opened."""

from typing import ClassVar

from textual.binding import BindingType

from natsmon.tui import servers
from natsmon.tui.drawing.sheet import Sheet
from natsmon.tui.keys import PAGE_KEYS, bindings
from natsmon.tui.page import Page


class ServersPage(Page):
    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)

    def __init__(self) -> None:
        super().__init__(Sheet(servers.page, servers.tick, lambda: "servers"), PAGE_KEYS)
