"""Menus over the screen: contexts of the nats CLI to connect with, and the faults of the demo."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from textual.app import ComposeResult
from textual.events import Key as KeyPressed
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from natsmon.config.settings import Settings
from natsmon.text.plain_text import printable

if TYPE_CHECKING:
    from natsmon.tui.app import NatsmonApp

FAULT = "fault"
"""The group of the worker that causes a fault."""


class Choice(NamedTuple):
    """One row of a menu, with a key of its own where it has one."""

    name: str
    """What the menu returns."""
    text: str
    key: str = ""


class Menu(ModalScreen[str | None]):
    """Returns the name of the choice, or None. ``closing`` is a key that closes it, beside esc and q."""

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


class Contexts(Protocol):
    """Where contexts come from. Both methods may block."""

    def listed(self) -> Sequence[tuple[str, str]]:
        """The name and a description of each; the first one, without a name, is what natsmon was started with."""
        ...

    def settings(self, name: str) -> Settings:
        """The settings of a connection with a context. Raises ValueError, its text is one line."""
        ...


async def choose_context(app: "NatsmonApp", contexts: Contexts) -> None:
    """Open the menu once the contexts are read, and connect with the one chosen."""
    listed = await asyncio.to_thread(contexts.listed)
    if len(listed) < 2:
        app.show_notice("there is no context of the nats CLI")
        return
    choices = [Choice(name, text) for name, text in listed]
    name = await app.push_screen_wait(Menu("connect with a context of the nats CLI", choices, closing="C"))
    if name is None:
        return
    try:
        settings = await asyncio.to_thread(contexts.settings, name)
    except ValueError as error:
        app.log_notice(str(error), "bad")
    else:
        app.switch(settings, f"switching to {f'context {name}' if name else 'what natsmon was started with'}")


class Demo(Protocol):
    """The servers of the demo. Every method may block."""

    def faults(self) -> Sequence[tuple[str, str, str]]:
        """What ``apply`` can do: name, key and description of each."""
        ...

    def apply(self, fault: str, server: str | None = None) -> str:
        """Cause a fault at the server of this URL; what was done, in a sentence."""
        ...


def choose_fault(app: "NatsmonApp", demo: Demo) -> None:
    """Open the menu, and cause the fault chosen, one at a time."""

    def cause(fault: str | None) -> None:
        if fault is None:
            return
        if any(worker.group == FAULT for worker in app.workers):
            app.show_notice("the fault before is still being caused")
        else:
            app.run_worker(_cause(app, demo, fault), group=FAULT)

    choices = [Choice(name, f"{name:<14} {description}", key) for name, key, description in demo.faults()]
    app.push_screen(Menu("cause a fault at the server it is connected to", choices, closing="x"), cause)


async def _cause(app: "NatsmonApp", demo: Demo, fault: str) -> None:
    """In a thread: starting a server takes a while."""
    connected = app.viewed.state.connected
    try:
        done = await asyncio.to_thread(demo.apply, fault, connected.server if connected is not None else None)
    except Exception as error:  # the view goes on without the demo's servers
        lines = str(error).strip().splitlines() or [type(error).__name__]
        app.log_notice(f"{fault}: {lines[-1].strip()}", "bad")
    else:
        app.log_notice(done)
