"""Where a dial hangs, or fails, for as long as a test wants it to."""

import asyncio
from collections.abc import Sequence

import pytest

from natsmon.dial import resolver
from natsmon.dial.resolver import AddressInfo


@pytest.fixture
def ports(blackhole: int, refused_port: int) -> tuple[int, int]:
    return blackhole, refused_port


@pytest.fixture(autouse=True)
def hanging_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lookup of ``hanging.example`` never ends."""
    real = resolver.lookup

    async def lookup(host: str, port: int) -> Sequence[AddressInfo]:
        if host == "hanging.example":
            await asyncio.Event().wait()
        return await real(host, port)

    monkeypatch.setattr(resolver, "lookup", lookup)
