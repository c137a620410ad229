"""The ledger of messages: whatever happens to them, it agrees with a plain model of it."""

from collections import Counter
from contextlib import ExitStack
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from natsmon.probe.messages import in_flight_window as window_module
from natsmon.probe.messages import ledger as ledger_module
from natsmon.probe.messages.deliveries import LatencySamples
from natsmon.probe.messages.ledger import Cut, Ledger
from natsmon.stream.latency_buckets import quantised

SIZE = 5


def sums(ledger: Ledger) -> None:
    assert ledger.attempted == ledger.sent + ledger.buffered + ledger.rejected
    assert ledger.sent == (ledger.delivered + ledger.in_flight + ledger.undelivered + ledger.lost + ledger.unverified)
    assert ledger.in_flight == ledger.flying + ledger.stranded
    counts = (ledger.sent, ledger.buffered, ledger.rejected, ledger.delivered, ledger.in_flight, ledger.lost)
    others = (ledger.flying, ledger.stranded, ledger.unverified, ledger.undelivered, ledger.duplicate)
    assert min(*counts, *others, ledger.out_of_order, ledger.bytes, ledger.buffered_bytes) >= 0
    assert ledger.late <= ledger.delivered


class Life(RuleBasedStateMachine):
    """Beside the ledger a dict of what became of each number, and for each cut the numbers it stranded."""

    window = window_module.WINDOW_KEPT
    cleared_at_once = window_module.CLEARED_AT_ONCE

    def __init__(self) -> None:
        super().__init__()
        self.patched = mock.patch.multiple(window_module, WINDOW_KEPT=self.window, CLEARED_AT_ONCE=self.cleared_at_once)
        self.patched.start()
        self.ledger = Ledger()
        self.now = 0.0
        self.buffer: list[int] = []
        self.outcomes: dict[int, str] = {}
        self.due: dict[int, float] = {}
        self.cuts: list[tuple[Cut, set[int]]] = []
        self.late = self.duplicate = self.out_of_order = self.highest_echo = self.passed = self.cut_at = 0

    def teardown(self) -> None:
        self.patched.stop()

    def numbers(self, *outcomes: str) -> set[int]:
        return {seq for seq, outcome in self.outcomes.items() if outcome in outcomes}

    def carry(self, seq: int) -> None:
        self.now += 0.25
        self.ledger.send(seq, self.now, SIZE)
        self.outcomes[seq] = "unknown" if self.ledger.unverifiable else "flying"
        self.due[seq] = self.now

    @rule(many=st.integers(1, 6))
    def send(self, many: int) -> None:
        for _ in range(many):
            if not self.buffer:
                self.carry(self.ledger.attempt())

    @rule(many=st.integers(1, 3))
    def buffer_some(self, many: int) -> None:
        for _ in range(many):
            self.buffer.append(self.ledger.attempt())
            self.ledger.buffer(SIZE)

    @rule(many=st.integers(1, 9))
    def reject_some(self, many: int) -> None:
        for _ in range(many):
            self.ledger.attempt()
            self.ledger.reject()

    @precondition(lambda self: self.buffer)
    @rule(sent=st.booleans())
    def leave_the_buffer(self, sent: bool) -> None:
        seq = self.buffer.pop(0)
        self.ledger.unbuffer(SIZE)
        if sent:
            self.carry(seq)
        else:
            self.ledger.reject()

    @rule(choice=st.integers(0))
    def echo_anything(self, choice: int) -> None:
        """Any number, whether it was sent or not, any number of times."""
        self.echo(choice % (self.ledger.attempted + 2))

    @precondition(lambda self: self.numbers("flying"))
    @rule(many=st.integers(1, 6))
    def echo_in_order(self, many: int) -> None:
        for seq in sorted(self.numbers("flying"))[:many]:
            self.echo(seq)

    @precondition(lambda self: self.numbers("stranded", "lost", "unknown", "overdue"))
    @rule(data=st.data())
    def echo_late(self, data: st.DataObject) -> None:
        self.echo(data.draw(st.sampled_from(sorted(self.numbers("stranded", "lost", "unknown", "overdue")))))

    @rule(choice=st.integers(0))
    def pong(self, choice: int) -> None:
        """Of a PING that was sent after this message."""
        last = choice % (max(self.outcomes, default=0) + 1)
        self.ledger.pass_by(last)
        self.passed = max(self.passed, last)

    @rule()
    def miss(self) -> None:
        overdue = {seq for seq in self.numbers("flying") if seq <= self.passed}
        assert self.ledger.miss(self.passed) == len(overdue)
        self.outcomes |= dict.fromkeys(overdue, "overdue")

    def echo(self, seq: int) -> None:
        self.now += 0.001
        latency = self.ledger.echo(seq, self.now)
        outcome = self.outcomes.get(seq)
        assert latency is None or latency == self.now - self.due[seq]
        if outcome in ("flying", "stranded") and self.window > len(self.outcomes):
            assert latency is not None
        match outcome:
            case "flying":
                self.out_of_order += seq < self.highest_echo
                self.highest_echo = max(seq, self.highest_echo)
            case "stranded" | "lost" | "unknown" | "overdue":
                self.late += 1
                assert latency is None or outcome == "stranded"
            case _:
                assert latency is None
                self.duplicate += 0 < seq <= max(self.outcomes, default=0)
                return
        self.outcomes[seq] = "late" if outcome in ("stranded", "lost", "overdue") else "echoed"

    @rule(choice=st.integers(0))
    def refuse_anything(self, choice: int) -> None:
        seq = choice % (self.ledger.attempted + 2)
        self.ledger.refuse(seq)
        if self.outcomes.get(seq) in ("flying", "stranded", "unknown"):
            self.outcomes[seq] = "refused"

    @rule()
    def refuse_next(self) -> None:
        """The first that has no other answer."""
        self.ledger.refuse_next()
        answered = max(self.cut_at, self.passed, self.highest_echo)
        if unanswered := [seq for seq in self.numbers("flying", "unknown") if seq > answered]:
            self.outcomes[min(unanswered)] = "refused"

    @rule()
    def cut(self) -> None:
        answered = max(self.passed, self.highest_echo)
        self.outcomes |= dict.fromkeys((seq for seq in self.numbers("flying") if seq <= answered), "overdue")
        flying = self.numbers("flying")
        self.cut_at = max(self.outcomes, default=0)
        self.cuts.append((self.ledger.cut(), flying))
        self.outcomes |= dict.fromkeys(flying, "stranded")

    @rule()
    def sentinel(self) -> None:
        self.ledger.give_up()
        self.outcomes |= dict.fromkeys(self.numbers("stranded"), "lost")

    @rule()
    def abandon(self) -> None:
        self.ledger.abandon()
        self.outcomes |= dict.fromkeys(self.numbers("stranded"), "unknown")

    @rule()
    def stop_verifying(self) -> None:
        self.ledger.stop_verifying()
        self.outcomes |= dict.fromkeys(self.numbers("stranded", "flying"), "unknown")

    @rule()
    def verify(self) -> None:
        self.ledger.verify()

    @invariant()
    def agrees(self) -> None:
        ledger, count = self.ledger, Counter(self.outcomes.values())
        sums(ledger)
        assert (ledger.flying, ledger.stranded, ledger.unverified, ledger.undelivered) == tuple(
            count[outcome] for outcome in ("flying", "stranded", "unknown", "overdue")
        )
        assert ledger.sent == len(self.outcomes) - count["refused"]
        assert (ledger.lost, ledger.bytes) == (count["lost"], SIZE * len(self.outcomes))
        assert ledger.delivered == count["echoed"] + count["late"]
        assert (ledger.late, ledger.duplicate) == (self.late, self.duplicate)
        assert ledger.out_of_order == self.out_of_order
        assert (ledger.buffered, ledger.buffered_bytes) == (len(self.buffer), len(self.buffer) * SIZE)

    @invariant()
    def charges_every_cut_with_its_own(self) -> None:
        for cut, numbers in self.cuts:
            outcomes = {seq: self.outcomes[seq] for seq in numbers}
            count = Counter(outcomes.values())
            assert (cut.stranded, cut.lost, cut.late) == (count["stranded"], count["lost"], count["late"])
            lost = {seq for first, last in cut.lost_seqs for seq in range(first, last + 1)}
            assert lost == {seq for seq, outcome in outcomes.items() if outcome == "lost"}

    @invariant()
    def stays_small(self) -> None:
        assert len(self.ledger._window._flags) == len(self.ledger._window._due)
        assert len(self.ledger._window) <= 2 * window_module.WINDOW_KEPT + window_module.CLEARED_AT_ONCE + 1


class LifeInASmallWindow(Life):
    """Everything soon leaves the window, and is known all the same."""

    window = 3
    cleared_at_once = 2


class LifeOverTheLimits(RuleBasedStateMachine):
    """With limits so small that the oldest are soon only counted: the sums hold all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = ExitStack()
        self.limits.enter_context(mock.patch.multiple(ledger_module, RUNS_KEPT=2, CUTS_KEPT=2, LOST_RUNS_KEPT=1))
        self.limits.enter_context(mock.patch.multiple(window_module, WINDOW_KEPT=3, CLEARED_AT_ONCE=2))
        self.ledger = Ledger()

    def teardown(self) -> None:
        self.limits.close()

    @rule(many=st.integers(1, 5))
    def send(self, many: int) -> None:
        for _ in range(many):
            self.ledger.send(self.ledger.attempt(), 0.0, SIZE)

    @rule(choice=st.integers(0))
    def echo(self, choice: int) -> None:
        self.ledger.echo(choice % (self.ledger.attempted + 2), 1.0)

    @rule(event=st.sampled_from(["cut", "give_up", "stop_verifying", "verify", "refuse_next", "pass_by_all"]))
    def happen(self, event: str) -> None:
        if event == "pass_by_all":
            self.ledger.pass_by(self.ledger.highest_sent)
            self.ledger.miss(self.ledger.passed)
        else:
            getattr(self.ledger, event)()

    @rule(choice=st.integers(0))
    def refuse(self, choice: int) -> None:
        self.ledger.refuse(choice % (self.ledger.attempted + 2))

    @invariant()
    def sums_hold(self) -> None:
        ledger = self.ledger
        sums(ledger)
        assert len(ledger._window) <= 9
        assert max(len(ledger._window.older), len(ledger._unverified), len(ledger._open), len(ledger._closed)) <= 2
        assert len(ledger._undelivered) <= 2


TestLife = Life.TestCase
TestLife.settings = example_settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLifeInASmallWindow = LifeInASmallWindow.TestCase
TestLifeInASmallWindow.settings = example_settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLifeOverTheLimits = LifeOverTheLimits.TestCase
TestLifeOverTheLimits.settings = example_settings(max_examples=40, stateful_step_count=40, deadline=None)


def sent(*seqs: int) -> Ledger:
    ledger = Ledger()
    for seq in seqs:
        ledger.attempt()
        ledger.send(seq, 0.0, SIZE)
    return ledger


def test_message_is_lost_only_when_given_up() -> None:
    ledger = sent(1, 2)
    cut = ledger.cut()
    ledger.send(ledger.attempt(), 0.0, SIZE)
    ledger.echo(3, 1.0)
    assert (ledger.in_flight, ledger.lost, cut.stranded, cut.lost) == (2, 0, 2, 0)
    ledger.give_up()
    assert (ledger.in_flight, ledger.lost, ledger.delivered, cut.stranded, cut.lost) == (0, 2, 1, 0, 2)
    assert list(cut.lost_seqs) == [(1, 2)]


def test_loss_is_taken_back_once() -> None:
    ledger = sent(1, 2, 3)
    cut = ledger.cut()
    ledger.give_up()
    assert [ledger.echo(2, 2.0), ledger.echo(2, 2.0)] == [None, None]
    assert (ledger.lost, ledger.late, ledger.delivered, ledger.duplicate) == (2, 1, 1, 1)
    assert (cut.lost, cut.late, list(cut.lost_seqs)) == (2, 1, [(1, 1), (3, 3)])


def test_late_echo_before_the_loss_has_a_latency() -> None:
    ledger = sent(1)
    ledger.cut()
    assert ledger.echo(1, 0.5) == 0.5
    assert (ledger.late, ledger.lost) == (1, 0)


def test_second_echo_is_a_duplicate_and_an_unknown_one_is_ignored() -> None:
    ledger = sent(1)
    assert [ledger.echo(seq, 1.0) for seq in (1, 1, 2, 0, 10**30)] == [1.0, None, None, None, None]
    assert (ledger.delivered, ledger.duplicate) == (1, 1)


def test_echo_behind_a_later_one_is_out_of_order() -> None:
    ledger = sent(1, 2, 3)
    for seq in (1, 3, 2):
        ledger.echo(seq, 1.0)
    assert ledger.out_of_order == 1


def test_unverified_messages_take_no_memory() -> None:
    ledger = Ledger()
    ledger.stop_verifying()
    for _ in range(1_000):
        ledger.send(ledger.attempt(), 0.0, SIZE)
    assert (ledger.unverified, len(ledger._window), len(ledger._unverified)) == (1_000, 0, 1)


def test_gap_wider_than_the_window_is_not_kept() -> None:
    ledger = sent(1)
    ledger.send(10**12, 0.0, SIZE)
    assert len(ledger._window) == 1
    assert [ledger.echo(seq, 1.0) for seq in (1, 10**12)] == [None, 1.0]
    assert (ledger.delivered, ledger.in_flight) == (2, 0)


def test_refused_message_counts_as_rejected() -> None:
    ledger = Ledger()
    for seq in (1, 2, 3, 4):
        ledger.attempt()
        ledger.send(seq, 0.0, 5)
    ledger.refuse(2)
    assert (ledger.sent, ledger.rejected, ledger.flying) == (3, 1, 3)
    cut = ledger.cut()
    ledger.refuse(1)
    ledger.refuse(1)
    assert (ledger.sent, ledger.rejected, ledger.stranded, cut.stranded) == (2, 2, 2, 2)
    ledger.echo(3, 1.0)
    ledger.echo(4, 1.0)
    assert (ledger.delivered, ledger.in_flight, cut.late, ledger.lost) == (2, 0, 2, 0)


# -- latencies --------------------------------------------------------------------------------------


def test_latency_samples_keep_count_and_extremes() -> None:
    latencies = LatencySamples()
    assert latencies.take() is None
    for seq in range(1, 102):
        latencies.add(float(seq))
    taken = latencies.take()
    assert taken is not None
    assert (taken.kind, sum(many for _, many in taken.counts), taken.longest) == ("echo", 101, 101.0)
    assert latencies.take() is None


@given(st.lists(st.sampled_from([0.0001, 0.00025, 0.0031, 1.5]) | st.floats(0, 3000), min_size=1))
def test_every_latency_is_counted(seconds: list[float]) -> None:
    latencies = LatencySamples()
    for one in seconds:
        latencies.add(one)
    taken = latencies.take()
    assert taken is not None
    assert taken.longest == pytest.approx(max(seconds), abs=1e-6)
    assert dict(taken.counts) == Counter(map(quantised, seconds))
    assert [bucket for bucket, _ in taken.counts] == sorted({bucket for bucket, _ in taken.counts})
