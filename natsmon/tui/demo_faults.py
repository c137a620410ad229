"""The demo's faults: a menu of them, and one at a time caused in a thread."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from natsmon.tui.app import NatsmonApp
    from natsmon.wording.narration import Kind


class Fault(Protocol):
    """A fault that the demo can cause."""

    @property
    def name(self) -> str:
        """For ``Demo.apply``."""
        ...

    @property
    def key(self) -> str:
        """In the menu."""
        ...

    @property
    def description(self) -> str:
        """What it does."""
        ...


class Demo(Protocol):
    """The servers of the demo. Every method may block."""

    def faults(self) -> Sequence[Fault]:
        """What ``apply`` can do."""
        ...

    def apply(self, fault: str, server: str | None = None) -> str:
        """Cause a fault at the server of this URL; what was done, in a sentence."""
        ...


class DemoFaults:
    """What ``x`` opens on the screen of an app."""

    def __init__(self, app: "NatsmonApp", demo: Demo) -> None:
        self._app = app
        self._demo = demo
        self.busy = False
        """True while a fault is being caused."""

    def open_menu(self) -> None:
        from natsmon.tui.pages.menu import Choice, Menu

        choices = [Choice(each.name, f"{each.name:<14} {each.description}", each.key) for each in self._demo.faults()]
        menu = Menu("cause a fault at the server it is connected to", choices, closing="x")
        self._app.push_screen(menu, self._cause)

    def _cause(self, fault: str | None) -> None:
        if fault is None:
            return
        if self.busy:
            self._app.show_notice("the fault before is still being caused")
            return
        self.busy = True
        connected = self._app.viewed.state.connected
        server = connected.server if connected is not None else None
        self._app.run_worker(partial(self._apply, fault, server), group="demo", thread=True)

    def _apply(self, fault: str, server: str | None) -> None:
        """In a thread: starting a server takes a while."""
        kind: Kind = "info"
        try:
            done = self._demo.apply(fault, server)
        except Exception as error:  # the view goes on without the demo's servers
            lines = str(error).strip().splitlines() or [type(error).__name__]
            done, kind = f"{fault}: {lines[-1].strip()}", "bad"
        self._app.call_from_thread(self._applied, done, kind)

    def _applied(self, done: str, kind: "Kind") -> None:
        self.busy = False
        self._app.log_notice(done, kind)
