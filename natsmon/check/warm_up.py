"""Steps of a check done once before they are measured."""

import asyncio
import socket
from contextlib import suppress

from natsmon.config.settings import Server, Settings
from natsmon.dial import resolver
from natsmon.dial.stream import Stream
from natsmon.dial.trace import DialTrace
from natsmon.probe.connection import dial_attempt as attempt
from natsmon.protocol import tls
from natsmon.stream.emitter import Emitter


class _PreparedDialer:
    """A dialer whose stream already holds all that a server sends until PONG."""

    def __init__(self) -> None:
        self._other_end: socket.socket | None = None

    async def dial(self, address: tuple[str, int], *, deadline: float | None, trace: DialTrace | None) -> Stream:
        ours, self._other_end = socket.socketpair()
        self._other_end.sendall(b'INFO {"server_id":"","version":"","headers":true,"max_payload":1024}\r\nPONG\r\n')
        return Stream(*await asyncio.open_connection(sock=ours))

    def close(self) -> None:
        if self._other_end is not None:
            self._other_end.close()


async def warm_up(settings: Settings) -> None:
    """Do each step once before it is measured: the first time in a process takes longer than a server's answer."""
    with suppress(OSError):  # the dial reports it
        tls.make_context(settings)
    await resolver.lookup("127.0.0.1", 0)
    dialer = _PreparedDialer()
    try:
        which = attempt.Attempt(dial=1, attempt=1, pool_pass=1, server=Server("127.0.0.1"), reason="initial")
        made = await attempt.make(which, dialer, Settings(), Emitter([]).for_connection(0))
        if not isinstance(made, attempt.FailedDial):
            made.abort()
    finally:
        dialer.close()
