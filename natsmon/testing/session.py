"""One connection of a ``ScriptedServer``, as the server sees it, and scripts for it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from natsmon.config.subjects import subject_matches
from natsmon.dial.arguments import check
from natsmon.dial.errors import DialError
from natsmon.dial.stream import Address
from natsmon.testing.memory_pipe import memory_pipe

if TYPE_CHECKING:
    from natsmon.testing.scripted_server import ScriptedServer


class Published(NamedTuple):
    """A message that a client published."""

    subject: str
    payload: bytes
    reply: str = ""
    headers: bytes = b""
    """As sent, with the version line; empty without headers."""


class Session:
    """One connection, as the server sees it. It exists before the client's dial returns."""

    def __init__(self, server: "ScriptedServer", number: int, address: Address) -> None:
        self.server = server
        self.number = number
        """From 1."""
        self.address = address
        """Host and port that the client dialed."""
        self.connect_options: dict[str, Any] = {}
        """The object of CONNECT; empty until it was received."""
        self.lines: list[bytes] = []
        """Every line received, without its end."""
        self.client_end, self._stream = memory_pipe(f"{address[0]}:{address[1]}")
        self.opened = False
        """Whether the client's dial has returned."""
        self._subscriptions: dict[str, tuple[str, str]] = {}
        """Subject and queue group of each; the group is empty without one."""

    def write(self, data: bytes) -> None:
        """Send bytes to the client.

        Args:
            data: Protocol lines, with their ends.
        """
        self._stream.writer.write(data)

    def info(self, **fields: Any) -> None:
        """Send INFO.

        Args:
            **fields: Fields beside the usual ones (ADR-40).
        """
        usual = {"server_id": "TEST", "server_name": "test", "version": "2.12.0", "proto": 1, "headers": True}
        self.write(b"INFO " + json.dumps({**usual, "max_payload": 1048576, **fields}).encode() + b"\r\n")

    async def line(self) -> bytes:
        """Return the next line of the client, empty after its end."""
        try:
            line = (await self._stream.reader.readuntil(b"\n")).rstrip()
        except asyncio.IncompleteReadError:
            return b""
        self.lines.append(line)
        if line.startswith(b"CONNECT "):
            self.connect_options = json.loads(line[8:])
        self.server.changed()
        return line

    async def handshake(self, **fields: Any) -> None:
        """Send INFO, receive CONNECT and PING, send PONG.

        Args:
            **fields: Of INFO.

        Raises:
            ConnectionResetError: The client closed the connection.
        """
        self.info(**fields)
        await self.until_line(b"CONNECT ")
        if self.connect_options.get("verbose"):
            self.write(b"+OK\r\n")
        await self.until_line(b"PING")
        self.write(b"PONG\r\n")

    async def until_line(self, start: bytes) -> bytes:
        """Receive lines up to one that begins like this, and return it.

        Args:
            start: The first bytes of the line, as ``PUB``.

        Raises:
            ConnectionResetError: The client closed the connection.
        """
        while line := await self.line():
            if line.startswith(start):
                return line
        raise ConnectionResetError("the client closed the connection")

    async def serve(self) -> None:
        """Answer PING, and pass messages on to the subscriptions of every session, until the client closes.

        Raises:
            asyncio.IncompleteReadError: The client closed within a message.
        """
        while line := await self.line():
            verb, *words = line.decode().split()
            match verb, words:
                case "PING", _:
                    self.write(b"PONG\r\n")
                case "SUB", [subject, *group, sid]:
                    self._subscriptions[sid] = subject, "".join(group)
                case "UNSUB", [sid]:
                    self._subscriptions.pop(sid, None)
                case "PUB", [subject, *reply, size]:
                    self.server.publish(subject, (await self._body(int(size))), reply="".join(reply), source=self)
                case "HPUB", [subject, *reply, head, size]:
                    body = await self._body(int(size))
                    at = int(head)
                    self.server.publish(subject, body[at:], reply="".join(reply), headers=body[:at], source=self)
                case _:
                    pass
        self.close()

    async def _body(self, size: int) -> bytes:
        return (await self._stream.reader.readexactly(size + 2))[:-2]

    def deliver(self, message: Published, served: set[tuple[str, str]] | None = None) -> bool:
        """Send a message to each matching subscription of this client, and to one of each queue group.

        Args:
            message: Subject, payload, reply and headers.
            served: Subjects and queue groups that have received it; those of this client are added.

        Returns:
            Whether a subscription received it.
        """
        received = False
        served = set() if served is None else served
        subject, payload, reply, headers = message
        sizes = f"{len(headers)} {len(headers) + len(payload)}" if headers else f"{len(payload)}"
        for sid, member in self._subscriptions.items():
            pattern, group = member
            if member not in served and subject_matches(pattern, subject):
                if group:
                    served.add(member)
                words = " ".join(filter(None, ("HMSG" if headers else "MSG", subject, sid, reply, sizes)))
                self.write(words.encode() + b"\r\n" + headers + payload + b"\r\n")
                received = True
        return received

    def close(self) -> None:
        """Close the connection, as a server that ends."""
        self._subscriptions.clear()
        self._stream.writer.close()


Script = Callable[[Session], Awaitable[None]]
"""What the server does on one connection. A script that ends leaves the connection open for ``Session.close``; one
that raises closes it, and ``ScriptedServer.until`` and ``ScriptedServer.close`` raise the exception in the test."""


async def serve(session: Session) -> None:
    """A server that works: handshake, PONG, subscriptions, messages."""
    await session.handshake()
    await session.serve()


async def refuse(session: Session) -> None:
    """Nothing listens.

    Raises:
        DialError: A ``DialRefused``, from the client's dial.
    """
    raise DialError("tcp", "refused", "Connection refused")


async def silent(session: Session) -> None:
    """A server that accepts and sends nothing."""
    await asyncio.Event().wait()


async def close(session: Session) -> None:
    """A server that accepts and closes."""
    session.close()


def greet(data: bytes) -> Script:
    """Return the script of a peer that sends other bytes instead of INFO.

    Args:
        data: These bytes.

    Raises:
        TypeError: They are no bytes.
    """
    check("data", data, "bytes", bytes)

    async def script(session: Session) -> None:
        session.write(data)

    return script


def reject(text: str) -> Script:
    """Return the script of a server that refuses the client with ``-ERR`` after CONNECT.

    Args:
        text: Its error, as ``Authorization Violation``.

    Raises:
        TypeError: It is no string.
    """
    check("text", text, "a string", str)

    async def script(session: Session) -> None:
        session.info(auth_required=True)
        await session.until_line(b"PING")
        session.write(f"-ERR '{text}'\r\n".encode())
        session.close()

    return script
