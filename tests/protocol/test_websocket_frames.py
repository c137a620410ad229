"""The frames of a WebSocket, one by one: what a peer may send, and what it may not."""

import asyncio
from typing import Any

import pytest

from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError
from natsmon.dial.stream import SocketStream
from natsmon.lab.nats_server import HOST
from natsmon.protocol import websocket
from tests.harness.peer import Talk, info_line
from tests.harness.time_limits import IN_TIME, WAIT
from tests.protocol import websockets as ws


async def opened(peer: Any) -> SocketStream:
    async with asyncio.timeout(WAIT):
        stream = await Dialer().dial((HOST, peer.port))
        return await websocket.upgrade(stream, ws.at(peer).url)


async def test_all_in_one_packet_and_the_end_of_it() -> None:
    """What a full server does: INFO, -ERR, close frame and FIN right behind the answer."""

    def behind(peer: Any) -> bytes:
        sent = info_line(peer.port) + b"-ERR 'maximum connections exceeded'\r\n"
        return ws.frame(sent) + ws.close_frame(1008, "Maximum Connections Exceeded")

    async def script(talk: Talk) -> None:
        talk.writer.write_eof()

    async with ws.speaking(script, behind=behind) as peer:
        stream = await opened(peer)
        assert (await stream.reader.readuntil(b"\n")).startswith(b"INFO ")
        assert (await stream.reader.readexactly(5)) == b"-ERR "
        assert (await stream.reader.readline()).endswith(b"exceeded'\r\n")
        for read in (stream.reader.read(100), stream.reader.readexactly(1), stream.reader.readuntil(b"\n")):
            with pytest.raises(DialError) as caught:
                await read
            assert caught.value.cause == "limit"
        assert stream.reader.at_eof()
        stream.writer.write(b"into the void")
        stream.writer.transport.abort()


async def test_pieces_of_frames_of_every_kind() -> None:
    """Byte by byte: a message in three frames with a PING among them, one as text, an empty one, a PONG."""
    sent = b"".join(
        [
            ws.frame(b"IN", fin=False),
            ws.frame(b"are you there?", ws.PING),
            ws.frame(b"F", 0, fin=False),
            ws.frame(b"O ", 0),
            ws.frame(b""),
            ws.frame(b"unasked", ws.PONG),
            ws.frame(b"{}\r\n" + b"x" * 300, ws.TEXT),
        ]
    )
    answered: list[tuple[int, bytes]] = []

    async def script(talk: Talk) -> None:
        for byte in sent:
            await talk.send(bytes([byte]))
            await asyncio.sleep(0)
        answered.extend([await ws.read_frame(talk), await ws.read_frame(talk), await ws.read_frame(talk)])

    async with ws.speaking(script) as peer:
        stream = await opened(peer)
        assert await stream.reader.readexactly(309) == b"INFO {}\r\n" + b"x" * 300
        stream.writer.writelines([b"", b"PUB a 0\r\n", b"\r\n"])
        stream.writer.close()
        await stream.writer.wait_closed()
        await peer.until_left()
    assert answered == [
        (ws.PONG, b"are you there?"),
        (ws.BINARY, b"PUB a 0\r\n\r\n"),
        (ws.CLOSE, b"\x03\xe8"),
    ]


async def test_peer_that_does_not_read_is_not_written_to_without_end() -> None:
    async def script(talk: Talk) -> None:
        await talk.released(True)

    async with ws.speaking(script) as peer:
        stream = await opened(peer)
        transport = stream.writer.transport

        async def fill() -> None:
            for _ in range(1024):
                stream.writer.write(b"x" * 65536)
                await stream.writer.drain()

        filling = asyncio.ensure_future(fill())
        async with asyncio.timeout(IN_TIME):
            while not transport.get_write_buffer_size():  # noqa: ASYNC110  # a transport sends no notification
                await asyncio.sleep(0.01)
        await asyncio.wait([filling], timeout=0.2)
        assert not filling.done()
        assert not transport.is_closing()
        filling.cancel()
        transport.abort()
        assert transport.is_closing()
        async with asyncio.timeout(IN_TIME):
            await stream.writer.wait_closed()
        peer.release()


async def test_pings_of_a_peer_that_does_not_read_are_not_answered_without_end() -> None:
    async def script(talk: Talk) -> None:
        talk.writer.transport.pause_reading()  # type: ignore[attr-defined]
        many = ws.frame(b"x" * 125, ws.PING) * 1000
        for _ in range(200):
            await talk.send(many)
        await talk.send(ws.frame(b"done"))
        await talk.released(True)

    async with ws.speaking(script) as peer:
        stream = await opened(peer)
        assert await stream.reader.readexactly(4) == b"done"
        assert stream.writer.transport.get_write_buffer_size() < 1024 * 1024
        stream.writer.transport.abort()
        peer.release()


async def test_unread_frames_pause_the_peer() -> None:
    """Back-pressure in the other direction: the stream takes its limit, and the peer waits."""
    sent = 0

    async def script(talk: Talk) -> None:
        nonlocal sent
        while sent < 1000:
            await talk.send(ws.frame(b"x" * 65000))
            sent += 1

    async with ws.speaking(script) as peer:
        stream = await opened(peer)
        await asyncio.sleep(0.2)
        assert sent < 500
        assert len(await stream.reader.readexactly(65_000_000)) == 65_000_000
        stream.writer.transport.abort()
