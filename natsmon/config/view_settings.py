"""Settings of a view: what the screen shows, alerts, keys. They do not reach the probe."""

import msgspec


class ViewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a dashboard is given beside its source."""

    theme: str = ""
    """Empty for natsmon's own."""
    messages: bool = False
    """Show single messages, also at a high rate."""
    title: bool = True
    """Show the health in the terminal's title."""
    bell: bool = False
    notify: bool = False
    """Desktop notifications: OSC 9 and OSC 777."""
    on_change: tuple[str, ...] = ()
    """Command line to run when the health changes."""
    on_outage: tuple[str, ...] = ()
    """Command line to run when an outage begins and when it ends."""
    keymap: dict[str, str] = {}
    """Keys by the id of a binding."""
    origins: dict[str, str] = {}
    """As in Settings."""
