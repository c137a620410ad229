"""What a dashboard that is left open costs: processor time of the view and of the probe."""

import sys
import time

from benchmarks import servers
from benchmarks.table import Row
from tests.harness import processes
from tests.harness.unseen_terminal import UnseenTerminal

_LIMIT = 5.0
_SETTLE = 5.0


def run(quick: bool) -> Row:
    seconds = 10.0 if quick else 30.0
    with servers.nats_server() as server, UnseenTerminal([sys.executable, "-m", "natsmon", server.url]) as terminal:
        time.sleep(_SETTLE)
        [probe] = processes.children(terminal.pid)
        drawn, began = terminal.bytes_drawn, time.monotonic()
        before = [processes.cpu_seconds(pid) for pid in (terminal.pid, probe)]
        time.sleep(seconds)
        after = [processes.cpu_seconds(pid) for pid in (terminal.pid, probe)]
        took, drawn = time.monotonic() - began, terminal.bytes_drawn - drawn
    view_share, probe_share = (100 * (late - early) / took for early, late in zip(before, after, strict=True))
    both = view_share + probe_share
    return Row(
        "CPU of view + probe, one message a second",
        f"{both:.1f} %",
        f"≤ {_LIMIT:g} %",
        both <= _LIMIT,
        notes=[
            f"of one core over {took:.0f} s, 120×36: view {view_share:.2f} %, probe {probe_share:.2f} %",
            f"{drawn / took:,.0f} bytes a second to the terminal",
        ],
    )
