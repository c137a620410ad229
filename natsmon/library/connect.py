"""``natsmon.connect``: a nats-py client that dials the way you want."""

from typing import Any

import nats.aio.client
import nats.errors

from natsmon.dial.dialer import CustomDialer, Dialer
from natsmon.dial.trace import DialTrace
from natsmon.library.dial_transport import DialTransport
from natsmon.protocol.nats_client import DialClient


async def connect(
    servers: str | list[str] = "nats://localhost:4222",
    *,
    dialer: CustomDialer | None = None,
    trace: DialTrace | None = None,
    **options: Any,
) -> nats.aio.client.Client:
    """What ``nats.connect`` returns, connected through ``dialer``, to which every reconnect goes as well.

    ``dialer`` is a ``Dialer()`` where none is given; any object with its ``dial`` will do (``CustomDialer``), as
    with nats.go's ``SetCustomDialer``. ``trace`` is told every dial, the first and the later ones. ``options``
    are nats-py's own and mean what they mean there; ``connect_timeout``, in seconds, is what a dial gets as its
    deadline, from the name to the open stream, and the TLS handshake, INFO and PONG after it each for themselves.

    Who retries, how often and after which wait is nats-py's business, as are its callbacks. A dial or a
    handshake that failed is a DialError to ``error_cb``, but that what a server refuses with ``-ERR`` is an error
    of nats-py's there; with ``allow_reconnect=False``, one in the handshake is raised. NoServersError has the
    last of either as its ``__cause__``, a DialError. Cancelled, it leaves nothing open.

    Where nats-py's own transport goes wrong, this one does not follow it: a certificate that cannot be trusted
    ends the attempt rather than never, a frozen server does not hold up ``close()``, an odd greeting does not
    end the retrying, and behind ``tls://`` nothing is sent in clear. ``ws://`` and ``wss://`` URLs are left to
    nats-py's own transport, without the dialer.
    """
    transports: list[DialTransport] = []

    def make_transport(client: DialClient) -> DialTransport:
        transports.append(DialTransport(dialer or Dialer(), trace, lambda: client.is_closed, client.given_up))
        return transports[0]

    client = DialClient(make_transport)
    (transport,) = transports
    try:
        await client.connect(servers, **options)
    except nats.errors.NoServersError as error:
        raise error from transport.failure
    except BaseException:
        transport.drop()
        raise
    return client
