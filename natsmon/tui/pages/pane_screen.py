"""What the dashboard and every page over it have in common: keys that act on the pane in use."""

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.events import ScreenResume
from textual.screen import Screen

from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.key_bar import KeyBar
from natsmon.tui.widgets.list_panel import Opened
from natsmon.tui.widgets.panel import Pane

if TYPE_CHECKING:
    from natsmon.tui.app import NatsmonApp


class PaneScreen(Screen[None]):
    """Shows the present, with a key bar below; keys move in, filter, select from and copy one of its panels."""

    keybar: KeyBar
    of_a_record = False
    """True when it is about one record of a session."""

    _resumed = False

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Textual styles a screen whenever it comes into sight: not the first time, when it has just been styled."""
        event.refresh_styles, self._resumed = self._resumed, True

    def show(self, moment: Moment) -> None:
        """Show a moment; whatever looks the same as before is not painted again."""
        raise NotImplementedError

    @property
    def pane(self) -> Pane:
        raise NotImplementedError

    @property
    def natsmon(self) -> "NatsmonApp":
        return cast("NatsmonApp", self.app)

    def leave(self) -> None:
        self.dismiss()

    def action_pane(self, does: str, *by: int) -> None:
        """Move in the pane or select from it, as its method of this name does."""
        getattr(self.pane, does)(*by)

    def action_open(self) -> None:
        self.pane.open()

    def on_opened(self, message: Opened) -> None:
        if self.is_active:
            from natsmon.tui.pages.page import page_of  # pages are loaded when opened: they cost first paint else

            self.natsmon.open_page(page_of(message.record, message.records))

    def action_filter(self) -> None:
        from natsmon.tui.widgets.prompt import Prompt

        pane, remove = self.pane, partial(self.pane.filter, "")
        hint = f"show {pane.noun} that contain…  (enter keeps, esc removes)"
        Prompt(self.keybar, pane.needle, placeholder=hint, on_change=pane.filter, on_escape=remove).ask(self)

    def action_back(self) -> None:
        """Undo one thing: the mark, the filter, then leave."""
        if not undo(self.pane):
            self.leave()

    def action_copy(self) -> None:
        self.natsmon.copy_rows(self.pane.copied())

    def action_enlarge(self) -> None:
        """Let the focused panel fill the screen, or no longer."""
        self.natsmon.show_notice("this page fills the screen already")


def undo(pane: Pane) -> bool:
    """Remove the mark of a pane, else its filter; False when it has neither."""
    if pane.unmark():
        return True
    filtered = bool(pane.needle)
    if filtered:
        pane.filter("")
    return filtered
