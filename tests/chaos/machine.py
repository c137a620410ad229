"""The machine as natsmon sees it, and what the chaos test does to it: loopback, resolver, disk and wall clock.

Loopback, the resolver and the disk are those of namespaces of our own, where these can be created. The clock is
changed for natsmon's processes alone, by a library that is compiled where there is a C compiler.
"""

import os
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random

_ISOLATED = "NATSMON_CHAOS_ISOLATED"
_DISK = 64 << 20
"""Bytes of the small disk."""
_ZEROS = bytes(1 << 20)
_SETUP = (
    "ip link set lo up",
    "mount -t tmpfs -o size=64k none /mnt",
    "echo 'nameserver 127.0.0.1\noptions timeout:1 attempts:1' >/mnt/resolv.conf",
    "mount --bind /mnt/resolv.conf /etc/resolv.conf",
)


def is_isolated() -> bool:
    """Whether this process has namespaces of its own, in which no name server is reachable."""
    return _ISOLATED in os.environ


def can_isolate() -> bool:
    """True where network and mount namespaces can be created."""
    tools = all(map(shutil.which, ("unshare", "ip", "mount")))
    return tools and subprocess.run(["unshare", "-nm", "true"], capture_output=True, check=False).returncode == 0


def isolate() -> None:
    """Run this program again in namespaces of its own."""
    command = shlex.join([sys.executable, "-m", "tests.chaos", *sys.argv[1:]])
    os.environ[_ISOLATED] = "1"
    os.execvp("unshare", ["unshare", "-nm", "sh", "-ec", "\n".join([*_SETUP, f"exec {command}"])])


def take_loopback_down(random: Random) -> None:
    """For a moment: packets are lost, and dials find no route."""
    subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
    try:
        time.sleep(random.uniform(0.02, 0.5))
    finally:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Resolver:
    """The only name server: nothing listens on its port, or it does not answer."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def stay_silent(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", 53))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class SmallDisk:
    """A file system that can be full. Its files are copied to ``folder`` by ``save``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = Path(tempfile.mkdtemp(prefix="natsmon-chaos-disk-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "none", str(self.path)], check=True)

    def fill(self) -> None:
        """Leave no room in it."""
        with (self.path / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while filler.write(_ZEROS):
                pass

    def empty(self) -> None:
        (self.path / "filler").unlink(missing_ok=True)

    def save(self) -> None:
        self.empty()
        for file in self.path.iterdir():
            shutil.copy(file, self._folder)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)
        self.path.rmdir()


class Clock:
    """The wall clock of natsmon's processes, and their clock that counts a suspend."""

    def __init__(self, folder: Path, number: int, library: Path) -> None:
        self._file = folder / f"clock-{number}"
        self.offset = 0
        """Seconds by which the wall clock is ahead of the machine's."""
        self._suspended = 0
        self._write()
        self.environment = {"LD_PRELOAD": str(library), "NATSMON_CHAOS_CLOCK": str(self._file)}

    def jump(self, random: Random) -> None:
        """Set the wall clock, or have been suspended: then the other clock jumps by as much."""
        seconds = round(10 ** random.uniform(1.0, 5.0))
        if random.random() < 0.5:
            self._suspended += seconds
            self.offset += seconds
        else:
            self.offset += random.choice((seconds, -seconds))
        self._write()

    def _write(self) -> None:
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("qq", self.offset, self._suspended))


def clock_library(folder: Path) -> Path | None:
    """Compile the library behind ``Clock``; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library
