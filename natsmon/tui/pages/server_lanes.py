"""One line of time a server: when it was connected, when it announced its shutdown, when dials to it failed."""

from collections.abc import Iterator

from natsmon.charts.cells import Role, Row, runs_of
from natsmon.state import ConnectedPeriod
from natsmon.state.server_names import address
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.moves import stays

_WINDOWS = (30.0, 60.0, 120.0, 180.0, 300.0, 600.0)
"""Seconds a picture may span; steps, so that its scale does not creep."""
_LEAD = 5.0
"""Seconds shown before the first notice."""

_Mark = tuple[str, Role]
_ON: _Mark = ("█", "good")
_LEAVING: _Mark = ("▓", "warn")
_SILENT: _Mark = ("▃", "warn")
_NOTICE: _Mark = ("!", "warn")
_LEFT: _Mark = ("┤", "bad")
_FAILED: _Mark = ("✗", "bad")
_DIALING: _Mark = ("░", "warn")
MARKS: tuple[tuple[str, Role, str], ...] = (
    (*_ON, "on it"),
    (*_NOTICE, "notice"),
    (*_LEAVING, "lame duck"),
    (*_LEFT, "lost"),
    (*_SILENT, "silent"),
    (*_FAILED, "dial failed"),
    (*_DIALING, "dialing"),
)


def window_of(moment: Moment) -> float:
    """Seconds to show: ten minutes, or since the first notice in them, or the run, whichever is the shortest."""
    state, now = moment.state, moment.now
    notices = [c.lame_duck for c in state.periods if c.lame_duck is not None and c.lame_duck > now - _WINDOWS[-1]]
    wanted = min(now, now - min(notices) + _LEAD) if notices else now
    return next((window for window in _WINDOWS if window >= wanted), _WINDOWS[-1])


def lanes(listed: list[str], moment: Moment, width: int) -> Iterator[tuple[str, Row]]:
    """Each server with its line. Cells lie at fixed times, as in the line of the last ten minutes."""
    window = window_of(moment)
    recent = {
        server: [stay for stay in there if stay.ended is None or stay.ended >= moment.now - window]
        for server, there in stays(moment.state).items()
    }
    for server in listed:
        yield server, _Lane(server, recent.get(server, []), moment, window, width).row()


class _Lane:
    """What lasts is drawn before what lasts no time and must not be hidden by it."""

    def __init__(self, server: str, there: list[ConnectedPeriod], moment: Moment, window: float, width: int) -> None:
        self._moment = moment
        self._cell = window / width
        self._width = width
        self._oldest = int(moment.now / self._cell) - width + 1
        # Nothing is drawn before the session began.
        self._cells: list[_Mark] = [("·" if self._oldest + n >= 0 else " ", "dim") for n in range(width)]
        self._dials(server)
        for stay in there:
            self._stay(stay)
        self._silences(server, on_it=bool(there) and there[-1].ended is None)
        for stay in there:
            if stay.lame_duck is not None:
                self._fill(stay.lame_duck, stay.lame_duck, _NOTICE)
            if stay.ended is not None and stay.cause:
                self._fill(stay.ended, stay.ended, _LEFT)

    def _dials(self, server: str) -> None:
        for dial in self._moment.state.dials:
            if dial.outcome == "connected" or address(dial.server) != server:
                continue
            until = dial.began + dial.elapsed(self._moment.now)
            self._fill(dial.began, until, _DIALING)
            if dial.outcome in ("failed", "timeout"):
                self._fill(until, until, _FAILED)

    def _stay(self, stay: ConnectedPeriod) -> None:
        until = self._moment.now if stay.ended is None else stay.ended
        self._fill(stay.began, until, _ON)
        if stay.lame_duck is not None:
            self._fill(stay.lame_duck, until, _LEAVING)

    def _silences(self, server: str, *, on_it: bool) -> None:
        state = self._moment.state
        for outage in state.outages:
            if outage.silent_since is not None and address(outage.before) == server:
                self._fill(outage.silent_since, outage.began, _SILENT)
        if state.silent is not None and on_it:
            self._fill(state.silent.since, self._moment.now, _SILENT)

    def _fill(self, began: float, until: float, mark: _Mark) -> None:
        first = max(0, self._place(began))
        last = min(self._width - 1, self._place(until))
        for place in range(first, last + 1):
            self._cells[place] = mark

    def _place(self, at: float) -> int:
        """The cell of a time; what a stream claims to be later than now is beyond the last."""
        return int(min(max(0.0, at), self._moment.now + self._cell) / self._cell) - self._oldest

    def row(self) -> Row:
        return runs_of(self._cells)
