"""A nats-py client whose connections are opened by a dialer."""

from typing import TYPE_CHECKING, Any, Unpack

import nats.errors
from nats.aio.transport import Transport

from natsmon.dial import foreign_dialer
from natsmon.dial.deadline import until
from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError
from natsmon.dial.stream import CustomDialer
from natsmon.dial.trace import DialTrace
from natsmon.library.dial_transport import DialTransport
from natsmon.library.dialing_client import Misuse
from natsmon.protocol.nats_client import DialClient

if TYPE_CHECKING:
    from natsmon.library.options import ConnectOptions

Servers = str | list[str]


class Client(DialClient):
    """A nats-py client that dials through a dialer, the first time and at each reconnect.

    Use it where a program has ``NATS()`` or ``nats.aio.client.Client()``.

    Args:
        dialer: Opens the connections; ``Dialer()`` by default (nats.go: ``SetCustomDialer``).
        trace: Hooks to call for each step of each dial.

    Raises:
        TypeError: The dialer has no method ``dial``.
    """

    def __init__(self, *, dialer: CustomDialer | None = None, trace: DialTrace | None = None) -> None:
        self._dialer = Dialer() if dialer is None else dialer
        foreign_dialer.check_dialer(self._dialer)
        self._trace = trace
        super().__init__()

    def make_transport(self) -> Transport:
        """The transport of the next connection."""
        self.dialed = DialTransport(self, self._dialer, self._trace)
        return self.dialed

    def timed_out(self) -> DialError:
        """The error for a timeout of nats-py's in the handshake, with the stage."""
        return self.dialed.timed_out()

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
            DialError: The dial failed and ``allow_reconnect`` is False, or the deadline passed (``DialTimeout``).
            nats.errors.NoServersError: Every server failed; the last failure is its ``__cause__``.
            TypeError: The dialer returned something else than a stream.
        """
        try:
            async with until(deadline):
                await super().connect(servers, *args, **options)
        except nats.errors.NoServersError as error:
            raise error from self.dialed.failure
        except Misuse as misuse:
            self.dialed.drop()
            raise misuse.error from misuse.error.__cause__
        except TimeoutError as error:
            self.dialed.drop()
            if isinstance(error, DialError):
                raise
            failure = self.dialed.failure
            text = "not connected before the deadline" + (f"; the last dial: {failure}" if failure else "")
            raise DialError("connect", "timeout", text, address=str(servers)) from failure
        except BaseException:
            self.dialed.drop()
            raise


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
        DialError: The dial failed and ``allow_reconnect`` is False, or the deadline passed (``DialTimeout``).
        nats.errors.NoServersError: Every server failed; the last failure is its ``__cause__``.
        TypeError: ``dialer`` is not a dialer, or returned something else than a stream; ``trace`` is no ``DialTrace``.
    """
    client = Client(dialer=dialer, trace=trace)
    await client.connect(servers, deadline=deadline, **options)
    return client
