"""A process as the kernel reports it: state, children, processor time, memory, sockets and threads. Linux only."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from natsmon.stream.probe_child import ProbeChild
from tests.harness.polling import wait_until

_TICK = os.sysconf("SC_CLK_TCK")


def state(pid: int) -> str:
    """The kernel's letter for its state: ``T`` is stopped, ``Z`` has ended."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def alive(pid: int) -> bool:
    """True if it runs; False for a zombie, which has ended and was not waited for."""
    try:
        return state(pid) != "Z"
    except OSError:
        return False


def probe_pid(source: ProbeChild) -> int:
    assert source._process is not None
    return source._process.pid


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def children(pid: int) -> list[int]:
    """Its living children."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread may end meanwhile
            found += [child for child in map(int, listing.read_text().split()) if alive(child)]
    return found


def descendants(pid: int) -> list[int]:
    """Its living children, and theirs."""
    return [found for child in children(pid) for found in (child, *descendants(child))]


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
    """Sockets in none of the kernel's tables: created, and not connected."""
    for family in ("unix", "udp", "udp6", "netlink"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            inodes = inodes - set(line.split())
    return len(inodes)


def end(process: "subprocess.Popen[bytes]", within: float = 8.0) -> None:
    """Terminate a process; kill it, and what is left of its descendants, if it does not end in time."""
    family = descendants(process.pid) if process.poll() is None else []
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with suppress(TimeoutError):
        wait_until(lambda: not any(map(alive, family)), "end of its children", 1.0)
    for child in family:
        if "natsmon" in command(child):  # its number may belong to another process by now
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
