"""natsmon as a process of its own, and the event stream that it writes."""

import asyncio
import fcntl
import os
import signal
import struct
import sys
import termios
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.harness.listening import Events, check
from tests.harness.polling import wait_until
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


def piped(path: Path, content: bytes) -> threading.Thread:
    """Make a named pipe with this in it, whose writer closes it once all of it has been read."""
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    os.write(writer, content)

    def close() -> None:
        wait_until(lambda: not _unread(writer), "reader of the pipe")
        os.close(writer)

    closing = threading.Thread(target=close)
    closing.start()
    return closing


def _unread(pipe: int) -> int:
    """Bytes that are in a pipe."""
    (size,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(size)


def ended_well(run: Run) -> ev.End:
    """The stream is whole and makes sense; its last line."""
    check(run.events.seen)
    end = run.events.seen[-1]
    assert isinstance(end, ev.End)
    return end
