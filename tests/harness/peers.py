"""Scripted peers on raw sockets, for what a real nats-server does not do.

Each is an async context manager that yields a ``Peer`` listening on a free loopback port::

    async with peers.silent() as peer:
        ...dial peer.url...

``held=True`` makes a peer that completes the handshake wait for ``peer.release()`` before it misbehaves.
"""

import asyncio
import math
from functools import partial
from typing import Any

from tests.harness.peer import Peering, Talk, info_line, playing

HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold red]peer[/] [link=file:///etc]x[/link]\r\n\x9b31m"
"""Moves the cursor, sets a title, starts markup and ends a line, where it is shown unescaped."""


def correct(**info: Any) -> Peering:
    """A small real server: see ``serve``."""
    return playing(partial(serve, **info))


async def serve(talk: Talk, pongs: float = math.inf, **info: Any) -> None:
    """Send INFO, answer PING, and deliver what is published to subscribers of the same subject, without wildcards.

    Args:
        talk: The connection.
        pongs: How many PINGs are answered.
        **info: Fields of INFO.
    """
    subscriptions = talk.subscriptions
    await talk.info(**info)
    while line := await talk.line():
        match line.split():
            case [b"PING"]:
                if (pongs := pongs - 1) >= 0:
                    await talk.send(b"PONG\r\n")
            case [b"SUB", subject, *_, sid]:
                subscriptions[sid] = subject
            case [b"UNSUB", sid, *_]:
                subscriptions.pop(sid, None)
            case [b"PUB" | b"HPUB" as verb, subject, *_, size] as words:
                payload = await talk.exactly(int(size) + 2)
                sizes = b" ".join(words[-2:] if verb == b"HPUB" else words[-1:])
                for sid, wanted in subscriptions.items():
                    if wanted == subject:
                        head = (verb.replace(b"PUB", b"MSG"), subject, sid, sizes)
                        await talk.send(b" ".join(head) + b"\r\n" + payload)


def close_at_once(*, reset: bool = False) -> Peering:
    async def script(talk: Talk) -> None:
        if reset:
            talk.reset()

    return playing(script)


def silent() -> Peering:
    """Accepts and sends nothing."""
    return playing(Talk.until_closed)


def http_400() -> Peering:
    return _sends(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request")


def garbage() -> Peering:
    return _sends(bytes(range(256)) * 4 + b"\r\n")


def endless_line() -> Peering:
    """A line without an end, as fast as it is read."""

    async def script(talk: Talk) -> None:
        await talk.send(b'INFO {"server_id":"')
        while True:
            await talk.send(b"A" * 65536)

    return playing(script)


def slow_info(pace: float = 0.05) -> Peering:
    """INFO byte by byte, too slowly for any timeout."""

    async def script(talk: Talk) -> None:
        for byte in info_line(talk.peer.port):
            await talk.send(bytes([byte]))
            await asyncio.sleep(pace)
        await talk.until_closed()

    return playing(script)


def info_then_close() -> Peering:
    return playing(Talk.info)


def info_then_silent(**info: Any) -> Peering:
    """Never answers a PING."""

    async def script(talk: Talk) -> None:
        await talk.info(**info)
        await talk.until_closed()

    return playing(script)


def info_not_json() -> Peering:
    return _sends(b"INFO {server_id: unquoted\r\n")


def info_not_object() -> Peering:
    return _sends(b"INFO [1, 2, 3]\r\n")


def info_with_hostile_names() -> Peering:
    """A correct peer whose names contain terminal sequences and markup."""
    return correct(server_name=HOSTILE, cluster=HOSTILE, version=HOSTILE, server_id=HOSTILE, client_ip=HOSTILE)


def err_after_connect(text: str = "Authorization Violation") -> Peering:
    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"CONNECT")
        await talk.send(f"-ERR '{text}'\r\n".encode())

    return playing(script)


def err_before_connect(text: str) -> Peering:
    """Sends INFO and an error at once, and resets the connection: CONNECT cannot be written."""

    async def script(talk: Talk) -> None:
        talk.writer.write(info_line(talk.peer.port) + f"-ERR '{text}'\r\n".encode())
        talk.reset()
        talk.writer.transport.abort()

    return playing(script)


def ping_before_pong() -> Peering:
    """Sends PING before it answers one, as a server may, and continues correctly."""

    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"PING")
        await talk.send(b"PING\r\n")
        await talk.until_line(b"PONG")
        await talk.send(b"PONG\r\n")
        while line := await talk.line():
            if line.startswith(b"PING"):
                await talk.send(b"PONG\r\n")

    return playing(script)


def pong_then_garbage(*, held: bool = False) -> Peering:
    return _connects_then(bytes(range(256)) + b"\r\n", held=held, closes=False)


def pong_then_bad_info(*, held: bool = False) -> Peering:
    return _connects_then(b"INFO {not json\r\n", held=held, closes=False)


def stale(*, held: bool = False) -> Peering:
    """Send what a server sends before it closes a client that answered no PING."""
    return _connects_then(b"-ERR 'Stale Connection'\r\n", held=held, closes=True)


def _sends(data: bytes) -> Peering:
    async def script(talk: Talk) -> None:
        await talk.send(data)
        await talk.until_closed()

    return playing(script)


def _connects_then(data: bytes, *, held: bool, closes: bool) -> Peering:
    async def script(talk: Talk) -> None:
        await talk.handshake()
        reading = asyncio.create_task(talk.until_closed())
        try:
            await talk.released(held)
            await talk.send(data)
            if not closes:
                await reading
        finally:
            reading.cancel()

    return playing(script)
