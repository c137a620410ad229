"""From the command to the first screen, against the least that Textual can show."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from typing import get_args

from benchmarks import minimal_app, servers
from benchmarks.table import Row, in_ms, median, ms
from natsmon.stream import events as ev
from tests.harness.terminal import Terminal

_LIMIT = 1.2
_SIZE = (120, 36)


def run(quick: bool) -> Row:
    return asyncio.run(_run(3 if quick else 10))


async def _run(times: int) -> Row:
    ours: list[float] = []
    whole: list[float] = []
    connected: list[float] = []
    minimal: list[float] = []
    minimal_command = [sys.executable, "-m", minimal_app.__name__]
    with servers.nats_server() as server:
        command = [sys.executable, "-m", "natsmon", server.url]
        for number in range(times + 1):
            first, then, last = await _first_paint(command, _status_shown, _last_line_shown, _connected_shown)
            [beside] = await _first_paint(minimal_command, lambda text: minimal_app.READY in text)
            if number > 0:  # the first run of each reads its files from disk, and compiles them
                ours.append(first)
                whole.append(then)
                connected.append(last)
                minimal.append(beside)
    ratio = median(ours) / median(minimal)
    return Row(
        "first paint of natsmon",
        ms(median(ours)),
        f"≤ {_LIMIT}×",
        ratio <= _LIMIT,
        f"{ms(median(minimal))} minimal app",
        f"{ratio:.2f}×",
        [
            f"medians of {times} runs in turn, 120×36, from fork to the bytes of the first screen",
            f"its last line is drawn after {ms(median(whole))}, and CONNECTED after {ms(median(connected))}",
            f"each run of natsmon: {in_ms(ours)}; of the minimal app: {in_ms(minimal)}",
        ],
    )


async def _first_paint(command: Sequence[str], *shown: Callable[[str], bool]) -> list[float]:
    """Seconds until the screen meets each condition, one after the other."""
    began = time.perf_counter()
    seconds = []
    async with Terminal(command, size=_SIZE) as terminal:
        for condition in shown:
            await terminal.until(condition)
            seconds.append(terminal.changed_at - began)
        terminal.send("\x11" if command[-1] == minimal_app.__name__ else "q")  # ctrl+q
        await terminal.ended()
    return seconds


def _status_shown(text: str) -> bool:
    """The headline is there; before the first event it is STARTING."""
    return any(word in text for word in ("STARTING", *get_args(ev.Status)))


def _last_line_shown(text: str) -> bool:
    return "? help" in text


def _connected_shown(text: str) -> bool:
    return " CONNECTED" in text
