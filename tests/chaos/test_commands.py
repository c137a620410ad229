"""Commands and signals against every hostile server, in every state: answered, and the run ends."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

import pytest

from tests.chaos.hostile_server import AFTER, BEFORE, SILENT, Behaviour, HostileServer
from tests.chaos.subject import ANSWERED_WITHIN, Subject
from tests.harness import peers
from tests.harness.dead_ports import refused_port
from tests.harness.peer import Peering
from tests.harness.polling import wait_until

COMMANDS = ("pause", "publish", "resume") * 10
CASES = [
    *((state, behaviour) for state in ("CONNECTING", "RECONNECTING") for behaviour in BEFORE),
    *((state, behaviour) for state in ("CONNECTED", "DRAINING") for behaviour in (*AFTER, *SILENT)),
]
PEERS = (
    peers.close_at_once, peers.http_400, peers.slow_info, peers.info_then_close, peers.info_not_json,
    peers.info_not_object, peers.ping_before_pong, peers.pong_then_garbage, peers.pong_then_bad_info, peers.stale,
)  # fmt: skip
LEFT_BY = {"RECONNECTING": "reconnect", "DRAINING": "drain"}
"""The command that ends CONNECTED."""


def _name(value: object) -> str:
    return getattr(value, "__name__", str(value))


def answer_times(subject: Subject) -> list[float]:
    """Seconds until the answer to each command, one after another."""
    for command in COMMANDS:
        subject.send(command)
        subject.check_answers()
    return subject.answers


def p99(seconds: list[float]) -> float:
    """In milliseconds."""
    return 1000 * quantiles(seconds, n=100, method="inclusive")[98]


def measure(subject: Subject, baseline: float, *, dialing: bool) -> str:
    """Send commands, and SIGTERM."""
    text = f"answer p99 {p99(answer_times(subject)):.1f} ms (without a peer {baseline:.1f} ms)"
    if dialing:
        text += f", cancel {1000 * cancel(subject):.1f} ms"
    began = time.monotonic()
    subject.end()
    return f"{text}, end {time.monotonic() - began:.2f} s"


def subject_for(port: int, folder: Path) -> Subject:
    return Subject(f"nats://127.0.0.1:{port}", 50.0, folder / "run.jsonl.gz")


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Milliseconds: p99 of an answer without a peer."""
    with refused_port() as port, subject_for(port, tmp_path_factory.mktemp("baseline")) as subject:
        reach("CONNECTING", subject)
        return p99(answer_times(subject))


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("state", "behaviour"), CASES, ids=_name)
def test_commands_are_answered_and_the_run_ends(
    state: str, behaviour: Behaviour, baseline: float, tmp_path: Path
) -> None:
    with HostileServer() as hostile:
        if state != "RECONNECTING":
            hostile.behaviour = behaviour
        with subject_for(hostile.port, tmp_path) as subject:
            reach(state, subject)
            hostile.behaviour = behaviour
            if behaviour in AFTER:
                wait_until(lambda: hostile.peer.abused > 0, "abuse", ANSWERED_WITHIN)
            if state in LEFT_BY:
                subject.send(LEFT_BY[state])
            measured = measure(subject, baseline, dialing=behaviour in BEFORE)
    print(f"{state} {behaviour.__name__}: {measured}")  # noqa: T201 - shown by pytest -rP
    assert not subject.violations


@pytest.mark.timeout(120)
@pytest.mark.parametrize("peering", PEERS, ids=_name)
def test_commands_to_a_scripted_peer_are_answered(
    peering: Callable[[], Peering], baseline: float, tmp_path: Path
) -> None:
    with HostileServer(peering()) as peer, subject_for(peer.port, tmp_path) as subject:
        subject.wait_for(lambda: subject.status != "DISCONNECTED", ANSWERED_WITHIN)  # some let it connect for a moment
        print(f"{peering.__name__}: {measure(subject, baseline, dialing=False)}")  # noqa: T201 - shown by pytest -rP
    assert not subject.violations


def reach(state: str, subject: Subject) -> None:
    if state == "CONNECTING":  # which may last less than a millisecond each time
        before = subject.dials
        assert subject.wait_for(lambda: subject.dials > before, ANSWERED_WITHIN)
    else:
        assert subject.wait_for(lambda: subject.connected_at > 0, ANSWERED_WITHIN)


def cancel(subject: Subject) -> float:
    """Seconds until a cancel has ended the dial; dials again."""
    began = time.monotonic()
    subject.send("cancel")
    assert subject.wait_for(lambda: subject.status == "CLOSED", ANSWERED_WITHIN)
    took = time.monotonic() - began
    subject.send("reconnect")
    reach("CONNECTING", subject)
    return took
