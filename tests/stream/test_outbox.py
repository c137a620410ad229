"""Lines out and in, on real pipes."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from natsmon.stream import outbox as lines_module
from natsmon.stream.outbox import Inbox, Outbox

SOON = 5.0
PIPE = 64 * 1024
"""What a pipe takes on Linux before its writer has to wait."""


class Pipe:
    def __init__(self) -> None:
        self.out, self.inn = os.pipe()

    def read(self) -> list[bytes]:
        """Everything until the writer is gone."""
        with os.fdopen(self.out, "rb") as stream:
            self.out = -1
            return stream.read().splitlines()

    def close(self) -> None:
        for end in ("out", "inn"):
            if getattr(self, end) >= 0:
                os.close(getattr(self, end))
                setattr(self, end, -1)

    def close_writer(self) -> None:
        os.close(self.inn)
        self.inn = -1

    def close_reader(self) -> None:
        os.close(self.out)
        self.out = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that are soon reached."""
    monkeypatch.setattr(lines_module, "SOFT_LIMIT", 20)
    monkeypatch.setattr(lines_module, "HARD_LIMIT", 40)


def gap(missing: int) -> bytes | None:
    return b"gap %d\n" % missing


def stuck(pipe: Pipe) -> Outbox:
    """An outbox whose thread waits for a reader that does not come, with nothing else to write."""
    outbox = Outbox(pipe.inn, gap)
    outbox.put(b"x" * 2 * PIPE + b"\n")
    wait_for_empty(outbox)
    return outbox


def wait_for_empty(outbox: Outbox) -> None:
    waiting = threading.Event()
    for _ in range(int(SOON / 0.001)):
        if not outbox._lines:
            return
        waiting.wait(0.001)
    raise AssertionError("the thread took nothing")


def everything(outbox: Outbox, pipe: Pipe) -> list[bytes]:
    """What arrives, but for the line that was stuck."""
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.extend(pipe.read()))
    reader.start()
    assert outbox.close(SOON)
    pipe.close_writer()
    reader.join()
    return [line for line in read if not line.startswith(b"x")]


def test_lines_leave_in_order(pipe: Pipe) -> None:
    outbox = Outbox(pipe.inn, gap)
    sent = [b"line %d" % i for i in range(5_000)]
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.extend(pipe.read()))
    reader.start()
    for line in sent:
        while len(outbox._lines) > 1_000:
            threading.Event().wait(0.001)
        outbox.put(line + b"\n")
    assert outbox.close(SOON)
    pipe.close_writer()
    reader.join()
    assert read == sent


def test_a_line_longer_than_a_pipe_leaves_whole(pipe: Pipe) -> None:
    outbox = stuck(pipe)
    outbox.put(b"y" * 300_000 + b"\n")
    assert everything(outbox, pipe) == [b"y" * 300_000]


@pytest.mark.usefixtures("small")
def test_samples_are_left_out_and_counted(pipe: Pipe) -> None:
    outbox = stuck(pipe)
    for i in range(100):
        outbox.put(b"sample %d\n" % i, sample=True)
    assert len(outbox._lines) == 20
    assert everything(outbox, pipe) == [*(b"sample %d" % i for i in range(20)), b"gap 80"]


@pytest.mark.usefixtures("small")
def test_what_is_no_sample_is_kept_until_the_hard_limit(pipe: Pipe) -> None:
    outbox = stuck(pipe)
    for i in range(100):
        outbox.put(b"status %d\n" % i)
    assert len(outbox._lines) == 40
    assert everything(outbox, pipe) == [*(b"status %d" % i for i in range(60, 100)), b"gap 60"]


@pytest.mark.usefixtures("small")
def test_of_totals_the_latest_is_kept(pipe: Pipe) -> None:
    outbox = stuck(pipe)
    for i in range(20):
        outbox.put(b"status %d\n" % i)
    for i in range(1_000):
        outbox.put(b"tally %d\n" % i, latest="tally")
        outbox.put(b"other %d\n" % i, latest="other")
    assert len(outbox._lines) == 20
    assert everything(outbox, pipe) == [*(b"status %d" % i for i in range(20)), b"tally 999", b"other 999"]


def test_a_reader_that_keeps_up_gets_every_total(pipe: Pipe) -> None:
    outbox = Outbox(pipe.inn, gap)
    for i in range(100):
        outbox.put(b"tally %d\n" % i, latest="tally")
    assert everything(outbox, pipe) == [b"tally %d" % i for i in range(100)]


@pytest.mark.usefixtures("small")
def test_the_last_line_stays_the_last(pipe: Pipe) -> None:
    """However far behind the reader is: nothing may follow the line that says that it is all."""
    outbox = stuck(pipe)
    for i in range(30):
        outbox.put(b"sample %d\n" % i, sample=True)
        outbox.put(b"tally %d\n" % i, latest="tally")
    outbox.put(b"end\n", last=True)
    assert everything(outbox, pipe)[-3:] == [b"gap 20", b"tally 29", b"end"]


