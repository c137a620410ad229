"""Does it grow? Memory of view and probe after a long life, against after its first hundredth.

The messages go on while the reconnects are manual, about a hundred to each, so that there are losses to remember.
"""

import time

from benchmarks import servers
from benchmarks.probe_child import settings
from benchmarks.table import Row, mb
from benchmarks.tapped_dashboard import TappedDashboard
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.harness import processes

_LIMIT = 10e6
_MESSAGES_A_SECOND = 10_000
_FIRST = (10_000, 100)
_LONG_LIFE = (1_000_000, 10_000)
_SETTLE = 2.0


def run(quick: bool) -> Row:
    goal = (_LONG_LIFE[0] // 10, _LONG_LIFE[1] // 10) if quick else _LONG_LIFE
    with servers.nats_server() as server:
        probe = settings(servers.address(server), interval=1 / _MESSAGES_A_SECOND, max_reconnects=-1)
        with TappedDashboard(probe, [ev.StatusChanged, ev.Tally]) as dashboard:
            began = time.monotonic()
            life = _Life(dashboard)
            life.live(*_FIRST)
            early, young = _memory(dashboard), life.totals()
            life.live(*goal)
            late, old = _memory(dashboard), life.totals()
            took = time.monotonic() - began
    growth = [after - before for before, after in zip(early, late, strict=True)]
    return Row(
        "growth of the larger grower of view and probe",
        mb(max(growth)),
        f"≤ {_LIMIT / 1e6:g} MB",
        max(growth) <= _LIMIT,
        f"{mb(sum(early))} both, at first",
        notes=[
            f"first: {young}",
            f"then:  {old}, {took:.0f} s in all",
            f"view {mb(early[0])} → {mb(late[0])} ({growth[0] / 1e6:+.1f} MB)",
            f"probe {mb(early[1])} → {mb(late[1])} ({growth[1] / 1e6:+.1f} MB)",
        ],
    )


class _Life:
    """Drives a connection on: reconnects one after the other, messages all the time."""

    def __init__(self, dashboard: TappedDashboard) -> None:
        self._pipe = dashboard.pipe
        self._pipe.until_status("CONNECTED")
        self._reconnects = 0
        self._tally = ev.Tally(t=0.0)

    def totals(self) -> str:
        return f"{self._tally.attempted:,} messages ({self._tally.lost:,} lost), {self._reconnects:,} reconnects"

    def live(self, messages: int, reconnects: int) -> None:
        """Until there have been so many of both; publishing is paused then, for the next stretch to resume."""
        if self._reconnects:
            self._pipe.send(commands.Resume())
        while self._reconnects < reconnects:
            self._pipe.send(commands.Reconnect())
            self._until(connected=True)
            self._reconnects += 1
        while self._tally.attempted < messages:
            self._until(connected=False)
        self._pipe.send(commands.Pause())
        for event, _ in self._pipe.during(_SETTLE):
            self._note(event)

    def _until(self, *, connected: bool) -> None:
        """The next CONNECTED, or else the next tally."""

        def met(event: ev.AnyEvent) -> bool:
            self._note(event)
            if connected:
                return isinstance(event, ev.StatusChanged) and event.status == "CONNECTED"
            return isinstance(event, ev.Tally)

        self._pipe.until(met)

    def _note(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.Tally):
            self._tally = event


def _memory(dashboard: TappedDashboard) -> tuple[int, int]:
    return processes.resident(dashboard.view_pid), processes.resident(dashboard.probe_pid)
