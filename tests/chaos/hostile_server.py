"""A NATS server that breaks the rules of the protocol in the way that is set."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

from tests.harness.peer import Peer, Peering, Talk, info_line, playing
from tests.harness.peers import serve

Behaviour = Callable[[Talk], Coroutine[Any, Any, None]]
_MANY = 1_000
"""Protocol lines in one write of a flood."""
_ADVERTISED = [f"127.1.{number >> 8}.{number & 255}:9" for number in range(10_000)]
"""Addresses of loopback at which nothing listens."""


async def _wait() -> None:
    """Until the connection has ended, which cancels this."""
    await asyncio.get_running_loop().create_future()


async def _flood(talk: Talk, lines: bytes) -> None:
    while True:
        await talk.send(lines)


# -- instead of a handshake -----------------------------------------------------------------------------


async def _send_and_wait(talk: Talk, data: bytes) -> None:
    await talk.send(data)
    await talk.until_closed()


async def garbled_info(talk: Talk) -> None:
    await _send_and_wait(talk, info_line(talk.peer.port).translate(bytes(byte ^ 1 for byte in range(256))))


async def truncated_info(talk: Talk) -> None:
    await _send_and_wait(talk, info_line(talk.peer.port)[:-20])


async def huge_info(talk: Talk) -> None:
    await _send_and_wait(talk, info_line(talk.peer.port, server_name="x" * (2 << 20)))


async def endless_info(talk: Talk) -> None:
    await talk.send(b'INFO {"server_id":"')
    await _flood(talk, b"x" * 65536)


async def silence(talk: Talk) -> None:
    await talk.until_closed()


async def absurd_nonce(talk: Talk) -> None:
    await talk.info(auth_required=True, nonce="n" * 100_000)
    await talk.until_line(b"CONNECT")
    await _send_and_wait(talk, b"-ERR 'Authorization Violation'\r\n")


async def changed_authentication(talk: Talk) -> None:
    await talk.info(auth_required=True)
    await talk.until_line(b"CONNECT")
    await talk.send(b"-ERR 'Authorization Violation'\r\n")


async def no_pong(talk: Talk) -> None:
    await talk.info()
    await talk.until_closed()


async def info_flood_before_pong(talk: Talk) -> None:
    await _flood(talk, info_line(talk.peer.port) * 50)


async def ping_flood_before_pong(talk: Talk) -> None:
    await talk.info()
    await _flood(talk, b"PING\r\n" * _MANY)


async def err_flood_before_pong(talk: Talk) -> None:
    await talk.info()
    await _flood(talk, b"-ERR 'Maximum Connections Exceeded'\r\n" * _MANY)


# -- after a handshake ----------------------------------------------------------------------------------


async def withheld_pong(talk: Talk) -> None:
    await serve(talk, pongs=1)


def _while_serving(abuse: Behaviour) -> Behaviour:
    """Serve correctly until the client has subscribed or waited a moment; then abuse it as well."""

    async def behaviour(talk: Talk) -> None:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve(talk))
            await asyncio.sleep(0.02)
            abusing = tasks.create_task(abuse(talk))
            talk.peer.changed(abused=1)
            await asyncio.wait({serving, abusing}, return_when=asyncio.FIRST_COMPLETED)
            for task in (serving, abusing):
                task.cancel()

    behaviour.__name__ = abuse.__name__
    return behaviour


@_while_serving
async def info_flood(talk: Talk) -> None:
    await _flood(talk, info_line(talk.peer.port) * 50)


@_while_serving
async def err_flood(talk: Talk) -> None:
    await _flood(talk, b"-ERR 'Permissions Violation for Publish to \"elsewhere\"'\r\n" * _MANY)


@_while_serving
async def ping_flood(talk: Talk) -> None:
    await _flood(talk, b"PING\r\n" * _MANY)


@_while_serving
async def pong_flood(talk: Talk) -> None:
    await _flood(talk, b"PONG\r\n" * _MANY)


@_while_serving
async def ok_flood(talk: Talk) -> None:
    await _flood(talk, b"+OK\r\n" * _MANY)


@_while_serving
async def msg_flood(talk: Talk) -> None:
    sids = [*talk.subscriptions, b"404"]
    await _flood(talk, b"".join(b"MSG flood %b 5\r\nflood\r\n" % sid for sid in sids) * 100)


@_while_serving
async def forged_messages(talk: Talk) -> None:
    """Echoes of messages that were never sent, of other sessions, and with numbers that are none."""
    for number in itertools.count(1):
        for session in (b"0" * 32, b"", b"\x1b[31m"):
            head = b"NATS/1.0\r\nNatsmon-Session: %b\r\nNatsmon-Seq: %d\r\n\r\n" % (session, number * 10**9)
            for sid, subject in talk.subscriptions.items():
                await talk.send(b"HMSG %b %b %d %d\r\n%b\r\n" % (subject, sid, len(head), len(head), head))
        await asyncio.sleep(0.001)


@_while_serving
async def toggled_lame_duck(talk: Talk) -> None:
    for on in itertools.cycle((True, False)):
        await talk.info(ldm=on)
        await asyncio.sleep(0.005)


@_while_serving
async def shrinking_max_payload(talk: Talk) -> None:
    for power in range(20, -1, -1):
        await talk.info(max_payload=1 << power)
        await asyncio.sleep(0.005)
    await talk.info(headers=False)
    await _wait()


@_while_serving
async def many_connect_urls(talk: Talk) -> None:
    await talk.info(connect_urls=_ADVERTISED)
    await _wait()


@_while_serving
async def garbage(talk: Talk) -> None:
    await talk.send(bytes(range(256)) + b"\r\n")
    await _wait()


@_while_serving
async def half_message(talk: Talk) -> None:
    sid = next(iter(talk.subscriptions), b"1")
    await talk.send(b"MSG half %b 1000000\r\nabc" % sid)
    await _wait()


@_while_serving
async def stale_connection(talk: Talk) -> None:
    await talk.send(b"-ERR 'Stale Connection'\r\n")


BEFORE: tuple[Behaviour, ...] = (
    garbled_info, truncated_info, huge_info, endless_info, silence, absurd_nonce, changed_authentication, no_pong,
    info_flood_before_pong, ping_flood_before_pong, err_flood_before_pong,
)  # fmt: skip
"""No client is CONNECTED with one of these."""
AFTER: tuple[Behaviour, ...] = (
    info_flood, err_flood, ping_flood, pong_flood, ok_flood, msg_flood, forged_messages,
    toggled_lame_duck, shrinking_max_payload, many_connect_urls, garbage, stale_connection,
)  # fmt: skip
"""The handshake is correct, what follows is not."""
SILENT: tuple[Behaviour, ...] = (withheld_pong, half_message)
"""The handshake is correct, and what is due after it does not arrive."""


class HostileServer:
    """It has a thread and a loop of its own. ``behaviour`` applies to connections that come from then on.

    Args:
        peering: Another scripted peer, which has one behaviour.
    """

    def __init__(self, peering: Peering | None = None) -> None:
        self.behaviour: Behaviour = serve
        self._peering = peering or playing(self._script)
        self._peer: Peer | None = None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hostile server", daemon=True)
        self._end = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    @property
    def peer(self) -> Peer:
        assert self._peer is not None
        return self._peer

    @property
    def port(self) -> int:
        return self.peer.port

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with self._peering as self._peer:
            self._ready.set()
            await self._end.wait()

    async def _script(self, talk: Talk) -> None:
        try:
            await self.behaviour(talk)
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass
