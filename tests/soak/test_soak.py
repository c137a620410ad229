"""The account of messages, held against witnesses: the bounded form of ``make soak``, and the judge judged."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from natsmon.stream import events as ev
from tests.harness.polling import wait_until
from tests.harness.processes import alive
from tests.soak import report
from tests.soak.claims import WITHIN
from tests.soak.core import Evidence, Judgement
from tests.soak.cycles import PROMISED
from tests.soak.run import soak
from tests.soak.subscriber import Span, Witness
from tests.soak.wire import PAYLOAD, Passage, Wire

OLD, NEW = (0, 1), (1, 1)
"""A connection to node 0 that ended at 10.0, and one to node 1 since."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_number_has_the_outcome_that_the_witnesses_saw() -> None:
    run = soak(dict.fromkeys(PROMISED, 3))
    text = "\n".join([*report.table(run), *report.violations(run)])
    assert len(run.cycles) == 3 * len(PROMISED), text
    assert not run.violations, text
    assert run.judgement.lost, text
    assert run.judgement.late, text


@pytest.mark.slow
def test_interrupted_run_leaves_nothing() -> None:
    command = [sys.executable, "-m", "tests.soak", "--kinds", "reset", "--cycles", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        listing = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_until(lambda: len(listing.read_text().split()) == 4, "three nodes and a probe", WITHIN)
        children = [int(pid) for pid in listing.read_text().split()]
        process.send_signal(signal.SIGINT)
        try:
            out, complaint = process.communicate(timeout=WITHIN)
        finally:
            process.kill()  # should it not have ended
    assert (process.returncode, out, complaint) == (130, "", "interrupted: no result\n")
    wait_until(lambda: not any(map(alive, children)), "end of what it started", WITHIN)


# -- the judge --------------------------------------------------------------------------------------


def a_run() -> Evidence:
    """Of seven messages, sent a tenth of a second apart, 3 and 4 were lost with node 0; 2 came late, by node 1."""
    wires = [Wire(0), Wire(1), Wire(2)]
    wires[0].sent = [Passage(seq, 9.5 + seq / 10, 0, OLD) for seq in (1, 2, 3)]
    wires[0].returned = [Passage(1, 9.61, 0, OLD)]
    wires[0].ended = {OLD: 10.0}
    wires[1].sent = [Passage(seq, 10 + seq / 10, 1, NEW) for seq in (5, 6, 7)]
    wires[1].returned = [Passage(2, 10.2, 1, NEW)] + [Passage(seq, 10.01 + seq / 10, 1, NEW) for seq in (5, 6, 7)]
    everything = Counter([1, 2, 5, 6, 7])
    witnesses = [Witness(spans=[Span(0.0, 10.0)]), Witness(everything, [Span(0.0)]), Witness(everything, [Span(0.0)])]
    lost = ev.Outage(t=10.6, outage=1, began=10.0, ended=10.1, cause="reset", lost=3, lost_seqs=[(2, 4)])
    corrected = msgspec.structs.replace(lost, t=10.7, lost=2, late=1, lost_seqs=[(3, 4)])
    tally = ev.Tally(t=10.8, attempted=7, sent=7, delivered=5, lost=2, late=1)
    return Evidence(tally, [], [lost, corrected], [1, 2, 5, 6, 7], wires, witnesses)


def test_correct_run_has_no_violation() -> None:
    judgement = Judgement(a_run())
    assert (judgement.violations, judgement.excused) == ([], set())
    assert (judgement.lost, judgement.late) == ({3, 4}, {2})


def tally(**changes: int) -> Callable[[Evidence], None]:
    def change(run: Evidence) -> None:
        run.tally = msgspec.structs.replace(run.tally, **changes)

    return change


def outage(**changes: object) -> Callable[[Evidence], None]:
    def change(run: Evidence) -> None:
        run.outages.append(msgspec.structs.replace(run.outages[-1], **changes))

    return change


def unseen(run: Evidence) -> None:
    for witness in run.witnesses:
        witness.seen = Counter([1, 2, 6, 7])


def came_back(run: Evidence) -> None:
    run.wires[0].returned.append(Passage(3, 9.9, 0, OLD))


FAULTS: dict[str, tuple[Callable[[Evidence], object], str, tuple[int, ...]]] = {
    "a tally that is off": (lambda run: run.off.append(run.tally), "the sums are wrong", ()),
    "in flight": (tally(in_flight=1), "the tally has 1 in_flight, and there are 0", ()),
    "buffered": (tally(buffered=1), "the tally has 1 buffered, and there are 0", ()),
    "an echo not counted": (tally(delivered=4), "the tally has 4 delivered, and there are 5", ()),
    "a loss not counted": (tally(lost=1), "the tally has 1 lost, and there are 2", ()),
    "late, and not so called": (tally(late=0), "the tally has 0 late, and there are 1", ()),
    "a duplicate not counted": (lambda run: run.echoes.append(7), "the tally has 0 duplicate, and there are 1", ()),
    "disorder not counted": (lambda run: run.echoes.reverse(), "the tally has 0 out_of_order, and there are 3", ()),
    "an outage with less": (outage(lost=1), "the outages have 1 lost, the tally 2", ()),
    "unknown at the end": (outage(unverified=1), "1 of the outages are unknown", ()),
    "a number without outcome": (tally(attempted=8), "neither echoed nor lost, and 0 rejected", (8,)),
    "echoed, never attempted": (lambda run: run.echoes.append(9), "echoed, and never attempted", (9,)),
    "echoed, not on the wire": (lambda run: run.wires[1].returned.pop(), "it did not come back over the wire", (7,)),
    "echoed, not seen": (unseen, "no witness saw it", (5,)),
    "lost, and echoed": (lambda run: run.echoes.append(3), "called lost, and echoed", (3,)),
    "lost, and came back": (came_back, "called lost, and it came back", (3,)),
    "sent twice": (lambda run: run.wires[1].sent.append(Passage(3, 10.3, 1, NEW)), "sent twice", (3,)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found(fault: str) -> None:
    make, rule, seqs = FAULTS[fault]
    run = a_run()
    make(run)
    judgement = Judgement(run)
    [found] = [violation for violation in judgement.violations if rule in violation.rule]
    assert found.seqs == seqs
    for seq in seqs:
        assert judgement.account(seq).startswith(f"{seq}: natsmon has it as ")


def test_duplicate_of_a_timely_message_is_not_late() -> None:
    """A node that is frozen between its clients and its routes passes on to another one what it has echoed itself."""
    run = a_run()
    run.wires[1].returned.insert(0, Passage(1, 10.15, 1, NEW))
    run.echoes.insert(1, 1)
    tally(duplicate=1)(run)
    judgement = Judgement(run)
    assert judgement.violations == []
    assert judgement.late == {2}


def test_message_that_ended_with_its_witness_is_excused() -> None:
    run = a_run()
    run.wires[0].returned.append(Passage(3, 9.985, 0, OLD))
    unseen(run)
    run.witnesses[1].spans = [Span(0.0, 10.515), Span(10.55)]
    judgement = Judgement(run)
    assert (judgement.violations, judgement.excused) == ([], {3, 5})


def test_wire_records_whole_messages_across_reads() -> None:
    wire = Wire(0)
    message = b"NATS/1.0\r\nNatsmon-Session: s\r\nNatsmon-Seq: %d\r\n\r\n" + PAYLOAD + b"\r\n"
    stream = b"HMSG soak 1 46 50\r\n" + message % 1 + b"HMSG soak 1 46 50\r\n" + message % 12
    for at in range(len(stream) - 1):
        wire(1, "down", stream[at : at + 1])
    assert [passage.seq for passage in wire.returned] == [1]
    wire(1, "down", stream[-1:])
    wire(1, "up", b"")
    wire(1, "down", message % 13)
    assert [passage.seq for passage in wire.returned] == [1, 12]
    assert not wire.sent
