"""A nats-py client whose connections are opened by a dialer: the one file with private names of nats-py."""

import asyncio
import math
from typing import TYPE_CHECKING, Any, Unpack, cast

import nats.aio.client
import nats.errors

from natsmon.dial.arguments import check, check_tls
from natsmon.dial.deadline import until
from natsmon.dial.errors import DialError
from natsmon.dial.foreign_dialer import given_or_tcp
from natsmon.dial.stream import CustomDialer
from natsmon.dial.trace import DialTrace
from natsmon.library.dial_transport import DialTransport
from natsmon.library.handshake_transport import Misuse
from natsmon.library.nats_py_versions import check_nats_py

if TYPE_CHECKING:
    from natsmon.library.options import ConnectOptions

check_nats_py(nats.aio.client.Client)

Servers = str | list[str]


class Client(nats.aio.client.Client):
    """A nats-py client that dials through a dialer, the first time and at each reconnect.

    Use it where a program has ``NATS()`` or ``nats.aio.client.Client()``.

    Args:
        dialer: Opens the connections; ``Dialer()`` by default (nats.go: ``SetCustomDialer``).
        trace: Hooks to call for each step of each dial.

    Raises:
        TypeError: The dialer has no method ``dial``, or the trace is no ``DialTrace``.
    """

    def __init__(self, *, dialer: CustomDialer | None = None, trace: DialTrace | None = None) -> None:
        super().__init__()
        self._transport = self._dialing = DialTransport(self, given_or_tcp(dialer), trace)
        self.initial = False
        """Whether the initial connect is under way."""
        self._cancels = 0
        """How often the connecting task had been cancelled before. A reconnecting task is new."""

    async def connect(
        self,
        servers: Servers = "nats://localhost:4222",
        *args: Any,
        deadline: float | None = None,
        **options: "Unpack[ConnectOptions]",
    ) -> None:
        """Connect, as nats-py's ``Client.connect``, within a deadline.

        Args:
            servers: One URL or several.
            args: nats-py's positional arguments.
            deadline: Time on the running loop's clock, in seconds; None for no limit.
                Covers the initial connect over all servers and retries.
            options: nats-py's. ``connect_timeout`` limits the dial, from the lookup to the open stream;
                the TLS handshake, INFO and PONG each have as long again.

        Raises:
            DialError: A handshake failed and ``allow_reconnect`` is False, or the deadline passed (``DialTimeout``).
            nats.errors.NoServersError: Every server failed; the last failure is its ``__cause__``.
            TypeError: The dialer returned something else than a stream; an argument is of another type.
            ValueError: A time is NaN.
        """
        clock = "a time of the running loop's clock, in seconds, or None"
        for argument, value, takes in (
            ("deadline", deadline, clock),
            ("connect_timeout", options.get("connect_timeout"), "a number of seconds"),
        ):
            check(
                argument, value, takes, (int, float, type(None)), lambda given: given is None or not math.isnan(given)
            )
        check_tls(options.get("tls"))
        self._dialing.failure = None
        over = deadline is not None and deadline <= asyncio.get_running_loop().time()
        try:
            async with until(deadline):
                task = asyncio.current_task()
                self._cancels = task.cancelling() if task else 0
                self.initial = True
                try:
                    # nats-py declares seconds as int, and takes float.
                    await super().connect(servers, *args, **cast(dict[str, Any], options))
                finally:
                    self.initial = False
                    self._cancels = 0
        except nats.errors.NoServersError as error:
            raise error from self._dialing.failure
        except Misuse as misuse:
            self._dialing.drop()
            raise misuse.error from misuse.error.__cause__
        except TimeoutError as error:
            failure = self._dialing.failure or (None if over else self._dialing.unfinished())
            self._dialing.drop()
            if isinstance(error, DialError):
                raise
            what = "was over at the start: it is a time of the loop's clock" if over else "passed"
            text = f"not connected: the deadline {what}" + (f"; the last dial: {failure}" if failure else "")
            raise DialError("connect", "timeout", text, address=self._dialing.server) from failure
        except BaseException:
            self._dialing.drop()
            raise

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except TimeoutError as error:
            if isinstance(error, DialError):
                raise
            raise self._dialing.timed_out() from error
        if self.given_up():
            await self._undo_connect()
            raise asyncio.CancelledError

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        # nats-py ignores a cancel here, where a publish waits for a server that reads nothing.
        task = asyncio.current_task()
        cancels = task.cancelling() if task else 0
        flushed = await super()._flush_pending(force_flush)
        if task is not None and task.cancelling() > cancels:
            raise asyncio.CancelledError
        return flushed

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
        self._dialing.close()
        await self._dialing.wait_closed()

    def given_up(self) -> bool:
        """Return whether the running dial was cancelled, or the client closed, without nats-py noticing.

        Python 3.11's wait_for, with which nats-py waits, loses a cancel that arrives together with the result.
        """
        task = asyncio.current_task()
        return task is not None and task.cancelling() > self._cancels


async def connect(
    servers: Servers = "nats://localhost:4222",
    *,
    dialer: CustomDialer | None = None,
    trace: DialTrace | None = None,
    deadline: float | None = None,
    **options: "Unpack[ConnectOptions]",
) -> Client:
    """Return a client connected through a dialer: ``nats.connect`` with a custom dialer.

    nats-py decides when to retry, and calls its callbacks. ``error_cb`` receives a DialError for each failed dial or
    handshake, and nats-py's own error where the server refused with ``-ERR``. A cancel leaves nothing open.

    Unlike nats-py's own transport, an untrusted certificate ends the attempt, a frozen server does not block
    ``close()``, an invalid greeting does not end the retries, and TLS is required of every server if one URL is
    ``tls://`` or a TLS context is given (as in nats.go; what a server demanded before does not bind the next one).

    Args:
        servers: One URL or several: ``nats://``, ``tls://``, ``ws://``, ``wss://``.
        dialer: Opens the connections; ``Dialer()`` by default.
        trace: Hooks to call for each step of each dial.
        deadline: Time on the running loop's clock, in seconds; None for no limit.
            Covers the initial connect over all servers and retries.
        options: nats-py's.

    Raises:
        DialError: A handshake failed and ``allow_reconnect`` is False, or the deadline passed (``DialTimeout``).
        nats.errors.NoServersError: Every server failed; the last failure is its ``__cause__``.
        TypeError: ``dialer`` is not a dialer, or returned something else than a stream; ``trace`` is no ``DialTrace``.
    """
    client = Client(dialer=dialer, trace=trace)
    await client.connect(servers, deadline=deadline, **options)
    return client
