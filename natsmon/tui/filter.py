"""Where the text is typed that events must contain. Loaded when first asked for."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.widgets import Input

if TYPE_CHECKING:
    from natsmon.tui.app import NatsmonApp


_HINT = "show only events that contain…  (enter keeps it, esc drops it)"


class FilterInput(Input):
    """Filters while it is typed; enter keeps the filter, esc drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "drop", show=False)]

    def __init__(self, needle: str) -> None:
        super().__init__(
            needle, placeholder="show events that contain…  (enter keeps, esc drops)", select_on_focus=False
        )

    @property
    def _natsmon(self) -> "NatsmonApp":
        return cast("NatsmonApp", self.app)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._natsmon.filter_events(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._natsmon.close_filter()

    def action_drop(self) -> None:
        self._natsmon.filter_events("")
        self._natsmon.close_filter()
