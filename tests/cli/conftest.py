"""Runs of the command line that start nothing: what they would start is recorded."""

import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from natsmon.cli import terminal_check
from natsmon.cli.command_group import DEFAULT, load
from natsmon.config.settings import Settings

VARIABLES = tuple(str(param.envvar) for param in load(DEFAULT).params if param.envvar)


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
    """Records what would be started; no environment variable of the machine counts."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    started = Runs()

    def run_probe(settings: Sequence[Settings], sinks: Sequence[Any], *, control: bool) -> int:
        (one,), (outbox, *_) = settings, sinks
        started.append(("probe", one, outbox.render, control))
        return 0

    def run_dashboard(source: Settings, *, demo: Any = None, **_: Any) -> int:
        started.append(("dashboard", source, demo))
        return 0

    def outbox(fd: int, render: Any = None) -> types.SimpleNamespace:
        return types.SimpleNamespace(render=render)

    def fake(name: str, **names: Any) -> None:
        module = types.ModuleType(name)
        module.__dict__.update(names)
        monkeypatch.setitem(sys.modules, name, module)

    fake("natsmon.probe.process", run=run_probe)
    fake("natsmon.stream.outbox", Outbox=outbox)
    fake("natsmon.tui.app", run=run_dashboard)
    fake("natsmon.stream.probe_child", ProbeChild=lambda settings: settings)
    fake("natsmon.lab.demo", Demo=FakeDemo, DemoFailed=OSError)
    yield started
    assert FakeDemo.open == 0


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(terminal_check, "is_terminal", lambda stream: True)
