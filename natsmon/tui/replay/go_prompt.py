"""Where a place in the recording is typed. Loaded when first asked for."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from natsmon.replay import positions
from natsmon.replay.player import Player
from natsmon.tui.widgets.key_bar import KeyBar
from natsmon.tui.widgets.prompt import Prompt


class GoPrompt(Prompt):
    """Enter goes there; esc and tab do not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,tab,shift+tab", "drop", show=False)]

    def __init__(self, player: Player, keybar: KeyBar, on_done: Callable[[str], None]) -> None:
        """``on_done`` is called with the reason why there is no such place; empty when the player is there."""
        super().__init__(keybar, placeholder=f"go to {positions.EXAMPLES}  (esc: stay)")
        self._player = player
        self._on_done = on_done

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()
        if event.value.strip():
            try:
                positions.seek_to(self._player, event.value)
            except positions.PositionError as error:
                self._on_done(str(error))
            else:
                self._on_done("")

    def action_drop(self) -> None:
        self.close()
