"""Arguments, checked where a program gives them: the error names the argument, what it takes, and what it got."""

import ipaddress
import ssl
from collections.abc import Callable
from typing import Any

from natsmon.text.plain_text import quotable


def check(
    argument: str,
    value: object,
    takes: str,
    kinds: type | tuple[type, ...],
    fits: Callable[[Any], object] = lambda value: True,
) -> None:
    """Refuse an argument of another type, or of a value that does not fit.

    Args:
        argument: Its name.
        value: As given. Only the type of a wrong one is shown where it is of another type: it may be a secret.
        takes: What it takes, for the error.
        kinds: The types that it takes.
        fits: Whether it takes a value of these types.

    Raises:
        TypeError: It is of another type.
        ValueError: It does not fit.
    """
    if not isinstance(value, kinds):
        raise TypeError(f"{argument} is {takes}, not {kind_of(value)}")
    if not fits(value):
        raise ValueError(f"{argument} is {takes}, not {quotable(repr(value))}")


def check_seconds(argument: str, seconds: object) -> None:
    """Refuse anything but a number that is 0 or more."""
    check(argument, seconds, "a number of seconds, 0 or more", (int, float), lambda value: value >= 0)  # NaN is not


def check_address(argument: str, address: Any, *, least_port: int = 1, ip: bool = False) -> None:
    """Refuse anything but a pair of a host, or an IP address, and a port."""
    takes = f"a pair ({'IP address' if ip else 'host'}, port)"
    check(argument, address, takes, (tuple, list), lambda pair: len(pair) == 2)
    host, port = address
    check(
        f"the host in {argument}", host, "an IP address" if ip else "a name or an address", str, _is_ip if ip else bool
    )
    ports = f"a number from {least_port} to 65535"
    check(f"the port in {argument}", port, ports, int, lambda port: least_port <= port < 2**16)


def check_tls(context: object) -> None:
    """Refuse an argument ``tls`` that is no TLS context, and not None."""
    check("tls", context, "an ssl.SSLContext or None", (ssl.SSLContext, type(None)))


def kind_of(value: object) -> str:
    """Return the type of a value; a class is often an instance whose parentheses were forgotten."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
