"""The process that owns the demo's servers, so that none of them outlives the demo.

The end of its standard input, which also a killed parent causes, makes it kill the servers and remove their folder.
If this process itself is killed, Linux kills the servers with it; elsewhere they would go on.

Commands are JSON objects, one a line; each gets one line as its answer.
"""

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

from natsmon.lab.cluster import LAME_DUCK, Cluster, Node
from natsmon.lab.faults import FaultRefused, apply
from natsmon.lab.nats_server import ServerFailed

_EXITS_DETECTED_WITHIN = 0.1


class ServerOwner:
    """Executes the demo's commands; ``abandoned`` returns True when the parent is gone."""

    def __init__(self, abandoned: Callable[[], bool]) -> None:
        self._abandoned = abandoned
        self._folder = Path(tempfile.mkdtemp(prefix="natsmon-demo-"))
        self._cluster: Cluster | None = None
        self.nodes: list[Node] = []

    def open(self, binary: str, servers: int) -> dict[str, Any]:
        """Start that many servers; more than one are a cluster."""
        self._cluster = Cluster(
            servers, name="demo", binary=Path(binary), folder=self._folder, configure=lambda *_: LAME_DUCK
        )
        self._cluster.start(self._abandoned)
        self.nodes = self._cluster.nodes
        return {"urls": [node.relay.url for node in self.nodes], "folder": str(self._folder)}

    def close(self) -> None:
        if self._cluster:
            self._cluster.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def answer(self, line: str) -> dict[str, Any]:
        try:
            command = json.loads(line)
            match command.pop("do"):
                case "open":
                    return self.open(**command)
                case "apply":
                    return {"done": apply(command["fault"], self.nodes, command["server"])}
                case "servers":
                    return {"servers": [(node.server.name, node.relay.url, node.condition) for node in self.nodes]}
                case other:
                    return {"error": f"unknown command {other!r}"}
        except (FaultRefused, ServerFailed, OSError, ValueError) as error:
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
    owner = ServerOwner(lambda: bool(hangup.poll(0)))
    try:
        while line := _next_line(owner):
            print(json.dumps(owner.answer(line)), flush=True)  # noqa: T201  its answers
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the parent is gone: no error
    finally:
        owner.close()


def _next_line(owner: ServerOwner) -> str:
    """Return the next command; the parent sends one at a time. Meanwhile, notice servers that end."""
    while not select.select([sys.stdin], [], [], _EXITS_DETECTED_WITHIN)[0]:
        for node in owner.nodes:
            node.notice_exit()
    return sys.stdin.readline()
