"""A Textual app of one dashboard and pages over it: theme, pages, notices, and keys executed in order."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual._context import active_message_pump
from textual._styles_cache import StylesCache
from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.events import Event, Print
from textual.events import Key as KeyPressed
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widgets import Input

from natsmon.config.settings import ViewSettings
from natsmon.text import units
from natsmon.tui.model.key_table import KEYS, RECORD_KEYS, Key, bindings, rebound
from natsmon.tui.pages.dashboard import Dashboard
from natsmon.tui.pages.pane_screen import PaneScreen
from natsmon.tui.widgets import themes
from natsmon.tui.widgets.list_panel import RecordTable

NOTICE_SECONDS = 2.5
COPIED_AT_MOST = 64 * 1024
"""Bytes of one OSC 52; terminals drop longer ones."""


class ScreenApp(App[int]):
    """Independent of what the dashboard shows. ``keys`` are those before the user's keymap."""

    TITLE = "natsmon"
    CSS_PATH = Path(__file__).with_name("app.tcss")  # for a subclass elsewhere, too
    # Textual's own annotation of these two is not a class variable's, which mypy and ruff disagree about.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (78, "-normal"), (180, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (22, "-short"), (34, "-tall"), (52, "-grand")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    _dashboard: Dashboard

    def __init__(self, view: ViewSettings, clock: Callable[[], float], keys: tuple[Key, ...]) -> None:
        super().__init__(ansi_color="NO_COLOR" in os.environ or None)  # else greys, which are colours
        self.view = view
        self._clock = clock
        self._choose_theme()
        self.keymap_of_user = dict(view.keymap)
        self._keys = rebound(keys, self.keymap_of_user)
        self._notice_until = 0.0
        self._notice_drawn = False

    def _choose_theme(self) -> None:
        """The one of the settings, else natsmon's own; one chosen on screen may be of another version."""
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        wanted = self.view.theme if self.view.theme in self.available_themes else themes.DARK.name
        # As setting it would, but before anything is styled: else all of it would be styled twice.
        self.set_reactive(App.theme, wanted)
        self.stylesheet.set_variables(self.get_css_variables())

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        if self.console.color_system == "standard":
            variables |= themes.sixteen_colours(self.current_theme)
        return variables

    def get_default_screen(self) -> Dashboard:
        self._set_size_classes(self._dashboard)
        return self._dashboard

    def _set_size_classes(self, screen: PaneScreen) -> None:
        """Before the first paint: Textual sets them once a screen is painted, to style and paint it again."""
        for cells, breakpoints in zip(self.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True):
            _, name = max((least, name) for least, name in breakpoints if least <= cells)
            screen.add_class(name, update=False)

    def write_control(self, sequence: str) -> None:
        """Write a control sequence to the terminal."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    @property
    def blocked(self) -> bool:
        """True when the terminal has accepted no output at the end."""
        return getattr(self._driver, "blocked", False)

    def on_print(self, event: Print) -> None:
        """What Python code prints is handled like what others write."""
        with suppress(OSError):
            os.write(2, event.text.encode(errors="replace"))

    # -- notices ----------------------------------------------------------------------------------

    @property
    def _views(self) -> list[PaneScreen]:
        """The dashboard and the pages over it."""
        return [self._dashboard, *(screen for screen in self.screen_stack[1:] if isinstance(screen, PaneScreen))]

    def show_notice(self, notice: str) -> None:
        """Show a sentence in the place of the key bar, for a few seconds."""
        self._views[-1].keybar.show_notice(notice)
        self._notice_until = self._clock() + NOTICE_SECONDS
        self._notice_drawn = False

    def _end_notice(self) -> None:
        """Show the keys again once its time is over, in the second frame after it at the earliest."""
        if self._notice_until and self._notice_drawn and self._clock() > self._notice_until:
            self._notice_until = 0.0
            for screen in self._views:
                screen.keybar.show_notice("")
        self._notice_drawn = True

    def copy_rows(self, lines: list[str]) -> None:
        """Copy lines to the clipboard of the terminal (OSC 52), and confirm."""
        text = "\n".join(lines)
        cut = text.encode()[:COPIED_AT_MOST].decode(errors="ignore")
        if not cut.strip():
            self.show_notice("nothing to copy")
            return
        self.copy_to_clipboard(cut)
        part = f": only the first {len(cut.encode()):,} bytes" if len(cut) < len(text) else ""
        self.show_notice(f"copied {units.plural(len(lines), 'line')}{part}")

    # -- keys -------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """Execute a key before looking at the next one, which may be meant for what it opens.

        Textual would send each of them to the screen first. Several that come together, as over a slow line, would
        then all be commands: the letters after a ``/``, too.
        """
        if not isinstance(event, KeyPressed) or event.is_forwarded or self._typing:
            await super().on_event(event)
            return
        self.app_focus = True  # as Textual does
        if not await self._check_bindings(event.key, priority=True):
            await self._check_bindings(event.key)

    @property
    def _typing(self) -> bool:
        """Whether keys are for a prompt, a menu or the palette."""
        return isinstance(self.focused, Input) or not isinstance(self.screen, PaneScreen)

    def _shown(self, key_id: str) -> str:
        return next((key.shown for key in self._keys if key.id == key_id), "")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for key in self._keys:
            target, _, action = key.action.partition("(")[0].rpartition(".")
            works_here = target != "screen" or hasattr(screen, f"action_{action}")
            if key.title and works_here:
                yield SystemCommand(f"{key.title} ({key.shown})", key.tooltip, partial(self.run_action, key.action))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    def action_command_palette(self) -> None:
        from natsmon.tui.pages.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())  # without Textual's id: the one before may still be closing

    def search_themes(self) -> None:
        from natsmon.tui.pages.palette import Palette

        self.push_screen(Palette([ThemeProvider], placeholder="Search for themes…"))

    # -- pages ------------------------------------------------------------------------------------

    def action_page(self, name: str) -> None:
        """Open a page from anywhere: the help over the page in sight, another one in its place."""
        while name != "help" and len(self.screen_stack) > 1 and self.screen.name != name:
            super().pop_screen()
        if name != "dashboard" and self.screen.name != name:
            from natsmon.tui.pages.page import page_named

            self.open_page(page_named(name, self._keys, rebound(RECORD_KEYS, self.keymap_of_user)))

    def on_mount(self) -> None:
        # Its cache of sizes refers to the drawn lines of every widget that was ever shown: 0.8 MB a page.
        self.screen_change_signal.subscribe(self, lambda _: StylesCache.get_inner_outer.cache_clear())

    def open_page(self, page: PaneScreen) -> None:
        """Open a page over the one in sight."""
        self._set_size_classes(page)
        self.push_screen(page)

    def pop_screen(self) -> AwaitComplete:
        """Close the screen in sight, unless one asks that is closed: a key came behind the key that closed it."""
        asking = active_message_pump.get(self)
        if asking is not self and isinstance(asking, DOMNode) and self.screen not in asking.ancestors_with_self:
            return AwaitComplete()
        return super().pop_screen()

    def close_page(self, page: PaneScreen) -> None:
        """Close a page, and what is on top of it."""
        while page in self.screen_stack:
            super().pop_screen()

    def _leave_records(self) -> None:
        """Another connection has other records: close the pages of the last one's, and mark none in the tables."""
        for screen in self._views:
            if screen.of_a_record:
                self.close_page(screen)
        for screen in self._views:
            for table in screen.query(RecordTable):
                table.unmark()
