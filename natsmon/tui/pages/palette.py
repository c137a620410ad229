"""The command palette: Textual's, for keys and clicks that come at once."""

from textual import on
from textual.app import ComposeResult
from textual.command import CommandList, CommandPalette
from textual.events import Click
from textual.widgets import OptionList


class _Commands(CommandList):
    def _on_click(self, event: Click) -> None:  # type: ignore[override]
        """Ignore a click on a command that is drawn but no longer listed."""
        if event.style.meta.get("option", 0) >= self.option_count:
            event.prevent_default()


class Palette(CommandPalette):
    def compose(self) -> ComposeResult:
        for widget in super().compose():
            yield _Commands() if isinstance(widget, CommandList) else widget

    @on(OptionList.OptionSelected)
    def _run_once(self, event: OptionList.OptionSelected) -> None:
        """Ignore the second of two keys that choose a command."""
        if not self.is_active:
            event.stop().prevent_default()
