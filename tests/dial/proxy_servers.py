"""Small proxies for tests: real enough to relay to a real server, and scripted where they will not."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.harness.peer import HOST, Peer, Peering, Talk, playing


async def relay(talk: Talk, host: str, port: int, greeting: bytes) -> None:
    """Send success, in one piece with what the server sends first, and pass on everything after it."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        first = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                first = await reader.readline()
        await talk.send(greeting + first)
        await asyncio.wait(
            [asyncio.ensure_future(pump(reader, talk.writer)), asyncio.ensure_future(pump(talk.reader, writer))],
        )
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def socks(login: tuple[str, str] | None = None, reply: int = 0) -> AsyncIterator[Peer]:
    """A SOCKS5 proxy. Its ``targets`` are as they came."""

    async def script(talk: Talk) -> None:
        version, count = await talk.exactly(2)
        assert version == 5
        offered = await talk.exactly(count)
        method = 2 if login else 0
        if method not in offered:
            await talk.send(b"\x05\xff")
            return
        await talk.send(bytes([5, method]))
        if login:
            _, length = await talk.exactly(2)
            user = await talk.exactly(length)
            password = await talk.exactly((await talk.exactly(1))[0])
            good = (user.decode(), password.decode()) == login
            await talk.send(bytes([1, 0 if good else 1]))
            if not good:
                return
        *_, kind = await talk.exactly(4)
        if kind == 3:
            host = (await talk.exactly((await talk.exactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await talk.exactly(4))) if kind == 1 else (await talk.exactly(16)).hex()
        port = int.from_bytes(await talk.exactly(2), "big")
        talk.peer.targets.append(f"{host}:{port}")
        if reply:
            await talk.send(bytes([5, reply, 0, 1]) + bytes(6))
            return
        await relay(talk, HOST if host.endswith(".example") else host, port, b"\x05\x00\x00\x03\x04abcd\x00\x01")

    async with playing(script) as peer:
        yield peer


@asynccontextmanager
async def http(
    login: tuple[str, str] | None = None, status: str = "200 OK", interim: bytes = b""
) -> AsyncIterator[Peer]:
    """An HTTP proxy that knows CONNECT."""

    async def script(talk: Talk) -> None:
        request = (await talk.line()).decode().split()
        if not request:  # the client has left
            return
        assert request[0] == "CONNECT"
        headers = {}
        while line := (await talk.line()).strip():
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        talk.peer.targets.append(request[1])
        assert headers["Host"] == request[1]
        wanted = login and "Basic " + base64.b64encode(":".join(login).encode()).decode()
        if wanted and headers.get("Proxy-Authorization") != wanted:
            await talk.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        if not status.startswith("2"):
            await talk.send(f"HTTP/1.1 {status}\r\n\r\n".encode())
            return
        host, _, port = request[1].rpartition(":")
        await relay(
            talk,
            HOST if host.endswith(".example") else host,
            int(port),
            interim + f"HTTP/1.1 {status}\r\nVia: test\r\n\r\n".encode(),
        )

    async with playing(script) as peer:
        yield peer


def answering(data: bytes) -> Peering:
    """Answers whatever it is asked with this."""

    async def script(talk: Talk) -> None:
        await talk.reader.read(65536)
        await talk.send(data)
        await talk.until_closed()

    return playing(script)
