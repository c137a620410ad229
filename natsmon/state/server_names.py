"""Names of servers: the ``server_name`` of their INFO where known, else their address."""

import re
from collections.abc import Iterable

from natsmon.state.records import Dial, OutageRecord
from natsmon.state.records import address as address
from natsmon.state.state import State
from natsmon.stream import events as ev

_HOST = re.compile(r"(?P<scheme>\w+://)?(?P<host>\[[^\]]*\]|[^:/]+)(?P<rest>.*)")


def named(server: ev.Connected) -> str:
    """A server's name; its address where it has none."""
    nameless = server.server_name in ("", server.server_id)
    return address(server.server) if nameless else server.server_name


class ServerNames:
    """What each server of a connection is called."""

    def __init__(self, state: State) -> None:
        self._names = state.server_names
        known = [*state.pool, *(state.connection.servers if state.connection is not None else ())]
        self._suffix = common_suffix(known)

    def name(self, server: str) -> str:
        """The server's own name; its address where it has none."""
        return self._names.get(address(server)) or self.brief(server)

    def of_dial(self, dial: Dial) -> str:
        """The name that the server had then."""
        return dial.name or self.name(dial.server)

    def before(self, outage: OutageRecord) -> str:
        """The name that the server had that was lost."""
        return outage.before_name or self.name(outage.before)

    def after(self, outage: OutageRecord) -> str:
        """The name of the server that ended it; empty without one."""
        return outage.after_name or self.name(outage.after)

    def brief(self, server: str) -> str:
        """Its address, without the domain that all servers have in common."""
        match = _HOST.fullmatch(address(server))
        if match is None or not self._suffix or not match["host"].endswith(self._suffix):
            return address(server)
        return f"{match['scheme'] or ''}{match['host'].removesuffix(self._suffix)}{match['rest']}"


def common_suffix(servers: Iterable[str]) -> str:
    """The domain that the hosts of several servers have in common, from its dot on; empty for IP addresses."""
    hosts = {match["host"] for server in servers if (match := _HOST.fullmatch(address(server))) is not None}
    if len(hosts) < 2 or any(host[-1:].isdigit() or host.startswith("[") for host in hosts):
        return ""
    parts = [host.split(".")[::-1] for host in hosts]
    common: list[str] = []
    for labels in zip(*(each[:-1] for each in parts), strict=False):
        if len(set(labels)) > 1:
            break
        common.append(labels[0])
    return "".join(f".{label}" for label in reversed(common))
