"""Publishing with ``natsmon.connect()`` and with ``nats.connect()``, turn by turn in one process."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import nats
from nats.aio.client import Client

import natsmon
from benchmarks import servers
from benchmarks.table import Row, median

_LIMIT = 1.0
_COUNT = 50_000
_PAYLOAD = b"x" * 128


def run(quick: bool) -> Row:
    turns = 3 if quick else 11
    with servers.nats_server() as server:
        ours, bare = asyncio.run(_turns(server.url, turns))
    ratio = max(ours) / max(bare)
    return Row(
        "publish with natsmon.connect(), best turn",
        f"{max(ours):,.0f}/s",
        f"≥ {_LIMIT:g}×",
        ratio >= _LIMIT,
        f"{max(bare):,.0f}/s nats.connect()",
        f"{ratio:.2f}×",
        [
            f"natsmon: p50 {median(ours):,.0f}/s; nats-py: p50 {median(bare):,.0f}/s",
            f"{turns} turns of {_COUNT:,} messages of {len(_PAYLOAD)} B",
        ],
    )


async def _turns(url: str, turns: int) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    bare: list[float] = []
    ways: list[tuple[Callable[[str], Awaitable[Client]], list[float]]] = [(natsmon.connect, ours), (nats.connect, bare)]
    for number in range(turns + 1):
        for connect, rates in ways if number % 2 else reversed(ways):
            client = await connect(url)
            began = time.perf_counter()
            for sent in range(_COUNT):
                await client.publish("hello", _PAYLOAD)
                if sent % 256 == 0:
                    await asyncio.sleep(0)
            await client.flush()
            rate = _COUNT / (time.perf_counter() - began)
            await client.close()
            if number:
                rates.append(rate)
    return ours, bare
