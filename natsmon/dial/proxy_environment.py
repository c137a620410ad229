"""The proxy that the environment names: ALL_PROXY, HTTPS_PROXY and NO_PROXY."""

import ipaddress
import os
import ssl
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from natsmon.dial.foreign_dialer import given_or_tcp
from natsmon.dial.proxies import HttpConnectDialer, SocksDialer
from natsmon.dial.stream import Address, CustomDialer, Stream, as_stream
from natsmon.dial.trace import DialTrace

_PORTS = {"socks5": 1080, "socks5h": 1080, "http": 80, "https": 443}


def proxy_from_environment(
    environment: Mapping[str, str] = os.environ, *, dialer: CustomDialer | None = None
) -> CustomDialer:
    """Return the dialer for the proxy of the environment.

    ``ALL_PROXY`` wins over ``HTTPS_PROXY``, and a name in capitals over one in small letters (as in Go's
    ``proxy.FromEnvironment``). Schemes: ``socks5``, ``socks5h`` (the same: the proxy resolves names), ``http``, and
    ``https`` for an HTTP proxy over TLS. Servers in ``NO_PROXY`` are dialed directly.

    Args:
        environment: Where to look.
        dialer: Opens the connection to the proxy, or to the server without one; ``Dialer()`` by default.

    Raises:
        ValueError: The URL of the proxy cannot be used. Its password is not in the message.
    """
    direct = given_or_tcp(dialer)
    proxy = _variable(environment, "ALL_PROXY") or _variable(environment, "HTTPS_PROXY")
    if not proxy:
        return direct
    return _Selecting(_proxy_dialer(proxy, direct), direct, _variable(environment, "NO_PROXY"))


def _variable(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.lower()) or "").strip()


def _proxy_dialer(proxy: str, direct: CustomDialer) -> CustomDialer:
    try:
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = url.hostname, url.port or _PORTS[url.scheme]
    except (KeyError, ValueError):
        host = None
    if not host:
        known = ", ".join(f"{scheme}://" for scheme in _PORTS)
        raise ValueError(f"the proxy of the environment has no usable URL; known are {known}")
    user, password = (None if part is None else unquote(part) for part in (url.username, url.password))
    kind = SocksDialer if url.scheme.startswith("socks") else HttpConnectDialer
    context = ssl.create_default_context() if url.scheme == "https" else None
    return kind((host, port), user=user, password=password, tls=context, dialer=direct)


class _Selecting:
    """Dials directly what NO_PROXY lists, and everything else through the proxy."""

    def __init__(self, proxied: CustomDialer, direct: CustomDialer, no_proxy: str) -> None:
        self._proxied = proxied
        self._direct = direct
        self._excluded = [entry for entry in no_proxy.lower().replace(",", " ").split() if entry]

    async def dial(self, address: Address, *, deadline: float | None = None, trace: DialTrace | None = None) -> Stream:
        excluded = any(_matches(entry, *address) for entry in self._excluded)
        dialer = self._direct if excluded else self._proxied
        return as_stream(await dialer.dial(address, deadline=deadline, trace=trace))


def _matches(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of NO_PROXY is about a server.

    An entry is ``*``, an address, a network, or a domain with its subdomains (with a leading dot: these alone), each
    of them with a port or without (golang.org/x/net/http/httpproxy).
    """
    host = host.lower().rstrip(".")
    if entry == "*":
        return True
    if entry.endswith(f":{port}") and (entry.count(":") == 1 or entry.startswith("[")):
        entry = entry[: -len(f":{port}")]
    entry = entry.strip("[]")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        domain = entry.removeprefix("*")
        return host == domain or host.endswith(domain if domain.startswith(".") else f".{domain}")
