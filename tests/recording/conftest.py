"""What every test of a recording may ask for."""

import pytest

from natsmon.recording import part


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "CHUNK", 600)