@pytest.mark.usefixtures("small")
def test_put_never_waits_and_memory_is_bounded(pipe: Pipe) -> None:
    outbox = stuck(pipe)
    for i in range(10_000):
        outbox.put(b"sample\n", sample=True)
        outbox.put(b"tally\n", latest="tally")
        outbox.put(b"status\n")
        assert len(outbox._lines) + len(outbox._latest) <= 41, i
    assert not outbox.close(0.01)
    pipe.close_reader()


def test_nobody_reads_any_more(pipe: Pipe) -> None:
    outbox = stuck(pipe)
    pipe.close_reader()
    assert outbox.close(SOON)
    assert outbox.broken
    outbox.put(b"to nobody\n")


def test_close_waits_no_longer_than_it_may(pipe: Pipe) -> None:
    outbox = stuck(pipe)
    assert not outbox.close(0.01)
    assert not outbox.broken
    pipe.close_reader()


def test_close_with_nothing_to_write(pipe: Pipe) -> None:
    assert Outbox(pipe.inn, gap).close(SOON)


# -- in ---------------------------------------------------------------------------------------------


class Received:
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


async def test_lines_come_whole_however_they_are_cut(pipe: Pipe, received: Received) -> None:
    Inbox(pipe.out, received)
    for piece in (b"on", b"e\ntwo\r\n\n", b"  \n", b"th", b"r", b"ee\nnever ended"):
        os.write(pipe.inn, piece)
        await asyncio.sleep(0.001)
    pipe.close_writer()
    await asyncio.wait_for(received.ended.wait(), SOON)
    assert received.lines == [b"one", b"two\r", b"three", None]


async def test_many_lines_come_in_order(pipe: Pipe, received: Received) -> None:
    Inbox(pipe.out, received)
    sent = [b"line %d" % i for i in range(3_000)]
    await asyncio.to_thread(os.write, pipe.inn, b"\n".join(sent) + b"\n")
    pipe.close_writer()
    await asyncio.wait_for(received.ended.wait(), SOON)
    assert received.lines == [*sent, None]


async def test_endless_line_ends_the_input(pipe: Pipe, received: Received) -> None:
    inbox = Inbox(pipe.out, received)
    filler = b"a" * PIPE

    def fill() -> None:
        with suppress(BrokenPipeError):
            for _ in range(2 * inbox.MAX_LINE // PIPE):
                os.write(pipe.inn, filler)

    filling = threading.Thread(target=fill, daemon=True)
    filling.start()
    await asyncio.wait_for(received.ended.wait(), SOON)
    assert received.lines == [None]
    pipe.close_reader()
    await asyncio.to_thread(filling.join)


async def test_file_that_cannot_be_read_has_ended(received: Received) -> None:
    unreadable = os.open(os.devnull, os.O_WRONLY)
    Inbox(unreadable, received)
    await asyncio.wait_for(received.ended.wait(), SOON)
    os.close(unreadable)
    assert received.lines == [None]


def test_line_after_the_loop_has_gone_is_nobodys(pipe: Pipe) -> None:
    async def begin() -> None:
        Inbox(pipe.out, lambda line: None)

    with asyncio.Runner() as runner:
        runner.run(begin())
    os.write(pipe.inn, b"too late\n")
    pipe.close_writer()
    inbox = next((thread for thread in threading.enumerate() if thread.name == "inbox"), None)
    if inbox is not None:
        inbox.join(SOON)
        assert not inbox.is_alive()


async def test_non_blocking_files_are_waited_for() -> None:
    """Whoever shares a terminal or a pipe with us may have made it so."""
    commands_out, commands_in = os.pipe()
    lines_out, lines_in = os.pipe()
    for fd in (commands_out, lines_in):
        os.set_blocking(fd, False)
    heard: asyncio.Queue[bytes | None] = asyncio.Queue()
    Inbox(commands_out, heard.put_nowait, b"early\nha")
    assert await heard.get() == b"early"
    os.write(commands_in, b"lf\n")
    assert await asyncio.wait_for(heard.get(), 5) == b"half"
    os.close(commands_in)
    assert await asyncio.wait_for(heard.get(), 5) is None

    outbox = Outbox(lines_in, lambda missing: None)
    sent = [b"%d %s\n" % (number, b"x" * 4000) for number in range(100)]
    for line in sent:
        outbox.put(line)
    received = b""
    while received.count(b"\n") < len(sent):
        received += await asyncio.to_thread(os.read, lines_out, 65536)
    assert received == b"".join(sent)
    assert outbox.close(5.0)
    for fd in (commands_out, lines_in, lines_out):
        os.close(fd)


async def test_waiting_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("natsmon.stream.outbox.BYTES_LIMIT", 200_000)
    reader, writer = os.pipe()
    outbox = Outbox(writer, lambda missing: b"missing %d\n" % missing)
    for number in range(100):
        outbox.put(b"%d %s\n" % (number, b"x" * 10_000))
    assert outbox._waiting <= 200_000
    received = b""
    while b"missing" not in received:
        received += await asyncio.to_thread(os.read, reader, 65536)
    assert outbox.close(5.0)
    kept = {int(line.split()[0]) for line in received.splitlines() if not line.startswith(b"missing")}
    missing = int(received.splitlines()[-1].split()[1])
    assert len(kept) + missing == 100
    assert 99 in kept
    for fd in (reader, writer):
        os.close(fd)
