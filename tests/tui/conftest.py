"""What every test of the screen stands on: a time zone, and a recording."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replay.indexed import EVENTS, written


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wall times and colours on the screen must not depend on where the tests run."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return written(tmp_path / "run.jsonl", EVENTS)
