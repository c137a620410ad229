"""The dialer for the settings."""

from natsmon.config.settings import Settings
from natsmon.dial.command_dialer import CommandDialer
from natsmon.dial.dialer import Dialer
from natsmon.dial.stream import CustomDialer
from natsmon.dial.unix_dialer import UnixDialer


def dialer_for(settings: Settings) -> CustomDialer:
    """Return what opens the streams: a command, a UNIX socket, or TCP."""
    if settings.dial_command:
        return CommandDialer(settings.dial_command)
    return UnixDialer(settings.unix) if settings.unix else Dialer()
