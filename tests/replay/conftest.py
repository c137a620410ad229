"""Indexes with small blocks, so that a short recording has many."""

from collections.abc import Iterator

import pytest

from natsmon.replay import player, recording_index


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(recording_index, "BLOCK", 16)
        patch.setattr(player, "BLOCK", 16)
        patch.setattr(recording_index, "NEAR", 3)
        yield
