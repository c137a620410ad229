"""`natsmon demo`: real nats-servers on loopback, with a key to hurt them.

The process that draws does not own them. It holds a keeper, a small child process that does, and that
notices when its parent is gone: a demo that was killed leaves nothing behind.
"""

import json
import select
import shutil
import subprocess
import threading
from collections.abc import Sequence
from typing import Any

from natsmon.lab.nats_server import START_TIMEOUT, NoServer, find_nats_server
from natsmon.stream.child_process import child_argv, child_environment

__all__ = ["NoServer", "Sandbox", "SandboxFailed"]

_CLOSE_TIMEOUT = 5.0


class SandboxFailed(Exception):
    """The demo's servers could not be started, or their keeper is gone."""


class Sandbox:
    """The demo's servers, seen from the process that draws. Every method blocks; any thread may call them."""

    def __init__(self, keeper: "subprocess.Popen[bytes]") -> None:
        self.urls: list[str] = []
        self._keeper = keeper
        self._folder: str | None = None
        self._asking = threading.Lock()

    @classmethod
    def start(cls, servers: int = 1) -> "Sandbox":
        """Start that many servers, more than one as a cluster. Raises ``NoServer`` where there is no program."""
        binary = find_nats_server()
        sandbox = cls(
            subprocess.Popen(  # noqa: S603  our own command line
                child_argv("natsmon.lab.server_owner"),
                env=child_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # a terminal's ctrl-c is for the dashboard
            )
        )
        try:
            opened = sandbox._ask("open", START_TIMEOUT * servers, binary=str(binary), servers=servers)
        except BaseException:
            sandbox.close()
            raise
        sandbox.urls = opened["urls"]
        sandbox._folder = opened["folder"]
        return sandbox

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The keeper's."""
        return self._keeper.pid

    def kill_or_start(self, server: str | None = None) -> str:
        """Start a server that is down; when all are up, kill the one at this URL, or the first. Says which."""
        said: str = self._ask("kill_or_start", START_TIMEOUT, url=server)["said"]
        return said

    def close(self) -> None:
        """End the servers and remove their folder. May be called again."""
        keeper = self._keeper
        if keeper.stdin:
            keeper.stdin.close()  # the keeper's sign to end everything; it frees a thread that waits for an answer
        try:
            keeper.wait(_CLOSE_TIMEOUT)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
        with self._asking:
            for pipe in (keeper.stdout, keeper.stderr):
                if pipe:
                    pipe.close()
        if self._folder:  # a keeper that was killed could not
            shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, do: str, timeout: float, **command: Any) -> dict[str, Any]:
        with self._asking:
            answer = self._exchange(json.dumps({"do": do, **command}).encode() + b"\n", timeout)
        if "error" in answer:
            raise SandboxFailed(answer["error"])
        return answer

    def _exchange(self, line: bytes, timeout: float) -> dict[str, Any]:
        stdin, stdout = self._keeper.stdin, self._keeper.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(line)
        except (BrokenPipeError, ValueError):
            raise SandboxFailed(self._obituary()) from None
        # A second more than the keeper allows itself, so that its own complaint comes first.
        if not select.select([stdout], [], [], timeout + 1.0)[0]:
            raise SandboxFailed("the demo's server keeper does not answer")
        received = stdout.readline()
        if not received:
            raise SandboxFailed(self._obituary())
        answer: dict[str, Any] = json.loads(received)
        return answer

    def _obituary(self) -> str:
        stderr = self._keeper.stderr
        if stderr is None or stderr.closed:
            return "the demo is closed"
        words: Sequence[bytes] = stderr.read().splitlines()[-1:]
        return b" ".join([b"the demo's server keeper is gone", *words]).decode(errors="replace")
