"""What each outage cost, told once it is certain, and again should it prove to be less."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from natsmon.probe.messages.heartbeat import Heartbeat
from natsmon.probe.messages.ledger import Cut
from natsmon.stream import events as ev

LOST_RUNS_TOLD = 100
CORRECTABLE_KEPT = 256
"""Accounts that were told with losses; of more, the oldest stay as they are."""


@dataclass(slots=True, eq=False)
class _Account:
    """One outage, and what it has cost so far."""

    lost: ev.Disconnected
    cut: Cut
    detected_after: float
    rejected_before: int
    duplicate_before: int
    dials: int = 0
    servers: set[str] = field(default_factory=set)
    buffered: int = 0
    rejected: int = 0
    duplicate: int = 0
    back: ev.Reconnected | None = None
    told: tuple[int, ...] = ()
    """The fates that were told last; empty while it is open."""
    ended: float = 0.0

    @property
    def fates(self) -> tuple[int, ...]:
        cut = self.cut
        return cut.lost, cut.late, cut.stranded + cut.unknown


class OutageBook:
    """Watches the events of a connection and the ledger of its messages; closes one account per outage.

    An account is closed when what was in flight at the loss is known to be late or lost, which may be after
    the next loss, or when the connection is closed; then what is not known is told as that. Of a closed account
    the fates may still change, and with the next tally it is told once more.
    """

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat
        self._ledger = heartbeat.ledger
        self._open: list[_Account] = []
        self._correctable: list[_Account] = []

    def watch(self, event: ev.AnyEvent, proof_of_life: float) -> Iterator[ev.Outage]:
        """The accounts this event closes. ``proof_of_life`` is when the server was last heard, as ``t``."""
        last = self._open[-1] if self._open else None
        lasting = last if last is not None and last.back is None else None
        match event:
            case ev.Disconnected():
                self._begin(event, proof_of_life)
            case ev.DialStart() if lasting is not None:
                lasting.dials += 1
                lasting.servers.add(event.server)
            case ev.Connected() if lasting is not None:
                self._take_stock(lasting)
            case ev.Reconnected() if lasting is not None:
                lasting.back = event
            case ev.Closed():
                if lasting is not None:
                    self._take_stock(lasting)
                yield from self._close(self._open, event.t)
            case _:
                yield from self._close([a for a in self._open if a.back is not None and not a.cut.stranded], event.t)
                if isinstance(event, ev.Tally):
                    yield from self._correct(event.t)

    def _begin(self, lost: ev.Disconnected, proof_of_life: float) -> None:
        self._open.append(
            _Account(
                lost,
                self._heartbeat.cut,
                max(0.0, round(lost.t - proof_of_life, 6)),
                self._ledger.rejected,
                self._ledger.duplicate,
            )
        )

    def _take_stock(self, account: _Account) -> None:
        account.buffered = self._ledger.buffered
        account.rejected = self._ledger.rejected - account.rejected_before

    def _close(self, accounts: list[_Account], now: float) -> Iterator[ev.Outage]:
        if not accounts:
            return
        self._open = [account for account in self._open if account not in accounts]
        for account in accounts:
            account.ended = account.back.t if account.back is not None else now
            account.duplicate = self._ledger.duplicate - account.duplicate_before
            yield self._tell(account, now)
        self._correctable += [account for account in accounts if account.cut.lost or account.cut.stranded]
        del self._correctable[:-CORRECTABLE_KEPT]

    def _correct(self, now: float) -> Iterator[ev.Outage]:
        for account in self._correctable:
            if account.fates != account.told:
                yield self._tell(account, now)

    def _tell(self, account: _Account, now: float) -> ev.Outage:
        lost, back, cut = account.lost, account.back, account.cut
        account.told = account.fates
        return ev.Outage(
            t=now,
            began=lost.t,
            ended=account.ended,
            cause=lost.cause,
            text=lost.text,
            before=lost.server,
            after=back.after if back is not None else "",
            detected_after=account.detected_after,
            dials=account.dials,
            buffered=account.buffered,
            rejected=account.rejected,
            lost=cut.lost,
            unknown=cut.stranded + cut.unknown,
            late=cut.late,
            duplicate=account.duplicate,
            servers=len(account.servers),
            lost_seqs=list(islice(cut.lost_seqs, LOST_RUNS_TOLD)),
        )
