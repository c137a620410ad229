"""A dashboard to take a picture of, at the sizes people use."""

from collections.abc import Callable

from textual.pilot import Pilot

from natsmon.tui.app import NatsmonApp
from tests.tui.fakes import Recorded
from tests.tui.streams import Stream

Compare = Callable[..., bool]
SIZES = ((80, 24), (120, 36), (200, 60))


def app_on(stream: Stream, *, theme: str = "", ends: bool = False, exit_reason: str = "") -> NatsmonApp:
    source = Recorded(stream, ends=ends, exit_reason=exit_reason)
    app = NatsmonApp(source, clock=source.clock)
    if theme:
        app.theme = theme
    return app


async def settle(pilot: Pilot[int]) -> None:
    await pilot.pause()
    assert isinstance(pilot.app, NatsmonApp)
    pilot.app.draw()
    await pilot.pause()
