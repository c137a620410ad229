"""A dialer through a relay on loopback, with the faults of a network: for tests against a real server."""

import asyncio
import threading
from typing import Self

from natsmon.dial.arguments import check_seconds
from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError
from natsmon.dial.resolver import authority
from natsmon.dial.stream import Address, Stream
from natsmon.dial.trace import DialTrace
from natsmon.lab.nats_server import HOST
from natsmon.lab.relay import Relay


class RelayDialer:
    """Opens the connections to each server through a relay of its own, whose faults the test causes.

    Use as a context; its end resets every connection, and refuses later ones.

    Args:
        latency: Seconds that bytes always take in each direction.

    Raises:
        TypeError: The latency is no number.
        ValueError: The latency is negative.
    """

    def __init__(self, *, latency: float = 0.0) -> None:
        check_seconds("latency", latency)
        self._latency = latency
        self._relays: dict[Address, Relay] = {}
        self._dialer = Dialer()
        self._lock = threading.Lock()
        """Dials look for their relays in threads."""
        self._closed = False

    def __enter__(self) -> Self:
        self._closed = False
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            for relay in self._relays.values():
                relay.close()
            self._relays.clear()

    def relay(self, host: str, port: int) -> Relay:
        """Return the relay to a server: its methods cause the faults, and ``heal`` ends them.

        Args:
            host: As in the URL; reached over IPv4.
            port: As in the URL.

        Raises:
            DialError: The context has ended.
        """
        address = host, port
        with self._lock:
            if self._closed:
                raise DialError("tcp", "refused", "the RelayDialer is closed")
            if address not in self._relays:
                self._relays[address] = Relay(port, latency=self._latency, host=host).start()
            return self._relays[address]

    async def dial(self, address: Address, *, deadline: float | None = None, trace: DialTrace | None = None) -> Stream:
        """Open a stream through the relay. See ``CustomDialer.dial``.

        Raises:
            DialError: The relay refuses connections, or the context has ended. It names the server, not the relay.
        """
        try:
            relay = await asyncio.to_thread(self.relay, *address)
            stream = await self._dialer.dial((HOST, relay.port), deadline=deadline, trace=trace)
        except DialError as error:
            error.address = authority(*address)
            raise
        return stream._replace(address=authority(*address))
