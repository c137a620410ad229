"""The demo's servers, seen from the process that draws.

Another process owns them, which notices when this one is gone: a demo that is killed leaves nothing behind.
"""

import json
import select
import shutil
import subprocess
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from natsmon.lab.faults import FAULTS
from natsmon.lab.nats_server import START_TIMEOUT, find_nats_server
from natsmon.stream.process_start import child_argv, child_environment

_CLOSE_TIMEOUT = 5.0


class DemoFailed(Exception):
    """The servers could not be started, a fault does not apply, or the process that owns them is gone."""


class DemoServer(NamedTuple):
    name: str
    url: str
    condition: str
    """"running", "not running", or the faults in effect."""


class Demo:
    """A cluster of nats-servers on loopback. Every method blocks; any thread may call them."""

    def __init__(self, owner: "subprocess.Popen[bytes]") -> None:
        self.urls: list[str] = []
        """Where clients connect, a URL for each server."""
        self._owner = owner
        self._folder: str | None = None
        self._asking = threading.Lock()

    @classmethod
    def start(cls, servers: int = 3) -> "Demo":
        """Start servers, several as a cluster. Raises NoServer without a program, DemoFailed when one fails."""
        binary = find_nats_server()
        demo = cls(
            subprocess.Popen(  # noqa: S603  our own command line
                child_argv("natsmon.lab.server_owner"),
                env=child_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # a terminal's ctrl+c is for the dashboard
            )
        )
        try:
            opened = demo._ask("open", START_TIMEOUT * servers, binary=str(binary), servers=servers)
        except BaseException:
            demo.close()
            raise
        demo.urls = opened["urls"]
        demo._folder = opened["folder"]
        return demo

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._owner.pid

    def faults(self) -> list[tuple[str, str, str]]:
        """Return what ``apply`` can do: name, key and description of each."""
        return [fault[:3] for fault in FAULTS]

    def servers(self) -> list[DemoServer]:
        """Return each server with its condition."""
        return [DemoServer(*server) for server in self._ask("servers", START_TIMEOUT)["servers"]]

    def apply(self, fault: str, server: str | None = None) -> str:
        """Cause a fault named in ``faults()``; what was done, in a sentence. Raises DemoFailed when it does not apply.

        ``server`` is the URL of the server meant; None for the first. "start" and "resume" choose another one if this
        one does not need them.
        """
        authority = urlsplit(server).netloc if server else None
        done: str = self._ask("apply", START_TIMEOUT, fault=fault, server=authority)["done"]
        return done

    def close(self) -> None:
        """End the servers and remove their folder. May be called again."""
        owner = self._owner
        if owner.stdin:
            owner.stdin.close()  # makes the owner end everything; it frees a thread that waits for an answer
        try:
            owner.wait(_CLOSE_TIMEOUT)
        except subprocess.TimeoutExpired:
            owner.kill()
            owner.wait()
        with self._asking:
            for pipe in (owner.stdout, owner.stderr):
                if pipe:
                    pipe.close()
        if self._folder:  # an owner that was killed could not
            shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, do: str, timeout: float, **command: Any) -> dict[str, Any]:
        with self._asking:
            answer = self._exchange(json.dumps({"do": do, **command}).encode() + b"\n", timeout)
        if "error" in answer:
            raise DemoFailed(answer["error"])
        return answer

    def _exchange(self, line: bytes, timeout: float) -> dict[str, Any]:
        stdin, stdout = self._owner.stdin, self._owner.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(line)
        except (BrokenPipeError, ValueError):
            raise DemoFailed(self._exit_reason()) from None
        # A second more than the owner allows itself, so that its own error comes first.
        if not select.select([stdout], [], [], timeout + 1.0)[0]:
            raise DemoFailed("the process that owns the demo's servers does not answer")
        received = stdout.readline()
        if not received:
            raise DemoFailed(self._exit_reason())
        answer: dict[str, Any] = json.loads(received)
        return answer

    def _exit_reason(self) -> str:
        stderr = self._owner.stderr
        if stderr is None or stderr.closed:
            return "the demo is closed"
        last_line: Sequence[bytes] = stderr.read().splitlines()[-1:]
        return b" ".join([b"the process that owns the demo's servers has ended", *last_line]).decode(errors="replace")
