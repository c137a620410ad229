"""Where the text is typed that the rows of a pane must contain. Loaded when first asked for."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.widgets import Input

if TYPE_CHECKING:
    from natsmon.tui.dashboard import Dashboard, Pane


class FilterInput(Input):
    """Filters while it is typed; enter and tab keep the filter, esc drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", show=False),
        Binding("tab,shift+tab", "submit", show=False),
    ]

    def __init__(self, pane: "Pane") -> None:
        super().__init__(
            pane.needle, placeholder=f"show {pane.noun} that contain…  (enter keeps, esc drops)", select_on_focus=False
        )
        self._pane = pane

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
        cast("Dashboard", self.screen).close_filter()
