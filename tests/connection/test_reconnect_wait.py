"""The wait before a dial: it grows after many attempts, and a flapping server is not dialed too often."""

import random

import pytest

from natsmon.config.settings import Server
from natsmon.probe.connection import reconnect_wait
from natsmon.probe.connection.reconnect_wait import ReconnectWait
from natsmon.stream import events as ev
from tests.connection.life import url
from tests.harness.listening import listening, settings
from tests.harness.peer import Talk, playing

A = Server("a.example")


def waits(**changes: object) -> ReconnectWait:
    return ReconnectWait(settings("a:1", **{"reconnect_wait": 2.0, **changes}), random.Random(1))


@pytest.mark.parametrize(("attempts", "base"), [(0, 2.0), (59, 2.0), (60, 20.0), (9_999, 20.0)])
def test_wait_grows_after_sixty_failed_attempts(attempts: int, base: float) -> None:
    assert waits().seconds(A, attempts, 0.0) == (base, 0.0)


def test_wait_that_the_user_chose_does_not_shrink() -> None:
    assert waits(reconnect_wait=60.0).seconds(A, 500, 0.0)[0] == 60.0


def test_wait_does_not_grow_with_a_limit_of_attempts() -> None:
    assert waits(max_reconnects=100).seconds(A, 90, 0.0)[0] == 2.0


def test_wait_of_zero_grows_too() -> None:
    assert waits(reconnect_wait=0.0).seconds(A, 70, 0.0)[0] == 20.0


def test_reconnects_within_a_second_are_limited() -> None:
    wait = waits(reconnect_wait=0.0)
    for number in range(10):
        assert wait.backoff(number / 100) == 0.0
        wait.losses.append(number / 100)
    assert wait.backoff(0.1) == pytest.approx(0.9)
    assert wait.seconds(A, 0, 0.1)[0] == pytest.approx(0.9)
    assert wait.backoff(1.0) == 0.0


def test_first_dial_after_a_loss_waits_when_the_one_before_it_did_not_and_did_not_last() -> None:
    wait = waits()
    wait.connected_at = 0.0
    assert not wait.before_first_dial("reconnect", 5.0)
    wait.connected_at = 5.1
    assert wait.before_first_dial("reconnect", 5.2)
    wait.connected_at = 7.3
    assert not wait.before_first_dial("reconnect", 7.4), "that connection had been waited for"


def test_first_dial_that_was_asked_for_is_immediate() -> None:
    wait = waits()
    wait.connected_at = 0.0
    assert not wait.before_first_dial("reconnect", 5.0)
    wait.connected_at = 5.1
    assert not wait.before_first_dial("manual", 5.2)
    wait.connected_at = 5.3
    assert not wait.before_first_dial("reconnect", 5.4)


async def test_flapping_server_is_dialed_ten_times_within_the_time_without_a_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnect_wait, "WITHIN", 100.0)
    async with playing(Talk.handshake) as peer, listening(settings(peer.url, reconnect_wait=0.0)) as run:
        wait = await run.events.until(ev.Waiting)
        losses = run.events.of(ev.Disconnected)
        assert len(losses) == reconnect_wait.RECONNECTS
        assert wait.until == pytest.approx(losses[0].t + 100.0)


async def test_wait_grows_in_a_long_outage(refused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect_wait, "MANY_ATTEMPTS", 3)
    monkeypatch.setattr(reconnect_wait, "LONG_WAIT", 0.1)
    async with listening(settings(url(refused_port), reconnect_wait=0.01)) as run:
        bases = [(await run.events.until(ev.Waiting)).base for _ in range(4)]
        assert bases == [0.01, 0.01, 0.1, 0.1]
