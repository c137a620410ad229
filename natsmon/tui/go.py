"""Where a place in the recording is typed. Loaded when first asked for."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from natsmon.replay import places
from natsmon.replay.player import Player

if TYPE_CHECKING:
    from natsmon.tui.app import NatsmonApp
    from natsmon.tui.dashboard import Dashboard


def ask(dashboard: "Dashboard", player: Player) -> None:
    """Ask for a place in the place of the key bar, unless something is being asked there."""
    if dashboard.is_current and not dashboard.query(Input):
        entry = GoInput(player, dashboard.focused)
        dashboard.keybar.display = False
        dashboard.mount(entry)
        entry.focus()


class GoInput(Input):
    """Enter goes there; esc and tab do not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,tab,shift+tab", "drop", show=False)]

    def __init__(self, player: Player, focused_before: Widget | None) -> None:
        super().__init__(placeholder=f"go to {places.EXAMPLES}  (esc: stay)", select_on_focus=False)
        self._player = player
        self._focused_before = focused_before

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()
        if not event.value.strip():
            return
        natsmon = cast("NatsmonApp", self.app)
        try:
            places.go(self._player, event.value)
        except places.NoPlace as error:
            natsmon.say(str(error))
        natsmon.draw()

    def action_drop(self) -> None:
        self._close()

    def _close(self) -> None:
        self.screen.set_focus(self._focused_before)
        self.remove()
        cast("Dashboard", self.screen).keybar.display = True
