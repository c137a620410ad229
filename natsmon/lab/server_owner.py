"""The process that owns the demo's servers, so that none of them outlives the demo.

It learns of its parent's death, however violent, by the end of its standard input; then it kills the servers
and removes their folder. For the case that the keeper itself is killed, Linux is asked to kill each server
with it; elsewhere such a server would live on.

Commands come as JSON objects, one a line, and each gets one line in answer.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from natsmon.lab.nats_server import NatsServer, ServerFailed

_PR_SET_PDEATHSIG = 1


class Keeper:
    def __init__(self, abandoned: Callable[[], bool]) -> None:
        self._abandoned = abandoned
        self._folder = Path(tempfile.mkdtemp(prefix="natsmon-demo-"))
        self._servers: list[NatsServer] = []

    def open(self, binary: str, servers: int) -> dict[str, Any]:
        """Start that many servers; more than one are a cluster."""
        for number in range(1, servers + 1):
            server = NatsServer(
                Path(binary),
                name=f"demo-{number}",
                cluster="demo" if servers > 1 else "",
                routes=self._servers,
                folder=self._folder,
                preexec=_die_with_parent(),
            )
            self._servers.append(server)
            server.start(give_up=self._abandoned)
        return {"urls": [server.url for server in self._servers], "folder": str(self._folder)}

    def kill_or_start(self, url: str | None) -> dict[str, Any]:
        """Start a server that is down; when none is, kill the one at ``url``, or the first."""
        for server in self._servers:
            if not server.running:
                server.start(give_up=self._abandoned)
                return {"said": f"started {server}"}
        named = [server for server in self._servers if url and server.authority == urlsplit(url).netloc]
        server = (named or self._servers)[0]
        server.kill()
        return {"said": f"killed {server}"}

    def close(self) -> None:
        for server in self._servers:
            server.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _die_with_parent() -> Callable[[], None] | None:
    """What a server's process does first. It runs between fork and exec, where nothing may be imported."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    keeper = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != keeper:  # it died before the tie held
            os._exit(1)

    return tie


def _answer(keeper: Keeper, line: str) -> dict[str, Any]:
    try:
        command = json.loads(line)
        match command.pop("do"):
            case "open":
                return keeper.open(**command)
            case "kill_or_start":
                return keeper.kill_or_start(**command)
            case other:
                return {"error": f"unknown command {other!r}"}
    except (ServerFailed, OSError, ValueError) as error:
        return {"error": str(error)}


def main() -> None:
    def leave(_number: int, _frame: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(0)

    # Before there is a server, so that no signal can leave one behind.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    hangup = select.poll()
    hangup.register(sys.stdin, 0)
    keeper = Keeper(lambda: bool(hangup.poll(0)))
    try:
        for line in sys.stdin:
            print(json.dumps(_answer(keeper, line)), flush=True)  # noqa: T201  its answers
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody is left to read: not an error
    finally:
        keeper.close()
