"""A probe without a view: its process, started as the dashboard starts it, and the stream to and from it."""

import os
import subprocess
from typing import Self

from benchmarks.event_pipe import EventPipe
from natsmon.config.settings import Settings, to_line
from natsmon.stream.process_start import child_argv
from tests.harness import processes


class ProbeChild:
    def __init__(self, settings: Settings, module: str = "natsmon.probe.child") -> None:
        self._settings = settings
        self._module = module

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            child_argv(self._module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.pipe = EventPipe(self._process.stdout.fileno(), self._process.stdin.fileno())
        os.write(self._process.stdin.fileno(), to_line(self._settings))
        return self

    def __exit__(self, *_: object) -> None:
        processes.end(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def complaint(self) -> bytes:
        """The next bytes on its standard error."""
        assert self._process.stderr is not None
        return os.read(self._process.stderr.fileno(), 1 << 16)


def settings(server: object, **others: object) -> Settings:
    """For one server, with names that differ in a server's log."""
    values = {"servers": (server,), "name": "natsmon benchmark", **others}
    return Settings(**values)  # type: ignore[arg-type]
