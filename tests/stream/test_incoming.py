"""Lines from real pipes, read on the event loop."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from natsmon.stream.codec import LINE_LIMIT, LineSplitter
from natsmon.stream.incoming import receive_lines
from tests.harness.time_limits import WAIT
from tests.stream.pipes import Pipe

Read = Callable[..., None]
PIPE = 64 * 1024
"""Bytes that a pipe takes on Linux before its writer has to wait."""


class Received:
    """Lines that were received."""

    def __init__(self) -> None:
        self.lines: list[bytes | None] = []
        self.ended = asyncio.Event()

    def __call__(self, line: bytes | None) -> None:
        self.lines.append(line)
        if line is None:
            self.ended.set()


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
async def read(pipe: Pipe) -> AsyncIterator[Read]:
    """Starts reading lines, before the pipe is closed."""
    tasks = []
    yield lambda *args: tasks.append(asyncio.create_task(receive_lines(*args)))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_lines_are_whole_however_they_are_written(pipe: Pipe, received: Received, read: Read) -> None:
    read(pipe.out, received)
    for piece in (b"on", b"e\ntwo\r\n\n", b"  \n", b"th", b"r", b"ee\nnever ended"):
        os.write(pipe.inn, piece)
        await asyncio.sleep(0.001)
    pipe.close_writer()
    await asyncio.wait_for(received.ended.wait(), WAIT)
    assert received.lines == [b"one", b"two\r", b"three", None]


async def test_many_lines_arrive_in_order(pipe: Pipe, received: Received, read: Read) -> None:
    read(pipe.out, received)
    sent = [b"line %d" % i for i in range(3_000)]
    await asyncio.to_thread(os.write, pipe.inn, b"\n".join(sent) + b"\n")
    pipe.close_writer()
    await asyncio.wait_for(received.ended.wait(), WAIT)
    assert received.lines == [*sent, None]


async def test_line_longer_than_the_limit_is_dropped(pipe: Pipe, received: Received, read: Read) -> None:
    read(pipe.out, received)
    filler = b"a" * PIPE

    def fill() -> None:
        os.write(pipe.inn, b"before\n")
        for _ in range(3 * LINE_LIMIT // PIPE):
            os.write(pipe.inn, filler)
        os.write(pipe.inn, b"\nafter\n")
        pipe.close_writer()

    filling = threading.Thread(target=fill, daemon=True)
    filling.start()
    await asyncio.wait_for(received.ended.wait(), WAIT)
    assert received.lines == [b"before", b"after", None]
    await asyncio.to_thread(filling.join)


def test_line_without_an_end_is_not_kept() -> None:
    splitter = LineSplitter()
    for _ in range(40):
        assert list(splitter.feed(b"a" * (LINE_LIMIT // 8))) == []
        assert len(splitter._rest) < LINE_LIMIT
    assert list(splitter.feed(b"\nafter\nrest")) == [b"after"]
    assert (splitter.dropped, splitter.rest()) == (1, b"rest")


async def test_file_that_cannot_be_read_has_ended(received: Received) -> None:
    unreadable = os.open(os.devnull, os.O_WRONLY)
    await asyncio.wait_for(receive_lines(unreadable, received), WAIT)
    await asyncio.wait_for(received.ended.wait(), WAIT)
    os.close(unreadable)
    assert received.lines == [None]


async def test_regular_file_is_read_to_its_end(tmp_path: Path, received: Received) -> None:
    file = tmp_path / "commands"
    file.write_bytes(b"one\ntwo\n")
    with file.open("rb") as stream:
        await asyncio.wait_for(receive_lines(stream.fileno(), received), WAIT)
        await asyncio.wait_for(received.ended.wait(), WAIT)
    assert received.lines == [b"one", b"two", None]


def test_reading_ends_with_the_loop(pipe: Pipe, received: Received) -> None:
    async def begin() -> None:
        asyncio.current_task().get_loop().create_task(receive_lines(pipe.out, received))  # type: ignore[union-attr]
        await asyncio.sleep(0)

    with asyncio.Runner() as runner:
        runner.run(begin())
    os.write(pipe.inn, b"too late\n")
    assert os.read(pipe.out, 100) == b"too late\n"
    assert received.lines == []


async def test_non_blocking_pipe_is_waited_for(pipe: Pipe, read: Read) -> None:
    """Another process that shares the pipe may have made it non-blocking."""
    os.set_blocking(pipe.out, False)
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()
    read(pipe.out, lines.put_nowait, b"early\nha")
    assert await lines.get() == b"early"
    os.write(pipe.inn, b"lf\n")
    assert await asyncio.wait_for(lines.get(), WAIT) == b"half"
    pipe.close_writer()
    assert await asyncio.wait_for(lines.get(), WAIT) is None


async def test_flood_of_lines_waits_in_the_pipe_and_leaves_the_loop_its_turns(pipe: Pipe, read: Read) -> None:
    received: list[bytes | None] = []
    read(pipe.out, received.append)
    sent = b"y\n" * (PIPE // 2)
    writing = asyncio.create_task(asyncio.to_thread(os.write, pipe.inn, sent))
    while not received:  # noqa: ASYNC110 - no event is set for a line
        await asyncio.sleep(0)
    for _ in range(20):
        before = len(received)
        await asyncio.sleep(0)
        assert len(received) - before <= 2 * 64
    await writing


async def test_line_whose_receiver_fails_does_not_end_the_reading(pipe: Pipe, read: Read) -> None:
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()
    failed = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda *_: failed.set())

    def receive(line: bytes | None) -> None:
        if line == b"bad":
            raise ValueError(line)
        lines.put_nowait(line)

    read(pipe.out, receive)
    os.write(pipe.inn, b"bad\n")
    await asyncio.wait_for(failed.wait(), WAIT)
    os.write(pipe.inn, b"good\n")
    assert await asyncio.wait_for(lines.get(), WAIT) == b"good"
    pipe.close_writer()
    assert await asyncio.wait_for(lines.get(), WAIT) is None
