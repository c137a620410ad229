"""A line that is typed in the place of the key bar. Loaded when first asked for."""

from typing import Any

from textual.screen import Screen
from textual.widgets import Input

from natsmon.tui.widgets.key_bar import KeyBar


class Prompt(Input):
    """``ask`` shows it; when it closes, the focus returns to where it was. Without the focus it closes."""

    def __init__(self, keybar: KeyBar, value: str = "", *, placeholder: str) -> None:
        super().__init__(value, placeholder=placeholder, select_on_focus=False)
        self._keybar = keybar
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

    def on_blur(self) -> None:
        if self.app.app_focus and self.screen.focused is not self:  # a terminal that loses it gives it back
            self.close()

    def on_hide(self) -> None:
        """A terminal that became too small for it."""
        self.close()
