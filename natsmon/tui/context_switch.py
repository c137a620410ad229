"""Contexts of the nats CLI on the screen: a menu of them, and a connection with the one chosen."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from natsmon.config.settings import Settings

if TYPE_CHECKING:
    from natsmon.tui.app import NatsmonApp


class Contexts(Protocol):
    """Where contexts come from. Both methods may block."""

    def listed(self) -> Sequence[tuple[str, str]]:
        """The name and a description of each; the first one, without a name, is what natsmon was started with."""
        ...

    def settings(self, name: str) -> Settings:
        """The settings of a connection with a context. Raises ValueError, its text is one line."""
        ...


class ContextSwitch:
    """What ``C`` opens on the screen of an app."""

    def __init__(self, app: "NatsmonApp", contexts: Contexts) -> None:
        self._app = app
        self._contexts = contexts

    def open_menu(self) -> None:
        """Open the menu once the contexts are read."""
        self._app.run_worker(self._ask(), group="contexts", exclusive=True)

    async def _ask(self) -> None:
        from natsmon.tui.pages.menu import Choice, Menu

        listed = await asyncio.to_thread(self._contexts.listed)
        if len(listed) < 2:
            self._app.show_notice("there is no context of the nats CLI")
            return
        choices = [Choice(name, text) for name, text in listed]
        name = await self._app.push_screen_wait(Menu("connect with a context of the nats CLI", choices, closing="C"))
        if name is None:
            return
        try:
            settings = await asyncio.to_thread(self._contexts.settings, name)
        except ValueError as error:
            self._app.log_notice(str(error), "bad")
        else:
            words = f"switching to context {name}" if name else "switching to what natsmon was started with"
            self._app.switch(settings, words)
