"""The ledger of messages: whatever happens to them, its sums agree with a plain model of it."""

from unittest import mock

from hypothesis import settings as example_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from natsmon.probe import ledger as ledger_module
from natsmon.probe.ledger import Ledger

SIZE = 5


def sums(ledger: Ledger) -> None:
    assert ledger.attempted == ledger.sent + ledger.buffered + ledger.rejected
    assert ledger.sent == ledger.echoed + ledger.in_flight + ledger.lost
    counts = (ledger.sent, ledger.buffered, ledger.rejected, ledger.echoed, ledger.in_flight, ledger.lost)
    others = (ledger.late, ledger.duplicate, ledger.out_of_order, ledger.bytes, ledger.buffered_bytes)
    assert min(*counts, *others) >= 0
    assert ledger.late <= ledger.echoed
    assert ledger.flying + ledger.stranded <= ledger.in_flight


class Life(RuleBasedStateMachine):
    """Beside the ledger, a model in plain sets: nothing is forgotten there."""

    @initialize()
    def begin(self) -> None:
        self.ledger = Ledger()
        self.now = 0.0
        self.buffer: list[int] = []
        self.flying: set[int] = set()
        self.stranded: set[int] = set()
        self.lost: set[int] = set()
        self.echoed: set[int] = set()
        self.duplicates = 0

    @rule(many=st.integers(1, 4))
    def send(self, many: int) -> None:
        for _ in range(many):
            if not self.buffer:
                seq = self.ledger.attempt()
                self.ledger.send(seq, self.now, SIZE)
                self.flying.add(seq)

    @rule()
    def buffer_one(self) -> None:
        self.buffer.append(self.ledger.attempt())
        self.ledger.buffer(SIZE)

    @rule()
    def reject_one(self) -> None:
        self.ledger.attempt()
        self.ledger.reject()

    @precondition(lambda self: self.buffer)
    @rule(sent=st.booleans())
    def leave_the_buffer(self, sent: bool) -> None:
        seq = self.buffer.pop(0)
        self.ledger.unbuffer(SIZE)
        if sent:
            self.ledger.send(seq, self.now, SIZE)
            self.flying.add(seq)
        else:
            self.ledger.reject()

    @rule(choice=st.integers(0))
    def echo(self, choice: int) -> None:
        """Of any number that was sent, or was not, any number of times."""
        seq = choice % (self.ledger.attempted + 2)
        sent = self.flying | self.stranded | self.lost | self.echoed
        self.now += 0.001
        latency = self.ledger.echo(seq, self.now)
        if seq in self.flying:
            assert latency is not None
            assert latency >= 0
            self.flying.discard(seq)
            self.echoed.add(seq)
            self.lost |= self.stranded
            self.stranded.clear()
        elif seq in self.stranded | self.lost:
            self.stranded.discard(seq)
            self.lost.discard(seq)
            self.echoed.add(seq)
        else:
            assert latency is None
            self.duplicates += seq in sent

    @rule()
    def cut(self) -> None:
        self.ledger.cut()
        self.stranded |= self.flying
        self.flying.clear()

    @rule()
    def take_latencies(self) -> None:
        taken = self.ledger.take_latencies()
        assert taken is None or list(taken) == sorted(taken)
        assert self.ledger.take_latencies() is None

    @invariant()
    def agrees(self) -> None:
        ledger = self.ledger
        sums(ledger)
        assert (ledger.flying, ledger.stranded) == (len(self.flying), len(self.stranded))
        assert (ledger.lost, ledger.echoed) == (len(self.lost), len(self.echoed))
        assert (ledger.buffered, ledger.buffered_bytes) == (len(self.buffer), len(self.buffer) * SIZE)
        assert ledger.duplicate >= self.duplicates


class LifeOverTheLimits(RuleBasedStateMachine):
    """With limits so small that the oldest are soon only counted: the sums hold all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = mock.patch.multiple(ledger_module, IN_FLIGHT_KEPT=3, LOST_KEPT=3, LATENCIES_KEPT=2)
        self.limits.start()
        self.ledger = Ledger()

    def teardown(self) -> None:
        self.limits.stop()

    @rule(many=st.integers(1, 5))
    def send(self, many: int) -> None:
        for _ in range(many):
            self.ledger.send(self.ledger.attempt(), 0.0, SIZE)

    @rule(choice=st.integers(0))
    def echo(self, choice: int) -> None:
        self.ledger.echo(choice % (self.ledger.attempted + 2), 1.0)

    @rule()
    def cut(self) -> None:
        self.ledger.cut()

    @invariant()
    def sums_hold(self) -> None:
        sums(self.ledger)
        assert self.ledger.flying <= 3
        assert len(self.ledger._lost_seqs) <= 3
        assert len(self.ledger.latencies) <= 2


TestLife = Life.TestCase
TestLife.settings = example_settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLifeOverTheLimits = LifeOverTheLimits.TestCase
TestLifeOverTheLimits.settings = example_settings(max_examples=40, stateful_step_count=40, deadline=None)


def sent(*seqs: int) -> Ledger:
    ledger = Ledger()
    for seq in seqs:
        ledger.attempt()
        ledger.send(seq, 0.0, SIZE)
    return ledger


def test_lost_only_once_a_later_message_came_back() -> None:
    ledger = sent(1, 2)
    ledger.cut()
    assert (ledger.in_flight, ledger.lost) == (2, 0)
    ledger.send(ledger.attempt(), 0.0, SIZE)
    assert ledger.lost == 0
    ledger.echo(3, 1.0)
    assert (ledger.in_flight, ledger.lost, ledger.echoed) == (0, 2, 1)


def test_late_is_lost_no_more() -> None:
    ledger = sent(1)
    ledger.cut()
    ledger.send(ledger.attempt(), 0.0, SIZE)
    ledger.echo(2, 1.0)
    ledger.echo(1, 2.0)
    assert (ledger.lost, ledger.late, ledger.echoed, ledger.duplicate) == (0, 1, 2, 0)


def test_late_before_it_is_given_up_has_a_latency() -> None:
    ledger = sent(1)
    ledger.cut()
    assert ledger.echo(1, 0.5) == 0.5
    assert (ledger.late, ledger.lost) == (1, 0)


def test_second_echo_is_a_duplicate_and_a_strange_one_is_nothing() -> None:
    ledger = sent(1)
    assert [ledger.echo(seq, 1.0) for seq in (1, 1, 2, 0, 10**30)] == [1.0, None, None, None, None]
    assert (ledger.echoed, ledger.duplicate) == (1, 1)


def test_out_of_order() -> None:
    ledger = sent(1, 2, 3)
    for seq in (1, 3, 2):
        ledger.echo(seq, 1.0)
    assert ledger.out_of_order == 1


def test_latencies() -> None:
    ledger = sent(*range(1, 102))
    for seq in range(1, 102):
        ledger.echo(seq, float(seq))
    assert ledger.take_latencies() == (51.0, 91.0, 100.0, 101.0)
    assert ledger.take_latencies() is None
