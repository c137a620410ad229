"""Names of servers: the ``server_name`` of their INFO where known, else their address."""

from natsmon.state.state import State


def address(server: str) -> str:
    """A URL without the scheme that nearly all servers have."""
    return server.removeprefix("nats://")


def names(state: State) -> dict[str, str]:
    """By address, the newest name of each server that was connected to."""
    return {
        address(period.server): period.server_name
        for period in state.periods
        if period.server_name and not _is_id(period.server_name)
    }


def _is_id(name: str) -> bool:
    """A server without a name uses its id: a public key of 56 characters that begins with N."""
    return len(name) == 56 and name.startswith("N") and name.isalnum() and name.isupper()


def called(server: str, known: dict[str, str]) -> str:
    """A server's name, or its address without one.

    Args:
        server: Its URL.
        known: From ``names``.
    """
    return known.get(address(server)) or address(server)
