"""Leak check: the sockets, threads and processes that a test left behind."""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness import processes
from tests.harness.time_limits import IN_TIME

GRACE = IN_TIME
"""Seconds for what is ending: a killed process, a closing transport."""
Found = dict[Any, str]
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """On Linux, processes whose parent ends become our children, so that the leak check finds them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def our_children() -> dict[int, str]:
    """Our living child processes and their command lines."""
    return {pid: processes.command(pid) for pid in processes.children(os.getpid())}


def sockets() -> dict[str, str]:
    """Our open sockets by inode, each with its descriptor."""
    found: dict[str, str] = {}
    for fd in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:  # the one that listed this folder
            continue
        if target.startswith("socket:"):
            found[target] = f"fd {fd}"
    return found


def threads() -> dict[int, str]:
    """Threads that would keep the interpreter from ending."""
    return {t.ident or 0: t.name for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()}


@dataclass
class Snapshot:
    sockets: dict[str, str] = field(default_factory=sockets)
    threads: dict[int, str] = field(default_factory=threads)
    children: dict[int, str] = field(default_factory=our_children)

    def left_behind(self, grace: float = GRACE) -> list[str]:
        """Return what was not there before, a line each, and kill the processes among it."""
        new_sockets = _settled(lambda: _new(self.sockets, sockets()), grace)
        new_threads = _settled(lambda: _new(self.threads, threads()), grace)
        new_children = _settled(lambda: _new(self.children, our_children()), grace)
        for pid in new_children:
            os.kill(pid, signal.SIGKILL)
        return [
            *(f"an open socket, {text} {_addresses(inode)}" for inode, text in new_sockets.items()),
            *(f"a thread, {text}" for text in new_threads.values()),
            *(f"a process, {pid}: {text}" for pid, text in new_children.items()),
        ]


def _new(before: Found, now: Found) -> Found:
    return {key: text for key, text in now.items() if key not in before}


def _settled(look: Callable[[], Found], grace: float) -> Found:
    deadline = time.monotonic() + grace
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def _addresses(inode: str) -> str:
    number = inode.removeprefix("socket:[").removesuffix("]")
    for table in ("tcp", "tcp6", "udp", "unix"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines():
            if number in line.split():
                return f"{table} {line.strip()}"
    return ""
