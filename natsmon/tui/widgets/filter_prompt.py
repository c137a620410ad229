"""Where the text is typed that the rows of a pane must contain. Loaded when first asked for."""

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from natsmon.tui.widgets.key_bar import KeyBar
from natsmon.tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from natsmon.tui.pages.pane_screen import Pane


class FilterPrompt(Prompt):
    """Filters while it is typed; enter and tab keep the filter, esc removes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", show=False),
        Binding("tab,shift+tab", "submit", show=False),
    ]

    def __init__(self, pane: "Pane", keybar: KeyBar) -> None:
        hint = f"show {pane.noun} that contain…  (enter keeps, esc removes)"
        super().__init__(keybar, pane.needle, placeholder=hint)
        self._pane = pane

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._pane.filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()

    def action_drop(self) -> None:
        self._pane.filter("")
        self.close()
