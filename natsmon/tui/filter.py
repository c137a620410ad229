"""Where the text is typed that the rows of a pane must contain. Loaded when first asked for."""

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from natsmon.tui.keybar import KeyBar

if TYPE_CHECKING:
    from natsmon.tui.dashboard import Pane


def ask(screen: Screen[Any], pane: "Pane", keybar: KeyBar) -> None:
    """Ask for the filter of a pane in the place of the key bar, unless that is being done."""
    if not screen.query(FilterInput):
        entry = FilterInput(pane, keybar, screen.focused)
        keybar.display = False
        screen.mount(entry)
        entry.focus()


class FilterInput(Input):
    """Filters while it is typed; enter and tab keep the filter, esc drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", show=False),
        Binding("tab,shift+tab", "submit", show=False),
    ]

    def __init__(self, pane: "Pane", keybar: KeyBar, focused_before: Widget | None) -> None:
        super().__init__(
            pane.needle, placeholder=f"show {pane.noun} that contain…  (enter keeps, esc drops)", select_on_focus=False
        )
        self._pane = pane
        self._keybar = keybar
        self._focused_before = focused_before

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._pane.filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()

    def action_drop(self) -> None:
        self._pane.filter("")
        self._close()

    def _close(self) -> None:
        self.screen.set_focus(self._focused_before)
        self.remove()
        self._keybar.display = True
