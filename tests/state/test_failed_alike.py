"""A second look at a peer explains every dial that failed alike, though it is made once."""

import pytest

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.wording.health import health
from tests.state.folding import A, B, folded, logged


def _failed(dial: int, server: str = A, cause: str = "tls_expired", stage: ev.Stage = "tls") -> list[ev.AnyEvent]:
    return [
        ev.DialStart(t=float(dial), dial=dial, attempt=dial, server=server, reason="initial"),
        ev.DialEnd(t=dial + 0.1, dial=dial, outcome="failed", stage=stage, cause=cause, text="refused"),
    ]


def _connected(dial: int) -> list[ev.AnyEvent]:
    return [
        ev.DialStart(t=float(dial), dial=dial, attempt=dial, server=A, reason="initial"),
        ev.DialEnd(t=dial + 0.1, dial=dial, outcome="connected"),
    ]


FOUND = ev.DialFinding(t=0.5, dial=1, cause="tls_server_expired", text="it expired on 2026-11-29")


def _causes(state: State) -> list[str]:
    return [dial.known_cause for dial in state.dials]


@pytest.mark.parametrize("late", [False, True], ids=["before-the-next-dial", "after-it"])
def test_finding_explains_the_dials_that_fail_alike(late: bool) -> None:
    events = [*_failed(1), *_failed(2), FOUND] if late else [*_failed(1), FOUND, *_failed(2)]
    state = folded(*events, *_failed(3))
    assert _causes(state) == ["tls_server_expired"] * 3
    assert [dial.cause for dial in state.dials] == ["tls_expired"] * 3


def test_finding_does_not_explain_other_failures() -> None:
    others = [*_failed(2, server=B), *_failed(3, cause="refused", stage="tcp")]
    state = folded(*_failed(1), FOUND, *others, *_failed(4))
    assert _causes(state) == ["tls_server_expired", "tls_expired", "refused", "tls_server_expired"]


def test_finding_ends_with_a_connection() -> None:
    state = folded(*_failed(1), FOUND, *_connected(2), *_failed(3))
    assert _causes(state) == ["tls_server_expired", "", "tls_expired"]


def test_headline_and_log_show_what_was_found() -> None:
    wanted = ev.StatusChanged(t=0.0, status="CONNECTING", previous="DISCONNECTED")
    events = [wanted, *_failed(1), FOUND, *_failed(2)]
    assert health(folded(*events), 3.0).phrase.endswith("server certificate expired")
    assert "server certificate expired: refused" in logged(events)[-1].text
