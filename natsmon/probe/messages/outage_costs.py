"""What each outage cost, emitted once it is certain, and again when a message counted as lost was delivered."""

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from msgspec.structs import replace

from natsmon.probe.messages.ledger import Cut, Ledger
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

LOST_RUNS_EMITTED = 100
CORRECTABLE_KEPT = 256
"""Settled outages with losses that may still be corrected."""


@dataclass(slots=True, eq=False)
class _Account:
    """One outage: the event as far as it is known, then as it was emitted last."""

    cost: ev.Outage
    cut: Cut
    rejected_before: int
    duplicate_before: int
    servers: set[str] = field(default_factory=set)
    lasting: bool = True

    def note(self, **known: Any) -> None:
        self.cost = replace(self.cost, **known)

    def note_outcomes(self) -> bool:
        """Take over what became of the messages in flight; whether that has changed."""
        cut, cost = self.cut, self.cost
        unverified = cut.stranded + cut.unverified
        if (cut.lost, cut.late, unverified) == (cost.lost, cost.late, cost.unverified):
            return False
        seqs = list(islice(cut.lost_seqs, LOST_RUNS_EMITTED))
        self.note(lost=cut.lost, late=cut.late, unverified=unverified, lost_seqs=seqs)
        return True


class OutageCosts:
    """One account per outage.

    An account is settled when the messages in flight at the loss are known to be late or lost, which may be after the
    next loss, or when the connection is closed. A settled account is emitted again when its losses are corrected.
    """

    def __init__(self, ledger: Ledger, emit: Emit) -> None:
        self._ledger = ledger
        self._emit = emit
        self._open: list[_Account] = []
        self._correctable: list[_Account] = []

    @property
    def _lasting(self) -> _Account | None:
        return self._open[-1] if self._open and self._open[-1].lasting else None

    def lost(self, loss: ev.Disconnected, last_data: float) -> None:
        """Open an account: what was in flight is stranded. ``last_data`` is when data was received last, as ``t``."""
        cost = ev.Outage(
            outage=loss.outage,
            began=loss.t,
            ended=loss.t,
            cause=loss.cause,
            text=loss.text,
            before=loss.server,
            manual=loss.manual,
            detected_after=max(0.0, round(loss.t - last_data, 6)),
        )
        ledger = self._ledger
        self._open.append(_Account(cost, ledger.cut(), ledger.rejected, ledger.duplicate))

    def dialing(self, server: str) -> None:
        """Count a dial of the outage that lasts."""
        if (account := self._lasting) is not None:
            account.servers.add(server)
            account.note(dials=account.cost.dials + 1, servers=len(account.servers))

    def reconnected(self, server: str, at: float) -> None:
        """The outage that lasts is over; its buffered messages have not been sent yet."""
        if (account := self._lasting) is not None:
            account.note(after=server)
            self._finish(account, at)
            self.review()

    def closed(self, at: float) -> None:
        """No connection follows: settle every account with what is known."""
        if (account := self._lasting) is not None:
            self._finish(account, at)
        self._settle(self._open)

    def review(self) -> None:
        """Emit the accounts that are settled now, and those whose losses were corrected."""
        self._settle([each for each in self._open if not (each.lasting or each.cut.stranded)])
        for account in self._correctable:
            if account.note_outcomes():
                self._emit(account.cost)

    def _finish(self, account: _Account, at: float) -> None:
        account.lasting = False
        rejected = self._ledger.rejected - account.rejected_before
        account.note(ended=at, buffered=self._ledger.buffered, rejected=rejected)

    def _settle(self, accounts: list[_Account]) -> None:
        self._open = [account for account in self._open if account not in accounts]
        for account in accounts:
            account.note(duplicate=self._ledger.duplicate - account.duplicate_before)
            account.note_outcomes()
            self._emit(account.cost)
        self._correctable += [account for account in accounts if account.cut.lost or account.cut.stranded]
        del self._correctable[:-CORRECTABLE_KEPT]
