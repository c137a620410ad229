"""The dials of a connector against servers that never answer, on a clock that jumps."""

import json

import pytest

from natsmon.cli import main as cli
from natsmon.config.server_urls import parse_servers
from natsmon.config.settings import Settings
from natsmon.probe.connection.dial_plan import plan


def of(urls: str, **changes: object) -> Settings:
    return Settings(servers=parse_servers([urls])[0], **changes)  # type: ignore[arg-type]


def test_every_pass_over_the_pool_waits_once() -> None:
    planned = plan(of("a,b", max_reconnects=1, connect_timeout=5.0, reconnect_wait=2.0), 0.0)
    assert [(dial.attempt, dial.pool_pass, dial.server, dial.at, dial.base) for dial in planned.dials] == [
        (1, 1, "nats://a:4222", 0.0, 0.0), (2, 1, "nats://b:4222", 5.0, 0.0),
        (3, 2, "nats://a:4222", 12.0, 2.0), (4, 2, "nats://b:4222", 17.0, 0.0),
    ]  # fmt: skip
    assert planned.gave_up == 22.0
    assert "--max-reconnects 1 allows no more" in planned.reason


def test_jitter_is_that_of_the_next_server() -> None:
    settings = of("a,tls://b", max_reconnects=2, reconnect_jitter=0.5, reconnect_jitter_tls=3.0)
    assert [dial.jitter for dial in plan(settings, 1.0).dials] == [0, 0, 0.5, 0, 0.5, 0]
    settings = of("tls://b", max_reconnects=1, reconnect_jitter_tls=3.0)
    assert [dial.jitter for dial in plan(settings, 0.5).dials] == [0, 1.5]


def test_wait_grows_after_many_attempts_without_a_limit() -> None:
    dials = plan(of("a", reconnect_wait=2.0), 0.0).dials
    assert [dial.base for dial in dials] == [0.0] + [2.0] * 59 + [20.0] * 10
    assert plan(of("a", reconnect_wait=60.0), 0.0).dials[-1].base == 60.0
    limited = plan(of("a", max_reconnects=65, reconnect_wait=2.0), 0.0)
    assert {dial.base for dial in limited.dials} == {0.0, 2.0}
    assert len(limited.dials) == 66


def test_one_dial_without_retries() -> None:
    planned = plan(of("a,b", retry_on_failed_connect=False), 0.0)
    assert [dial.server for dial in planned.dials] == ["nats://a:4222", "nats://b:4222"]
    assert planned.gave_up == 10.0


def test_policy_is_shown_with_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--policy", "--json", "--max-reconnects", "1", "--reconnect-jitter", "1s", "a"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["dials"][1] == {
        "attempt": 2, "pass": 2, "server": "nats://a:4222", "at": [7.0, 8.0], "wait": [2.0, 3.0],
    }  # fmt: skip
    assert shown["gives_up"] == [12.0, 13.0]
    assert cli.main(["info", "--policy", "a"]) == 0
    text = capsys.readouterr().out
    assert "It never gives up (--max-reconnects -1)." in text
    assert "20s to 20.1s" in text
    assert len(text.splitlines()) < 24
