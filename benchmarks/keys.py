"""How long after a key the screen shows what it did, in a real terminal with a screen in it."""

import asyncio
import random
import sys
from collections.abc import Callable

from benchmarks import servers
from benchmarks.table import Row, ms, percentile, spread
from tests.harness.terminal import Terminal

_LIMIT = 0.100
_SIZE = (120, 36)
_PAUSE = (0.15, 0.45)
"""Seconds between two presses, at random, so that they meet every moment of the screen's own clock."""

Shown = Callable[[str], bool]


def run(quick: bool) -> Row:
    return asyncio.run(_run(5 if quick else 15))


async def _run(times: int) -> Row:
    rng = random.Random(1)
    taken: dict[str, list[float]] = {}
    with servers.nats_server() as server, servers.refusing() as refusing:
        async with Terminal(_natsmon(server.url), size=_SIZE) as terminal:
            await terminal.until("CONNECTED")
            await terminal.run(1.0)
            taken["p"] = await _press(terminal, "p", times, rng, lambda text: "p resume" in text)
            taken["?, q"] = await _press(terminal, "?q", times, rng, lambda text: "esc back" in text)
            await _leave(terminal)
        async with Terminal(_natsmon(refusing.url), size=_SIZE) as terminal:
            await terminal.until("next dial")
            await terminal.run(1.0)
            taken["c, r"] = await _press(terminal, "cr", times, rng, lambda text: "CLOSED" in text.split("\n")[0])
            await _leave(terminal)
    times_taken = [seconds for block in taken.values() for seconds in block]
    p95 = percentile(times_taken, 95)
    return Row(
        "key press → the screen shows its effect, p95",
        ms(p95),
        f"≤ {_LIMIT * 1000:g} ms",
        p95 <= _LIMIT,
        notes=[
            f"all: p95 {ms(p95)}, {spread(times_taken)}, 120×36",
            *(f"{keys}: p95 {ms(percentile(block, 95))}, {spread(block)}" for keys, block in taken.items()),
        ],
    )


async def _press(terminal: Terminal, keys: str, times: int, rng: random.Random, shown: Shown) -> list[float]:
    """Press the first key until ``shown`` holds, the last one until it does not, in turn."""
    taken: list[float] = []
    for _ in range(times):
        for key, wanted in ((keys[0], True), (keys[-1], False)):
            await terminal.run(rng.uniform(*_PAUSE))
            pressed = terminal.send(key)
            await terminal.until(lambda text, wanted=wanted: shown(text) == wanted)  # type: ignore[misc]
            taken.append(terminal.changed_at - pressed)
    return taken


async def _leave(terminal: Terminal) -> None:
    terminal.send("q")
    await terminal.ended()


def _natsmon(url: str) -> list[str]:
    return [sys.executable, "-m", "natsmon", url]
