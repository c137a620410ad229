"""A command line under test: what it would start is noted, and nothing is started."""

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from natsmon.cli import run_modes as modes
from natsmon.config.settings import Settings

VARIABLES = ("NATS_URL", "NATS_USER", "NATS_PASSWORD", "NATS_TOKEN")


class Runs(list[Any]):
    """What was started: (how, settings, ...)."""

    @property
    def settings(self) -> Settings:
        (run,) = self
        settings: Settings = run[1]
        return settings


class FakeDemo:
    open = 0

    def __init__(self, servers: int) -> None:
        self.urls = [f"nats://127.0.0.1:{4000 + n}" for n in range(servers)]
        FakeDemo.open += 1

    @classmethod
    def start(cls, servers: int) -> "FakeDemo":
        return cls(servers)

    def close(self) -> None:
        FakeDemo.open -= 1


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Nothing is really started; no variable of the outside counts."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    started = Runs()

    def run_probe(settings: Settings, *, encode: Any, control: bool, **_: Any) -> int:
        started.append(("probe", settings, encode, control))
        return 0

    def run_dashboard(source: Settings, *, sandbox: Any = None, **_: Any) -> int:
        started.append(("dashboard", source, sandbox))
        return 0

    def fake(name: str, **names: Any) -> None:
        module = types.ModuleType(name)
        module.__dict__.update(names)
        monkeypatch.setitem(sys.modules, name, module)

    fake("natsmon.probe.process", run=run_probe)
    fake("natsmon.tui.app", run=run_dashboard)
    fake("natsmon.stream.probe_child", ProbeProcess=lambda settings: settings)
    fake("natsmon.lab.demo", Demo=FakeDemo, DemoFailed=OSError)
    yield started
    assert FakeDemo.open == 0


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(modes, "is_terminal", lambda stream: True)
