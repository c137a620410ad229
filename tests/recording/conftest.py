"""Fixtures for recordings."""

from types import SimpleNamespace

import pytest

from natsmon.recording import writer


@pytest.fixture
def small_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new member after every 600 bytes of lines."""
    monkeypatch.setattr(writer, "MEMBER_BYTES", 600)


class Clock:
    """The clock by which members end."""

    now = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock
