"""nats-py and nothing else, in a process of its own: what natsmon is measured against.

``python -m benchmarks.bare_client connect URL`` connects once for every line on standard input, and answers
with the seconds it took. ``… publish URL COUNT LOOP`` publishes and receives that many messages with the
headers natsmon uses, and answers with messages a second. ``… ping URL INTERVAL LOOP`` writes the seconds of one
round trip after the other, a line each. LOOP is ``asyncio`` or ``uvloop``.
"""

import asyncio
import os
import subprocess
import sys
import time
from typing import Self

import nats
from nats.aio.msg import Msg

_TURN = 256
"""Messages published before the loop may receive: of 1, 16, 64 … 8192 and all of them, what nats-py is fastest with."""


class BareConnects:
    """The process that connects, and how to ask it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bare_client", "connect", self._url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def seconds(self) -> tuple[float, float]:
        """One ``nats.connect()``: timed in its own process, and from the line in to the line out."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        began = time.perf_counter()
        self._process.stdin.write(b"connect\n")
        inside = float(self._process.stdout.readline())
        return inside, time.perf_counter() - began


class BarePings:
    """The process that PINGs, and what it has measured."""

    def __init__(self, url: str, interval: float, loop: str) -> None:
        self._command = [sys.executable, "-m", "benchmarks.bare_client", "ping", url, str(interval), loop]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, bufsize=0)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def take(self) -> list[float]:
        """Every round trip since it was last asked; waits for the first one."""
        assert self._process.stdout is not None
        return [float(line) for line in os.read(self._process.stdout.fileno(), 1 << 16).split()]


def publish_rate(url: str, count: int, loop: str) -> float:
    command = [sys.executable, "-m", "benchmarks.bare_client", "publish", url, str(count), loop]
    return float(subprocess.run(command, stdout=subprocess.PIPE, timeout=120, check=True).stdout)


async def _connect(url: str) -> None:
    while await asyncio.to_thread(sys.stdin.readline):
        began = time.perf_counter()
        client = await nats.connect(url)
        os.write(1, f"{time.perf_counter() - began}\n".encode())
        await client.close()


async def _publish(url: str, count: int) -> None:
    client = await nats.connect(url)
    received = 0
    done = asyncio.Event()

    async def receive(message: Msg) -> None:
        nonlocal received
        received += 1
        if received >= count:
            done.set()

    await client.subscribe("hello", cb=receive, pending_msgs_limit=count + 1, pending_bytes_limit=1 << 40)
    await client.flush()
    began = time.perf_counter()
    for number in range(1, count + 1):
        headers = {"Natsmon-Session": "65fa4d65", "Natsmon-Seq": str(number)}
        await client.publish("hello", b"world", headers=headers)
        if number % _TURN == 0:
            await asyncio.sleep(0)
    await asyncio.wait_for(done.wait(), 60)
    print(count / (time.perf_counter() - began))
    await client.close()


async def _ping(url: str, interval: float) -> None:
    """What ``Client.rtt()`` does; its own clock is uvloop's, which goes in milliseconds."""
    client = await nats.connect(url)
    while True:
        pong: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await client._send_ping(pong)
        await asyncio.wait_for(pong, 10)
        os.write(1, f"{time.perf_counter() - began:.7f}\n".encode())
        await asyncio.sleep(interval)


def main() -> None:
    mode, url, *rest = sys.argv[1:]
    if mode == "connect":
        asyncio.run(_connect(url))
        return
    amount, loop = rest
    work = _ping(url, float(amount)) if mode == "ping" else _publish(url, int(amount))
    if loop == "uvloop":
        import uvloop

        uvloop.run(work)
    else:
        asyncio.run(work)


if __name__ == "__main__":
    main()
