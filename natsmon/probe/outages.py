"""What each outage cost, told once it is certain."""

from collections.abc import Iterator
from dataclasses import dataclass

from natsmon import events as ev
from natsmon.probe.heartbeat import Heartbeat
from natsmon.probe.ledger import Cut


@dataclass(slots=True)
class _Account:
    """One outage whose cost is not known yet."""

    lost: ev.Disconnected
    cut: Cut
    detected_after: float
    rejected_before: int
    duplicate_before: int
    dials: int = 0
    buffered: int = 0
    rejected: int = 0
    back: ev.Reconnected | None = None


class OutageBook:
    """Watches the events of a connection and the ledger of its messages; closes one account per outage.

    An account is closed when what was in flight at the loss is known to be late or lost, which may be after
    the next loss, or when the connection is closed; then what is not known is told as that.
    """

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat
        self._ledger = heartbeat.ledger
        self._open: list[_Account] = []

    def watch(self, event: ev.AnyEvent, proof_of_life: float) -> Iterator[ev.Outage]:
        """The accounts this event closes. ``proof_of_life`` is when the server was last heard, as ``t``."""
        last = self._open[-1] if self._open else None
        lasting = last if last is not None and last.back is None else None
        match event:
            case ev.Disconnected():
                self._begin(event, proof_of_life)
            case ev.DialStart() if lasting is not None:
                lasting.dials += 1
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
        self._open = [account for account in self._open if account not in accounts]
        for account in accounts:
            lost, back = account.lost, account.back
            yield ev.Outage(
                t=now,
                began=lost.t,
                ended=back.t if back is not None else now,
                cause=lost.cause,
                text=lost.text,
                before=lost.server,
                after=back.after if back is not None else "",
                detected_after=account.detected_after,
                dials=account.dials,
                buffered=account.buffered,
                rejected=account.rejected,
                lost=account.cut.lost,
                unknown=account.cut.stranded,
                duplicate=self._ledger.duplicate - account.duplicate_before,
            )
