"""natsmon as a process of its own, and the event stream that it writes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.harness.listening import Events, check
from tests.harness.time_limits import WAIT

ROOT = Path(__file__).parent.parent.parent
WAITS = ["--reconnect-wait", "1m", "--connect-timeout", "1m"]


class Run:
    """A process that writes the event stream, and what it has output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events = Events()
        self.lines: list[bytes] = []

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line)
            event = codec.decode_event(line)
            assert event is not None
            self.events.put(event, line)
        self.events.close()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def command(self, *lines: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(lines))

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.process.wait(), WAIT)


@asynccontextmanager
async def natsmon(*arguments: str, stdin: int = asyncio.subprocess.DEVNULL, reads: bool = True) -> AsyncIterator[Run]:
    """``natsmon --json`` with these arguments. Its stderr must be empty."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "natsmon",
        "--json",
        *arguments,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        limit=2**16,
    )
    run = Run(process)
    reading = asyncio.ensure_future(run.read()) if reads else None
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if reading is not None:
            await asyncio.wait_for(reading, WAIT)
    assert process.stderr is not None
    assert await process.stderr.read() == b""


def ended_well(run: Run) -> ev.End:
    """The stream is whole and makes sense; its last line."""
    check(run.events.seen)
    end = run.events.seen[-1]
    assert isinstance(end, ev.End)
    return end
