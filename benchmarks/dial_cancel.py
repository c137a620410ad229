"""``natsmon.connect()`` cancelled at random moments, plain and under TLS: how soon is it over, and what is left?"""

import asyncio
import gc
import os
import random
import ssl
import threading
import time
from collections.abc import Awaitable

from nats.aio.client import Client

import natsmon
from benchmarks import dialing, servers
from benchmarks.table import Row, ms, spread
from tests.harness import processes

_TIMES = 1000
_QUICK_TIMES = 200
_LIMIT = 0.010
_LONGEST = {False: 0.003, True: 0.008}
"""Seconds until the cancel, at random up to this, by TLS or not: a little more than a connect takes."""


def run(quick: bool) -> Row:
    each = (_QUICK_TIMES if quick else _TIMES) // 2
    with servers.nats_server() as server, dialing.tls_server() as (secure, context):
        plain, left = asyncio.run(_cancel_often(server.url, None, each))
        tls, left_tls = asyncio.run(_cancel_often(secure.url, context, each))
    slowest = max(*plain, *tls)
    clean = left == left_tls == _NOTHING
    return Row(
        "natsmon.connect() cancelled → over, max",
        ms(slowest),
        f"≤ {_LIMIT * 1000:g} ms",
        slowest <= _LIMIT and clean,
        notes=[
            f"plain: {spread(plain)}; left behind: {left}",
            f"TLS:   {spread(tls)}; left behind: {left_tls}",
        ],
    )


_NOTHING = "0 sockets, 0 tasks, 0 threads, 0 complaints"


async def _cancel_often(url: str, context: ssl.SSLContext | None, times: int) -> tuple[list[float], str]:
    taken = []
    rng = random.Random(1)
    async with dialing.complaints() as complaints:
        before = _counts()
        for _ in range(times):
            connecting = asyncio.ensure_future(_client(natsmon.connect(url, tls=context)))
            await asyncio.sleep(rng.uniform(0.0, _LONGEST[context is not None]))
            began = time.perf_counter()
            connecting.cancel()
            await asyncio.wait([connecting])
            taken.append(time.perf_counter() - began)
            if not connecting.cancelled():
                await connecting.result().close()
        await asyncio.sleep(0.2)
        gc.collect()
        left = [after - count for after, count in zip(_counts(), before, strict=True)]
    return taken, "{} sockets, {} tasks, {} threads, {} complaints".format(*left, len(complaints))


async def _client(connecting: Awaitable[Client]) -> Client:
    return await connecting


def _counts() -> tuple[int, int, int]:
    return processes.tcp_sockets(os.getpid()), len(asyncio.all_tasks()), threading.active_count()
