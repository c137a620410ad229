"""Dialing a UNIX socket."""

import asyncio
import os
import socket

from natsmon.dial.arguments import check
from natsmon.dial.causes import Cause
from natsmon.dial.deadline import until
from natsmon.dial.errors import DialError, classify
from natsmon.dial.socket_stream import open_stream
from natsmon.dial.stream import Address, Stream
from natsmon.dial.trace import DialTrace, Hooks


class UnixDialer:
    """Opens every connection to one UNIX socket: a sidecar's, or the local end of ``ssh -L``.

    Connects as ``asyncio.open_unix_connection`` does.

    Discovered servers are dialed through it as well, so it suits a single server, or a proxy before several.

    Args:
        path: Of the socket; on Linux, one that begins with NUL is of the abstract namespace.

    Raises:
        TypeError: The path is neither a string nor a path.
        ValueError: The path is empty.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        check("path", path, "the path of a socket", (str, os.PathLike), os.fspath)
        self._path = os.fspath(path)
        self._shown = self._path.replace("\0", "@")  # as ss(8) shows the abstract namespace

    async def dial(self, address: Address, *, deadline: float | None = None, trace: DialTrace | None = None) -> Stream:
        """Connect to the socket; the address is not used. See ``CustomDialer.dial``.

        Raises:
            DialError: In the stage ``tcp``; ``refused`` where there is no such socket.
        """
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            with Hooks(trace).connecting(self._shown):
                async with until(deadline):
                    await asyncio.get_running_loop().sock_connect(sock, self._path)
                    return await open_stream(sock, self._shown)
        except BaseException as error:
            sock.close()
            if isinstance(error, TimeoutError):
                raise DialError("tcp", "timeout", "no answer to the connect", address=self._shown) from error
            if isinstance(error, OSError):
                cause, text = classify(error)
                if isinstance(error, FileNotFoundError):
                    cause, text = Cause.REFUSED, f"there is no {self._shown}"
                raise DialError("tcp", cause, text, address=self._shown, origin=error) from error
            raise
