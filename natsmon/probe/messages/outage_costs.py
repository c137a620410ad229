"""What each outage cost, emitted once it is certain, and again when a message counted as lost was delivered."""

from dataclasses import dataclass, field
from itertools import islice

from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.ledger import Cut
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

LOST_RUNS_EMITTED = 100
CORRECTABLE_KEPT = 256
"""Settled outages with losses that may still be corrected."""


@dataclass(slots=True, eq=False)
class _Account:
    """One outage, and what it has cost so far."""

    loss: ev.Disconnected
    cut: Cut
    detected_after: float
    rejected_before: int
    duplicate_before: int
    dials: int = 0
    servers: set[str] = field(default_factory=set)
    buffered: int = 0
    rejected: int = 0
    duplicate: int = 0
    after: str = ""
    ended: float | None = None
    emitted: tuple[int, ...] = ()
    """Lost, late and unverified as emitted last; empty while the account is open."""

    @property
    def outcomes(self) -> tuple[int, ...]:
        cut = self.cut
        return cut.lost, cut.late, cut.stranded + cut.unverified


class OutageCosts:
    """One account per outage.

    An account is settled when the messages in flight at the loss are known to be late or lost, which may be after the
    next loss, or when the connection is closed. A settled account is emitted again when its losses are corrected.
    """

    def __init__(self, deliveries: Deliveries, emit: Emit) -> None:
        self._deliveries = deliveries
        self._ledger = deliveries.ledger
        self._emit = emit
        self._open: list[_Account] = []
        self._correctable: list[_Account] = []

    @property
    def _lasting(self) -> _Account | None:
        return self._open[-1] if self._open and self._open[-1].ended is None else None

    def lost(self, loss: ev.Disconnected, last_data: float) -> None:
        """Open an account: what was in flight is stranded.

        Args:
            loss: As it was emitted.
            last_data: When the last data was received, as ``t``.
        """
        cut = self._deliveries.disconnected()
        detected_after = max(0.0, round(loss.t - last_data, 6))
        self._open.append(_Account(loss, cut, detected_after, self._ledger.rejected, self._ledger.duplicate))

    def dialing(self, server: str) -> None:
        """Count a dial of the outage that lasts."""
        if (account := self._lasting) is not None:
            account.dials += 1
            account.servers.add(server)

    def reconnected(self, server: str, at: float) -> None:
        """The outage that lasts is over; its buffered messages have not been sent yet."""
        if (account := self._lasting) is not None:
            account.after = server
            self._finish(account, at)
            self.review()

    def closed(self, at: float) -> None:
        """No connection follows: settle every account with what is known."""
        if (account := self._lasting) is not None:
            self._finish(account, at)
        self._settle(self._open)

    def review(self) -> None:
        """Emit the accounts that are settled now, and those whose losses were corrected."""
        self._settle([each for each in self._open if each.ended is not None and not each.cut.stranded])
        for account in self._correctable:
            if account.outcomes != account.emitted:
                self._emit_cost(account)

    def _finish(self, account: _Account, at: float) -> None:
        account.ended = at
        account.buffered = self._ledger.buffered
        account.rejected = self._ledger.rejected - account.rejected_before

    def _settle(self, accounts: list[_Account]) -> None:
        if not accounts:
            return
        self._open = [account for account in self._open if account not in accounts]
        for account in accounts:
            account.duplicate = self._ledger.duplicate - account.duplicate_before
            self._emit_cost(account)
        self._correctable += [account for account in accounts if account.cut.lost or account.cut.stranded]
        del self._correctable[:-CORRECTABLE_KEPT]

    def _emit_cost(self, account: _Account) -> None:
        loss, cut = account.loss, account.cut
        account.emitted = account.outcomes
        self._emit(
            ev.Outage(
                outage=loss.outage,
                began=loss.t,
                ended=account.ended if account.ended is not None else self._emit.now(),
                cause=loss.cause,
                text=loss.text,
                before=loss.server,
                after=account.after,
                manual=loss.manual,
                detected_after=account.detected_after,
                dials=account.dials,
                buffered=account.buffered,
                rejected=account.rejected,
                lost=cut.lost,
                unverified=cut.stranded + cut.unverified,
                late=cut.late,
                duplicate=account.duplicate,
                servers=len(account.servers),
                lost_seqs=list(islice(cut.lost_seqs, LOST_RUNS_EMITTED)),
            )
        )
