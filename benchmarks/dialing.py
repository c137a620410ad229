"""Connecting with natsmon's dialer and with nats-py's own, one after the other, in one process."""

import asyncio
import logging
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import nats
import trustme
from nats.aio.client import Client

import natsmon
from benchmarks import servers
from benchmarks.table import Row, median, ms, spread
from natsmon.lab.nats_server import HOST, NatsServer

_WARM_UP = 20


@contextmanager
def tls_server() -> Iterator[tuple[NatsServer, ssl.SSLContext]]:
    """A nats-server that wants TLS, and a context that trusts it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ca = trustme.CA()
        certificate = ca.issue_cert(HOST)
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        context = ssl.create_default_context()
        ca.configure_trust(context)
        config = f'tls {{ cert_file: "{folder}/cert.pem", key_file: "{folder}/key.pem" }}'
        with servers.nats_server(config=config) as server:
            yield server, context


def against_nats_py(what: str, url: str, limit: float, times: int, **options: Any) -> Row:
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns at every end of nats-py's TLS connections
    ours, bare = asyncio.run(_turn_by_turn(url, times, options))
    ratio = median(ours) / median(bare)
    return Row(
        what,
        ms(median(ours)),
        f"≤ {limit:g}×",
        ratio <= limit,
        f"{ms(median(bare))} nats.connect()",
        f"{ratio:.2f}×",
        [f"natsmon: {spread(ours)}", f"nats-py: {spread(bare)}", "both on asyncio, turn by turn in one process"],
    )


async def _turn_by_turn(url: str, times: int, options: dict[str, Any]) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    bare: list[float] = []
    ways: list[tuple[Callable[..., Awaitable[Client]], list[float]]] = [(natsmon.connect, ours), (nats.connect, bare)]
    for number in range(_WARM_UP + times):
        for connect, taken in ways if number % 2 else reversed(ways):
            began = time.perf_counter()
            client = await connect(url, **options)
            took = time.perf_counter() - began
            await client.close()
            if number >= _WARM_UP:
                taken.append(took)
    return ours, bare


@asynccontextmanager
async def complaints() -> AsyncIterator[list[str]]:
    """Messages of asyncio about exceptions that were not retrieved, and the like."""
    messages: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: messages.append(str(context.get("message"))))
    try:
        yield messages
    finally:
        loop.set_exception_handler(None)
