"""Every scripted peer, seen through a plain socket: it behaves as its name states."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.harness import peers
from tests.harness.peer import HOST, Peer, Peering, Talk, playing
from tests.harness.time_limits import FOREVER, WAIT

CONNECT = b'CONNECT {"verbose":false}\r\nPING\r\n'


class Client:
    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer, self.reader, self.writer = peer, reader, writer

    async def line(self) -> bytes:
        return await asyncio.wait_for(self.reader.readline(), WAIT)

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), WAIT)

    async def is_silent(self) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.reader.read(1), 0.05)
            return False
        return True


@asynccontextmanager
async def connected(peering: Peering) -> AsyncIterator[Client]:
    async with peering as peer:
        reader, writer = await asyncio.open_connection(HOST, peer.port)
        try:
            yield Client(peer, reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def info_of(line: bytes) -> Any:
    assert line.startswith(b"INFO ")
    return json.loads(line[5:])


async def greeted(client: Client) -> None:
    info_of(await client.line())
    client.writer.write(CONNECT)
    assert await client.line() == b"PONG\r\n"


async def test_correct_echoes_and_records() -> None:
    async with connected(peers.correct(server_name="a")) as client:
        assert info_of(await client.line())["server_name"] == "a"
        client.writer.write(CONNECT)
        assert await client.line() == b"PONG\r\n"
        client.writer.write(b"SUB hello 7\r\nPUB other 2\r\nno\r\nPUB hello 5\r\nwor\r\n\r\n")
        assert await client.line() + await client.line() + await client.line() == b"MSG hello 7 5\r\nwor\r\n\r\n"
        client.writer.write(b"HPUB hello reply 12 14\r\nNATS/1.0\r\n\r\nhi\r\n")
        assert await client.reader.readexactly(36) == b"HMSG hello 7 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"
        client.writer.write(b"UNSUB 7\r\nPUB hello 0\r\n\r\nPING\r\n")
        await client.peer.until_received(b"UNSUB 7\r\n")
        assert client.peer.connect_options == [{"verbose": False}]
        assert "PUB other 2" in client.peer.lines


async def test_peer_counts_connections() -> None:
    async with connected(peers.silent()) as client:
        await client.peer.until_connected()
        assert (client.peer.connections, client.peer.open) == (1, 1)
        client.writer.close()
        await client.peer.until_left()


async def test_peer_that_breaks_its_script_is_reported() -> None:
    async def broken(_: Talk) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with connected(playing(broken)) as client:
            await client.peer.until_connected()


async def test_close_at_once() -> None:
    async with connected(peers.close_at_once()) as client:
        assert await client.rest() == b""


async def test_reset_at_once() -> None:
    with pytest.raises(ConnectionResetError):
        async with connected(peers.close_at_once(reset=True)) as client:
            await client.rest()


@pytest.mark.parametrize(
    ("peering", "start"),
    [(peers.http_400, b"HTTP/1.1 400 "), (peers.garbage, b"\x00\x01"), (peers.info_not_json, b"INFO {s")],
)
async def test_peer_sends_the_text(peering: Any, start: bytes) -> None:
    async with connected(peering()) as client:
        assert (await client.reader.read(64)).startswith(start)


async def test_silent() -> None:
    async with connected(peers.silent()) as client:
        assert await client.is_silent()


async def test_endless_line() -> None:
    async with connected(peers.endless_line()) as client:
        assert b"\n" not in await client.reader.readexactly(1_000_000)


async def test_slow_info() -> None:
    async with connected(peers.slow_info(pace=FOREVER)) as client:
        assert await client.reader.read(100) == b"I"
        assert await client.is_silent()
    async with connected(peers.slow_info(pace=0.0)) as client:
        info_of(await client.line())


async def test_info_then_close() -> None:
    async with connected(peers.info_then_close()) as client:
        info_of(await client.rest())


async def test_info_then_silent() -> None:
    async with connected(peers.info_then_silent(max_payload=1)) as client:
        assert info_of(await client.line())["max_payload"] == 1
        client.writer.write(CONNECT)
        await client.peer.until_received(b"PING")
        assert await client.is_silent()


async def test_info_not_object() -> None:
    async with connected(peers.info_not_object()) as client:
        assert info_of(await client.line()) == [1, 2, 3]


async def test_hostile_names() -> None:
    async with connected(peers.info_with_hostile_names()) as client:
        info = info_of(await client.line())
        assert "\x1b[2J" in info["server_name"]
        assert "[bold red]" in info["cluster"]


async def test_err_after_connect() -> None:
    async with connected(peers.err_after_connect("Nope")) as client:
        info_of(await client.line())
        assert await client.is_silent()
        client.writer.write(CONNECT)
        assert await client.rest() == b"-ERR 'Nope'\r\n"


async def test_ping_before_pong() -> None:
    async with connected(peers.ping_before_pong()) as client:
        info_of(await client.line())
        client.writer.write(CONNECT)
        assert await client.line() == b"PING\r\n"
        client.writer.write(b"PONG\r\n")
        assert await client.line() == b"PONG\r\n"


async def test_held_peer_waits_for_its_release() -> None:
    async with connected(peers.stale(held=True)) as client:
        await greeted(client)
        assert await client.is_silent()
        client.peer.release()
        assert await client.rest() == b"-ERR 'Stale Connection'\r\n"


@pytest.mark.parametrize(
    ("peering", "start"), [(peers.pong_then_garbage, b"\x00\x01"), (peers.pong_then_bad_info, b"INFO {not json\r\n")]
)
async def test_pong_then(peering: Any, start: bytes) -> None:
    async with connected(peering()) as client:
        await greeted(client)
        assert (await client.reader.read(64)).startswith(start)
        client.writer.write(b"PUB a 0\r\n\r\n")
        await client.peer.until_received(b"PUB a 0")


@pytest.mark.parametrize("turns", range(5))
async def test_connection_that_is_accepted_at_the_end_is_closed(turns: int) -> None:
    with socket.socket() as client:
        async with playing(Talk.until_closed) as peer:
            client.connect((HOST, peer.port))
            for _ in range(turns):
                await asyncio.sleep(0)
        client.setblocking(False)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1), WAIT) == b""
