"""A name with two addresses, the first of which swallows SYNs: connected all the same, and how soon?"""

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

import nats
import nats.errors

import natsmon
from benchmarks import servers
from benchmarks.table import Row, median, ms, spread
from natsmon.dial.resolver import AddressInfo
from natsmon.lab.nats_server import HOST

_LIMIT = 0.35
_PATIENCE = {"connect_timeout": 1, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.1}


def run(quick: bool) -> Row:
    with servers.nats_server() as server, servers.blackholed() as dead:
        ports = (dead.port, server.port)
        ours = asyncio.run(_ours(ports, 5 if quick else 20))
        outcome, took = asyncio.run(_bare(ports))
    return Row(
        "two addresses, the first dead → connected, max",
        ms(max(ours)),
        f"≤ {_LIMIT * 1000:g} ms",
        max(ours) <= _LIMIT,
        f"nats-py: {outcome}",
        notes=[
            f"natsmon: p50 {ms(median(ours))}; {spread(ours)}",
            f"nats-py: {outcome} after {took:.1f} s, with {_PATIENCE['connect_timeout']} s a dial",
        ],
    )


def _addresses(ports: tuple[int, int]) -> list[AddressInfo]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, port)) for port in ports]


async def _ours(ports: tuple[int, int], times: int) -> list[float]:
    async def lookup(host: str, port: int) -> Sequence[AddressInfo]:
        return _addresses(ports)

    taken = []
    with mock.patch("natsmon.dial.resolver.lookup", lookup):
        for _ in range(times):
            began = time.perf_counter()
            client = await natsmon.connect("nats://two.example")
            taken.append(time.perf_counter() - began)
            await client.close()
    return taken


async def _bare(ports: tuple[int, int]) -> tuple[str, float]:
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        return _addresses(ports) if host == "two.example" else real(host, *args, **kwargs)

    began = time.perf_counter()
    with mock.patch("socket.getaddrinfo", getaddrinfo):
        try:
            client = await nats.connect("nats://two.example", error_cb=_ignore, **_PATIENCE)
            await client.close()
            outcome = "connected"
        except nats.errors.Error as error:
            outcome = type(error).__name__
    return outcome, time.perf_counter() - began


async def _ignore(error: Exception) -> None: ...
