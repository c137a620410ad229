"""A context chosen on screen: what applies of the command line and the variables."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from natsmon.cli.context_choice import ContextChoice
from natsmon.cli.dashboard_command import dashboard
from natsmon.cli.settings_layers import settings_from
from natsmon.cli.value_layers import Layers
from natsmon.config.settings import Settings
from tests.cli.running import piped


@pytest.fixture
def choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ContextChoice, Any]:
    (tmp_path / "nats" / "context").mkdir(parents=True)
    for name, fields in {"prod": {"url": "tls://p", "user": "u", "password": "hunter2"}, "open": {}}.items():
        (tmp_path / "nats" / "context" / f"{name}.json").write_text(json.dumps(fields))
    for name, value in {"XDG_CONFIG_HOME": str(tmp_path), "NATS_USER": "me", "NATS_PASSWORD": "of-the-first"}.items():
        monkeypatch.setenv(name, value)
    arguments = ["wss://first", "--rate", "5", "--subject", "hello", "--tls-first", "--ws-header", "Cookie: first"]
    arguments += ["--monitor", "http://first:8222", "--connection-name", "me"]
    return made(arguments)


def made(arguments: list[str]) -> tuple[ContextChoice, Any]:
    layers = Layers(dashboard.make_context("natsmon", arguments))
    settings = settings_from(layers)
    source = cast("Any", SimpleNamespace(settings=settings))
    return ContextChoice(layers, source, settings), source


def test_context_chosen_on_screen_sends_nothing_that_is_for_other_servers(
    choice: tuple[ContextChoice, Any],
) -> None:
    chosen = choice[0].settings("open")
    assert [str(server) for server in chosen.servers] == [str(server) for server in Settings().servers]
    for field in ("user", "password", "token", "tlsfirst", "ws_headers", "monitor"):
        assert getattr(chosen, field) == getattr(Settings(), field), field


def test_context_chosen_on_screen_keeps_what_is_published(choice: tuple[ContextChoice, Any]) -> None:
    chosen = choice[0].settings("prod")
    assert chosen.user is not None
    assert (chosen.context, chosen.user.reveal(), chosen.name) == ("prod", "u", "me")
    assert (chosen.subject, chosen.interval) == ("hello", 0.2)
    assert "p:4222" in str(chosen.servers[0])


def test_settings_of_the_start_can_be_chosen_again(choice: tuple[ContextChoice, Any]) -> None:
    contexts, source = choice
    first = source.settings
    source.settings = contexts.settings("prod")
    shown = [text for _, text in contexts.listed()]
    assert "first" in shown[0]
    assert [text[0] for text in shown] == [" ", " ", "●"]
    assert contexts.settings("") is first


def test_unknown_context_is_refused(choice: tuple[ContextChoice, Any]) -> None:
    with pytest.raises(ValueError, match="not a context"):
        choice[0].settings("nope")


def test_config_that_was_a_pipe_applies_to_the_next_context(choice: tuple[ContextChoice, Any], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    writer = piped(pipe, b"rate = 5\n[contexts.prod]\nsubject = 'of-prod'")
    contexts, _ = made(["--config", str(pipe)])
    writer.join()
    pipe.unlink()
    chosen = contexts.settings("prod")
    assert (chosen.interval, chosen.subject) == (0.2, "of-prod")
