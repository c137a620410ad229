"""Tapes whose blocks are small enough that a short one has many."""

from collections.abc import Iterator

import pytest

from natsmon.replay import player, tape


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(tape, "BLOCK", 16)
        patch.setattr(player, "BLOCK", 16)
        patch.setattr(tape, "NEAR", 3)
        yield
