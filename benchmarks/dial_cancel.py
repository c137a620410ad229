"""``natsmon.connect()`` cancelled at random moments, with every dialer: how long does it take, and what is left?"""

import asyncio
import gc
import logging
import os
import random
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from nats.aio.client import Client

import natsmon
from benchmarks import dialing, servers
from benchmarks.table import Row, ms, spread
from natsmon import CustomDialer
from natsmon.lab.nats_server import HOST
from tests.dial import proxy_servers
from tests.harness import processes
from tests.protocol import websockets

_TIMES = 1000
_QUICK_TIMES = 100
_LIMIT = 0.010
_LONGEST = {False: 0.003, True: 0.008}
"""Seconds until the cancel, at random up to this, by TLS or not: a little more than a connect takes."""


def run(quick: bool) -> Row:
    logging.getLogger("nats.aio.client").setLevel(logging.CRITICAL)
    with servers.nats_server() as server, dialing.tls_server() as (secure, context):
        found = asyncio.run(_every_dialer(server.port, secure.url, context, _QUICK_TIMES if quick else _TIMES))
    slowest = max(max(taken) for taken, _ in found.values())
    clean = all(left == _NOTHING for _, left in found.values())
    return Row(
        "natsmon.connect() cancelled → over, max",
        ms(slowest),
        f"≤ {_LIMIT * 1000:g} ms",
        slowest <= _LIMIT and clean,
        notes=[f"{name}: {spread(taken)}; left behind: {left}" for name, (taken, left) in found.items()],
    )


_NOTHING = "0 sockets, 0 files, 0 tasks, 0 threads, 0 processes, 0 complaints"


async def _every_dialer(
    port: int, secure: str, context: ssl.SSLContext, times: int
) -> dict[str, tuple[list[float], str]]:
    url = f"nats://{HOST}:{port}"
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder) / "nats.sock"
        await stack.enter_async_context(_unix_socket(path, port))
        socks = await stack.enter_async_context(proxy_servers.socks())
        http = await stack.enter_async_context(proxy_servers.http())
        gateway = await stack.enter_async_context(websockets.speaking(websockets.handshake))
        ways: dict[str, tuple[str, CustomDialer | None, ssl.SSLContext | None]] = {
            "plain": (url, None, None),
            "TLS": (secure, None, context),
            "Unix": (url, natsmon.UnixDialer(path), None),
            "command": (url, natsmon.CommandDialer(["cat"]), None),
            "PROXY": (url, natsmon.ProxyProtocolDialer(), None),
            "SOCKS": (url, natsmon.SocksDialer((HOST, socks.port)), None),
            "HTTP": (url, natsmon.HttpConnectDialer((HOST, http.port)), None),
            "WebSocket": (url, natsmon.WebSocketDialer(f"ws://{HOST}:{gateway.port}/"), None),
        }
        return {name: await _cancel_often(*way, times) for name, way in ways.items()}


@asynccontextmanager
async def _unix_socket(path: Path, port: int) -> AsyncIterator[None]:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection(HOST, port)
        await asyncio.gather(proxy_servers.pump(reader, to), proxy_servers.pump(there, writer))

    async with await asyncio.start_unix_server(forward, path):
        yield


async def _cancel_often(
    url: str, dialer: CustomDialer | None, context: ssl.SSLContext | None, times: int
) -> tuple[list[float], str]:
    taken = []
    rng = random.Random(1)
    async with dialing.complaints() as complaints:
        before = _counts()
        for _ in range(times):
            connecting = asyncio.ensure_future(_client(natsmon.connect(url, dialer=dialer, tls=context)))
            await asyncio.sleep(rng.uniform(0.0, _LONGEST[context is not None]))
            began = time.perf_counter()
            connecting.cancel()
            await asyncio.wait([connecting])
            taken.append(time.perf_counter() - began)
            if not connecting.cancelled() and connecting.exception() is None:
                await connecting.result().close()
        left = await _left(before)
    return taken, "{} sockets, {} files, {} tasks, {} threads, {} processes, {} complaints".format(
        *left, len(complaints)
    )


async def _left(before: tuple[int, ...]) -> list[int]:
    """What is there beyond what was, once the other ends have closed."""
    for _ in range(40):
        await asyncio.sleep(0.05)
        gc.collect()
        left = [max(0, after - count) for after, count in zip(_counts(), before, strict=True)]
        if not any(left):
            break
    return left


async def _client(connecting: Awaitable[Client]) -> Client:
    return await connecting


def _counts() -> tuple[int, ...]:
    files = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    sockets, tasks = processes.tcp_sockets(os.getpid()), len(asyncio.all_tasks())
    return sockets, files, tasks, threading.active_count(), len(processes.children(os.getpid()))
