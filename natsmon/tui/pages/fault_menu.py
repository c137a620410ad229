"""The demo's menu of faults: a key for each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.events import Key as KeyPressed
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from natsmon.text.plain_text import printable

if TYPE_CHECKING:
    from natsmon.tui.demo_faults import Fault


class FaultMenu(ModalScreen[str | None]):
    """Returns the name of the fault that was chosen, or None."""

    def __init__(self, faults: Sequence["Fault"]) -> None:
        super().__init__()
        self._faults = {fault.key: fault for fault in faults}

    def compose(self) -> ComposeResult:
        options = [
            Option(f"{fault.key}  {printable(fault.name):<14} {printable(fault.description)}", id=fault.name)
            for fault in self._faults.values()
        ]
        menu = OptionList(*options, markup=False)
        menu.border_title = "cause a fault at the server it is connected to"
        menu.border_subtitle = "key or enter; esc closes"
        yield menu

    def on_key(self, event: KeyPressed) -> None:
        """A fault's own key causes it; esc, q and x close the menu."""
        if (fault := self._faults.get(event.key)) is not None:
            event.stop()
            self.dismiss(fault.name)
        elif event.key in ("escape", "q", "x"):
            event.stop()
            self.dismiss(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)
