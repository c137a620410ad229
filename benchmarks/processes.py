"""What the kernel says of a process: its time, its memory, its sockets, its threads, its children. Linux only."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Its living children, and theirs."""
    found: list[int] = []
    with suppress(OSError):
        for listing in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, listing.read_text().split()):
                found += [child, *children(child)]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time so far, user and system, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident(pid: int) -> int:
    """Bytes of memory in use."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def tcp_sockets(pid: int) -> int:
    """TCP sockets it has open, connected or not; a loop's own wake-up pair is none."""
    inodes = set()
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    known = set()
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            known.add(line.split()[9])
    return len(inodes & known) + _unconnected(pid, inodes - known)


def _unconnected(pid: int, inodes: set[str]) -> int:
    """Sockets in none of the kernel's tables: made, and not connected to anything."""
    for family in ("unix", "udp", "udp6", "netlink"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            inodes = inodes - set(line.split())
    return len(inodes)


def end(process: "subprocess.Popen[bytes]", within: float = 8.0) -> None:
    """Ask it to end, and see to it that it and its children have; every one by its own number."""
    family = children(process.pid) if process.poll() is None else []
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    deadline = time.monotonic() + 1.0
    for child in family:
        while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        if process.pid != child and _is_ours(child):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def _is_ours(pid: int) -> bool:
    """Its number may belong to somebody else by now."""
    try:
        return b"natsmon" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
