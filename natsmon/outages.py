"""What each outage cost, told once it is certain."""

from natsmon import events as ev
from natsmon.ledger import Ledger


class OutageBook:
    """Watches the events of a connection and the ledger of its messages; closes one account per outage.

    An account is closed when what was in flight at the loss is known to be late or lost, or when the
    connection ends for good or is lost again before that.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lost: ev.Disconnected | None = None
        self._back: ev.Reconnected | None = None
        self._proof_of_life = 0.0
        self._dials = 0
        self._at_loss = (0, 0, 0)
        self._buffered = 0

    def watch(self, event: ev.AnyEvent, proof_of_life: float) -> ev.Outage | None:
        """The account this event closes. ``proof_of_life`` is when the server was last heard, as ``t``."""
        match event:
            case ev.Disconnected():
                closed = self._close(event.t)
                self._lost = event
                self._proof_of_life = proof_of_life
                self._dials = 0
                self._buffered = 0
                self._at_loss = self._costs()
                return closed
            case ev.DialStart() if self._lost is not None and self._back is None:
                self._dials += 1
            case ev.Connected() if self._lost is not None:
                self._buffered = self._ledger.buffered
            case ev.Reconnected():
                self._back = event
            case ev.Closed():
                return self._close(event.t)
            case _:
                if self._back is not None and self._ledger.stranded == 0:
                    return self._close(event.t)
        return None

    def _costs(self) -> tuple[int, int, int]:
        return self._ledger.rejected, self._ledger.lost, self._ledger.duplicate

    def _close(self, now: float) -> ev.Outage | None:
        lost, back = self._lost, self._back
        if lost is None:
            return None
        self._lost = self._back = None
        rejected, gone, duplicate = (after - at for after, at in zip(self._costs(), self._at_loss, strict=True))
        return ev.Outage(
            t=now,
            began=lost.t,
            ended=back.t if back is not None else now,
            cause=lost.cause,
            text=lost.text,
            before=lost.server,
            after=back.after if back is not None else "",
            detected_after=max(0.0, round(lost.t - self._proof_of_life, 6)),
            dials=self._dials,
            buffered=self._buffered if back is not None else self._ledger.buffered,
            rejected=rejected,
            lost=gone,
            duplicate=duplicate,
        )
