"""The dialer for the settings."""

from natsmon.config.settings import Settings
from natsmon.dial.command_dialer import CommandDialer
from natsmon.dial.dialer import Dialer
from natsmon.dial.proxies import HttpConnectDialer, SocksDialer
from natsmon.dial.stream import CustomDialer
from natsmon.dial.unix_dialer import UnixDialer


def dialer_for(settings: Settings) -> CustomDialer:
    """Return what opens the streams, also of discovered servers and inquiries: a command, a socket, a proxy, or TCP."""
    if settings.dial_command:
        return CommandDialer(settings.dial_command)
    if settings.unix:
        return UnixDialer(settings.unix)
    if (proxy := settings.proxy) is None:
        return Dialer()
    kind = SocksDialer if proxy.scheme.startswith("socks") else HttpConnectDialer
    user = proxy.user.reveal() if proxy.user is not None else None
    password = proxy.password.reveal() if proxy.password is not None else None
    return kind((proxy.host, proxy.port), user=user, password=password)
