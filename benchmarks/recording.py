"""What a recording costs: the probe's processor time with and without one, and the disk that a quiet day takes.

The day goes through the real writer, a second's lines at a time and a new member after each minute's, without waiting;
it has what a probe emits in a day at one message a second on a connection that holds.
"""

import importlib.util
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import servers
from benchmarks.table import Row, mb, median
from natsmon.recording import writer
from natsmon.recording.reader import Recording
from natsmon.recording.writer import RecordingWriter, Target
from natsmon.stream import codec
from natsmon.stream import events as ev

_LIMIT = 1.03
_DAY = 86_400
_AT_MOST = {".jsonl": 20e6, ".jsonl.gz": 5e6, ".jsonl.zst": 5e6}
"""Bytes."""
_TALLY_EVERY = 6
_MINUTE = 60
"""Seconds of a member."""


def run(quick: bool) -> Row:
    runs, count = (3, 200_000) if quick else (7, 500_000)
    with servers.nats_server() as server, tempfile.TemporaryDirectory() as folder:
        bare: list[float] = []
        recorded: list[float] = []
        for number in range(runs):
            bare.append(_cpu_seconds(server.url, count))
            recorded.append(_cpu_seconds(server.url, count, "--record", f"{folder}/{number}.jsonl"))
    suffixes = [suffix for suffix in _AT_MOST if suffix != ".jsonl.zst" or importlib.util.find_spec("zstandard")]
    days = [_day(suffix) for suffix in suffixes]
    this, baseline = median(recorded), median(bare)
    return Row(
        "CPU of a message at full speed, recorded",
        f"{this / count * 1e6:.2f} µs",
        f"≤ {_LIMIT:g}×",
        this / baseline <= _LIMIT and all(met for met, _ in days),
        f"{baseline / count * 1e6:.2f} µs, not recorded",
        f"{this / baseline:.3f}×",
        [f"medians of {runs} runs of {count:,} messages in turn, start and end included", *(note for _, note in days)],
    )


def _cpu_seconds(url: str, count: int, *flags: str) -> float:
    """Of a process that publishes and receives so many messages, from its start to its end."""
    command = [sys.executable, "-m", "natsmon", "--json", url, "--rate", "max", "--count", str(count), *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(f"natsmon ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def _day(suffix: str) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"day{suffix}"
        parts = RecordingWriter(Target(str(path)))
        member_bytes = writer.MEMBER_BYTES
        written, longest, cpu = 0, 0.0, time.process_time()
        for second, lines in enumerate(_seconds()):
            if second % _MINUTE == 0:
                writer.MEMBER_BYTES = 0  # as if a minute had passed
            began = time.perf_counter()
            parts.write(lines)
            longest = max(longest, time.perf_counter() - began)
            writer.MEMBER_BYTES = member_bytes
            written += len(lines)
        parts.close()
        cpu = time.process_time() - cpu
        size = path.stat().st_size
        began = time.perf_counter()
        read = sum(len(batch) for batch in Recording([path]).batches())
        took = time.perf_counter() - began
    if read != written:
        raise AssertionError(f"{read:,} of {written:,} events were read")
    words = f"a day at 1/s as {suffix}: {mb(size)} (≤ {_AT_MOST[suffix] / 1e6:g} MB), {cpu:.1f} s of CPU"
    words += f", longest write {longest * 1000:.0f} ms; {written:,} events read in {took:.2f} s"
    return size <= _AT_MOST[suffix], words


def _seconds() -> Iterator[list[bytes]]:
    """The lines of each second of a day."""
    noise = random.Random(4222)
    begin = ev.Session(id="day", started=1_750_000_000.0), ev.Connection(subject="hello", interval=1.0)
    yield [codec.encode(event) for event in begin]
    for second in range(_DAY):
        number, at = second + 1, second + 0.109 + noise.random() / 1000
        latency, rtt = noise.lognormvariate(-7.8, 0.4), noise.lognormvariate(-8.0, 0.3)
        written: list[ev.AnyEvent] = [
            ev.Rtt(t=round(second + 0.014 + noise.random() / 1000, 4), seconds=round(rtt, 6)),
            ev.Published(t=round(at, 4), seq=number),
            ev.Echoed(t=round(at + latency, 4), seq=number, latency=round(latency, 6)),
        ]
        if second % _TALLY_EVERY == 0:
            written.append(
                ev.Tally(t=round(at + 0.007, 4), attempted=number, sent=number, delivered=number, bytes=5 * number)
            )
        yield [codec.encode(event) for event in written]
