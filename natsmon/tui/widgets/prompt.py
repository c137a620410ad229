"""A line that is typed in the place of the key bar. Loaded when first asked for."""

from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from natsmon.tui.widgets.key_bar import KeyBar


class Prompt(Input):
    """``ask`` shows it in the place of the key bar; when it closes, the focus returns to where it was.

    Enter, tab, esc and lost focus close it. ``on_change`` is called with the text while it is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "discard", show=False),
        Binding("tab,shift+tab", "close", show=False),
    ]

    def __init__(
        self,
        keybar: KeyBar,
        value: str = "",
        *,
        placeholder: str,
        on_change: Callable[[str], None] = lambda text: None,
        on_enter: Callable[[str], None] = lambda text: None,
        on_escape: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(value, placeholder=placeholder, select_on_focus=False)
        self._keybar = keybar
        self._changed, self._confirmed, self._discarded = on_change, on_enter, on_escape
        self._over = False

    def ask(self, screen: Screen[Any]) -> None:
        """Unless something is being asked there."""
        if screen.query(Prompt):
            return
        self._focused_before = screen.focused
        self._keybar.add_class("-asking")
        screen.mount(self)
        screen.set_focus(self)  # at once: what is typed behind the key that asked may have come with it

    def close(self) -> None:
        """Once is enough."""
        if self._over:
            return
        self._over = True
        if self.screen.focused is self:
            self.screen.set_focus(self._focused_before)
        self.remove()
        self._keybar.remove_class("-asking")

    action_close = close

    def action_discard(self) -> None:
        self._discarded()
        self.close()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._changed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()
        self._confirmed(event.value)

    def on_blur(self) -> None:
        if self.app.app_focus and self.screen.focused is not self:  # a terminal that loses it gives it back
            self.close()

    def on_hide(self) -> None:
        """A terminal that became too small for it."""
        self.close()
