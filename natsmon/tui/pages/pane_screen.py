"""What the dashboard and every page over it have in common: keys that act on the pane in use."""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from natsmon.tui.app import NatsmonApp
    from natsmon.tui.panels.event_panel import EventPanel
    from natsmon.tui.widgets.record_table import RecordTable
    from natsmon.tui.widgets.sheet import Sheet

    Pane = EventPanel | RecordTable[Any] | Sheet


class PaneScreen(Screen[None]):
    """Shows the present, with a key bar below; keys move in, filter, select from and copy one of its panels."""

    keybar: KeyBar
    of_a_record = False
    """True when it is about one record of a session."""

    def show(self, moment: Moment, revision: int) -> None:
        """Show a moment; whatever looks the same as before is not painted again."""
        raise NotImplementedError

    @property
    def pane(self) -> "Pane":
        """The panel with rows that the keys act on."""
        raise NotImplementedError

    @property
    def natsmon(self) -> "NatsmonApp":
        """The app."""
        return cast("NatsmonApp", self.app)

    def leave(self) -> None:
        """Go back to what is below."""
        raise NotImplementedError

    def action_move(self, lines: int) -> None:
        self.pane.move(lines)

    def action_page(self, direction: int) -> None:
        self.pane.page(direction)

    def action_to_start(self) -> None:
        self.pane.to_start()

    def action_to_end(self) -> None:
        self.pane.to_end()

    def action_open(self) -> None:
        self.pane.open()

    def action_select(self) -> None:
        self.pane.select()

    def action_filter(self) -> None:
        from natsmon.tui.widgets.prompt import Prompt

        hint = f"show {self.pane.noun} that contain…  (enter keeps, esc removes)"
        change = self.pane.filter
        Prompt(self.keybar, self.pane.needle, placeholder=hint, on_change=change, on_escape=partial(change, "")).ask(
            self
        )

    def action_back(self) -> None:
        """Undo one thing: the mark, the filter, then leave."""
        if self.pane.unmark():
            return
        if self.pane.needle:
            self.pane.filter("")
        else:
            self.leave()

    def action_copy(self) -> None:
        self.natsmon.copy_rows(self.pane.copied())

    def action_hold(self) -> None:
        """Hold what is shown, or follow again."""
        raise NotImplementedError

    def action_enlarge(self) -> None:
        """Let the focused panel fill the screen, or no longer."""
        self.natsmon.show_notice("this page fills the screen already")
