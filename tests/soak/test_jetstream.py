"""The promise of JetStream, held against the stream itself: a bounded run of it, and the judge judged."""

from collections.abc import Callable

import pytest

from natsmon.stream import events as ev
from tests.soak import report
from tests.soak.jetstream import Evidence, Judgement
from tests.soak.run import soak
from tests.soak.wire import Passage, Wire


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_acknowledged_message_is_stored_once() -> None:
    run = soak({"kill": 2, "reset": 2, "cut": 1}, mode="jetstream")
    text = "\n".join([*report.table(run), *report.violations(run)])
    assert len(run.cycles) == 5, text
    assert not run.violations, text
    assert run.judgement.tally.resent, text


def a_run() -> Evidence:
    """Of five messages, the third had to be sent again, and the last was rejected."""
    wire = Wire(0)
    wire.sent = [Passage(seq, seq / 10, 0, (0, 1)) for seq in (1, 2, 3, 4, 5)] + [Passage(3, 1.0, 0, (0, 2))]
    tally = ev.Tally(t=2.0, attempted=5, sent=4, rejected=1, delivered=4, resent=1)
    back = ev.Audit(t=2.0, stream="ORDERS", acknowledged=4, stored=4)
    return Evidence(tally, [], [], [1, 2, 4, 3], [back], [1, 2, 4, 3], [wire])


def test_correct_run_has_no_violation() -> None:
    judged = Judgement(a_run())
    assert judged.violations == []
    assert judged.late == {3}
    assert judged.account(3) == (
        "3: acknowledged 1×, stored 1×; sent at 0.3000 on node 0's connection 1, at 1.0000 on node 0's connection 2"
    )


@pytest.mark.parametrize(("why", "fine"), [("no PONG for 2 PINGs", True), ("closed by the server", False)])
def test_reading_back_may_end_with_a_stale_connection_only(why: str, fine: bool) -> None:
    evidence = a_run()
    text = f"the connection has ended: {why}"
    evidence.read_back = [ev.Audit(t=2.0, stream="ORDERS", acknowledged=4, stored=2, complete=False, text=text)]
    assert (not Judgement(evidence).violations) is fine


def with_tally(evidence: Evidence, **changes: int) -> None:
    """Replace figures of natsmon's last tally."""
    fields = {name: getattr(evidence.tally, name) for name in evidence.tally.__struct_fields__}
    evidence.tally = ev.Tally(**fields | changes)


LIES: dict[str, Callable[[Evidence], object]] = {
    "acknowledged, and not in the stream": lambda evidence: evidence.stored.remove(2),
    "stored twice": lambda evidence: evidence.stored.append(2),
    "acknowledged twice": lambda evidence: evidence.echoes.append(2),
    "stored, and never attempted": lambda evidence: evidence.stored.append(6),
    "not acknowledged, and 1 rejected": lambda evidence: evidence.echoes.remove(2),
    "the tally has 1 lost, and there are 0": lambda evidence: with_tally(evidence, lost=1),
    "the tally has 1 in_flight, and there are 0": lambda evidence: with_tally(evidence, in_flight=1),
    "the tally has 3 delivered, and there are 4": lambda evidence: with_tally(evidence, delivered=3),
    "the outages have 2 lost or unknown": lambda evidence: evidence.outages.append(
        ev.Outage(t=1.0, outage=1, began=0.5, ended=1.0, cause="eof", lost=1, unverified=1)
    ),
    "4 are acknowledged, and natsmon read back []": lambda evidence: evidence.read_back.clear(),
    "the sums are wrong in 1 tallies": lambda evidence: evidence.off.append(evidence.tally),
}


@pytest.mark.parametrize("rule", LIES)
def test_incorrect_run_has_violations(rule: str) -> None:
    evidence = a_run()
    LIES[rule](evidence)
    assert any(violation.rule.startswith(rule) for violation in Judgement(evidence).violations)
