"""nats-py's client over a transport that dials: the one file with private names of nats-py."""

import asyncio
from typing import Any

import nats.aio.client
from nats.aio.transport import Transport

from natsmon.dial.errors import DialError
from natsmon.protocol.nats_py_versions import check_nats_py

check_nats_py(nats.aio.client.Client)


class DialClient(nats.aio.client.Client):
    """nats-py with its own retry loop, over one transport that dials; see ``natsmon.library``."""

    def __init__(self) -> None:
        super().__init__()
        self._transport = self._dialing = self.make_transport()
        self.initial = False
        """Whether the initial connect is under way."""
        self._cancels = 0
        """How often the connecting task had been cancelled before. A reconnecting task is new."""

    def make_transport(self) -> Transport:
        """Return the transport for the client's life."""
        raise NotImplementedError

    def timed_out(self) -> DialError:
        """Return the error for a timeout of nats-py's in the handshake."""
        raise NotImplementedError

    async def connect(self, *args: Any, **options: Any) -> None:
        task = asyncio.current_task()
        self._cancels = task.cancelling() if task else 0
        self.initial = True
        try:
            await super().connect(*args, **options)
        finally:
            self.initial = False
            self._cancels = 0

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except TimeoutError as error:
            if isinstance(error, DialError):
                raise
            raise self.timed_out() from error
        if self.given_up():
            await self._undo_connect()
            raise asyncio.CancelledError

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        await super()._process_info(info, initial_connection)
        # nats-py discovers only nats:// and tls://, but a server advertises its WebSocket addresses over WebSocket.
        if self._current_server is not None and self._current_server.uri.scheme in ("ws", "wss"):
            for server in self._server_pool:
                if server.discovered:
                    server.uri = server.uri._replace(scheme=self._current_server.uri.scheme)

    async def _undo_connect(self) -> None:
        self._status = self.CLOSED
        for begun in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if begun is not None:
                begun.cancel()
        self._dialing.close()  # type: ignore[no-untyped-call]
        await self._dialing.wait_closed()  # type: ignore[no-untyped-call]

    def given_up(self) -> bool:
        """Return whether the running dial was cancelled, or the client closed, without nats-py noticing.

        Python 3.11's wait_for, with which nats-py waits, loses a cancel that arrives together with the result.
        """
        task = asyncio.current_task()
        return task is not None and task.cancelling() > self._cancels
