"""A menu over the screen: a row for each choice, with a key of its own where it has one."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.events import Key as KeyPressed
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from natsmon.text.plain_text import printable


class Choice(NamedTuple):
    """One row of a menu."""

    name: str
    """What the menu returns."""
    text: str
    key: str = ""


class Menu(ModalScreen[str | None]):
    """Returns the name of the choice, or None.

    Args:
        title: What is chosen.
        choices: The rows.
        closing: Keys that close it, beside esc and q.
    """

    def __init__(self, title: str, choices: Sequence[Choice], *, closing: str) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._closed_by = closing

    def compose(self) -> ComposeResult:
        options = (f"{choice.key}  {choice.text}" if choice.key else choice.text for choice in self._choices)
        menu = OptionList(*(Option(printable(text)) for text in options), markup=False)
        menu.border_title = self._title
        menu.border_subtitle = "key or enter; esc closes" if self._choices[0].key else "enter chooses; esc closes"
        yield menu

    def on_key(self, event: KeyPressed) -> None:
        """A choice's own key chooses it; j and k move."""
        chosen = next((choice for choice in self._choices if choice.key == event.key), None)
        if chosen is not None:
            self.dismiss(chosen.name)
        elif event.key in ("escape", "q", self._closed_by):
            self.dismiss(None)
        elif event.key == "j":
            self.query_one(OptionList).action_cursor_down()
        elif event.key == "k":
            self.query_one(OptionList).action_cursor_up()
        else:
            return
        event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index].name)
