"""Where a dial hangs, or fails, for as long as a test wants it to."""

import asyncio
from collections.abc import Sequence

import pytest

from natsmon.dial import dialer as dialer_module


@pytest.fixture
def ports(blackhole: int, refused_port: int) -> tuple[int, int]:
    return blackhole, refused_port


@pytest.fixture(autouse=True)
def hanging_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lookup of ``hanging.example`` never ends."""
    real = dialer_module.lookup

    async def lookup(host: str, port: int) -> Sequence[dialer_module.AddressInfo]:
        if host == "hanging.example":
            await asyncio.Event().wait()
        return await real(host, port)

    monkeypatch.setattr(dialer_module, "lookup", lookup)
