"""WebSocket as tests need it: the ports of real servers, and frames by hand for scripted peers."""

import base64
import hashlib
import json
import re
import struct
from collections.abc import Awaitable, Callable

from natsmon.config.settings import Server
from natsmon.lab.nats_server import HOST, NatsServer
from tests.harness.peer import Peer, Peering, Talk, info_line, playing

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def listening_on(port: int = -1, inside: str = "no_tls: true") -> str:
    """The ``websocket`` block of a nats-server."""
    return f'websocket {{ listen: "{HOST}:{port}", {inside} }}'


def port_of(server: NatsServer) -> int:
    """The port of a server's ``websocket`` block, which is free to choose its own."""
    (file,) = server.folder.glob(f"*_{server.pid}.ports")
    return int(json.loads(file.read_text())["websocket"][0].rpartition(":")[2])


def address(server: NatsServer, scheme: str = "ws") -> Server:
    return Server(HOST, port_of(server), scheme)


def at(peer: Peer, scheme: str = "ws") -> Server:
    return Server(HOST, peer.port, scheme)


def frame(payload: bytes, opcode: int = BINARY, *, fin: bool = True) -> bytes:
    """As a server sends it, unmasked."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)
    assert size < 65536
    return bytes([(0x80 if fin else 0) | opcode]) + length + payload


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(struct.pack("!H", code) + reason.encode(), CLOSE)


async def read_frame(talk: Talk) -> tuple[int, bytes]:
    """The next frame of a client: its opcode and its payload, unmasked."""
    first, length = await talk.reader.readexactly(2)
    assert length & 0x80, "a client masks"
    size = length & 0x7F
    if size >= 126:
        size = int.from_bytes(await talk.reader.readexactly(2 if size == 126 else 8), "big")
    mask = await talk.reader.readexactly(4)
    masked = await talk.reader.readexactly(size)
    payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
    if first & 0x0F == BINARY:
        talk._record(payload)
    return first & 0x0F, payload


def agreed(head: bytes) -> bytes:
    """The answer to an upgrade."""
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
    assert key is not None
    accept = base64.b64encode(hashlib.sha1(key[1] + _KEY_SUFFIX).digest())
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return upgrade + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"


def speaking(script: Callable[[Talk], Awaitable[None]], *, behind: Callable[[Peer], bytes] | None = None) -> Peering:
    """A peer that agrees to the upgrade and then plays the script; ``behind`` comes in one packet with the answer."""

    async def upgraded(talk: Talk) -> None:
        head = talk._record(await talk.reader.readuntil(b"\r\n\r\n"))
        await talk.send(agreed(head) + (behind(talk.peer) if behind else b""))
        await script(talk)

    return playing(upgraded)


async def handshake(talk: Talk) -> None:
    """INFO, CONNECT, PING, PONG, in frames."""
    await talk.send(frame(info_line(talk.peer.port)))
    while b"PING\r\n" not in (await read_frame(talk))[1]:
        pass
    await talk.send(frame(b"PONG\r\n"))


async def until_closed(talk: Talk) -> None:
    await talk.until_closed()
