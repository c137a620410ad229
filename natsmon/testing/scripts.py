"""Scripts for a ``ScriptedServer``."""

import asyncio

from natsmon.dial.arguments import check
from natsmon.dial.errors import DialError
from natsmon.testing.scripted_server import Script
from natsmon.testing.session import Session


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
