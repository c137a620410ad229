"""Dialing through a command: its standard input and output are the stream."""

import asyncio
import os
import re
import shlex
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from string import Formatter

from natsmon.dial.arguments import check
from natsmon.dial.deadline import until
from natsmon.dial.errors import DialError, classify
from natsmon.dial.resolver import authority
from natsmon.dial.socket_stream import CompleteProtocol, open_stream
from natsmon.dial.stream import Address, Stream
from natsmon.dial.trace import DialTrace, Hooks
from natsmon.text import exit_status
from natsmon.text.plain_text import clip, printable

_HOST = re.compile(r"[A-Za-z0-9_:.][A-Za-z0-9_:.-]*")
"""Hosts that are neither an option of the command nor special to a shell on the way: servers advertise them."""

_FIELDS = [None] * 3, ["host", "", None], ["port", "", None]
"""What ``Formatter.parse`` yields for a text without a field, and for each field."""

_ERRORS_KEPT = 1024
"""Last bytes kept of the command's standard error."""

_EXIT_WAIT = 0.5
"""Seconds until a command that has closed its output, or was sent SIGTERM, is killed."""


class CommandDialer:
    """Starts a command for each connection, and ends it with the connection.

    Like OpenSSH's ``ProxyCommand``: ``CommandDialer("ssh -W {host}:{port} bastion")`` dials from a bastion host,
    discovered servers included, ``kubectl exec -i POD -- nc {host} {port}`` from a pod. The command has no terminal:
    it cannot ask for a password. What it writes to standard error is part of the error if it exits before the server
    has sent anything.

    Args:
        command: With ``{host}`` and ``{port}``. A string is split as a shell does; no shell is started.

    Raises:
        TypeError: The command is of another type.
        ValueError: The command is empty, or has a NUL or other fields in braces.
    """

    def __init__(self, command: str | Sequence[str]) -> None:
        takes = "a command line, or a sequence of strings"
        check("command", command, takes, Sequence, lambda command: all(isinstance(part, str) for part in command))
        self._command = tuple(shlex.split(command) if isinstance(command, str) else command)
        if not self._command:
            raise ValueError("command is empty")
        if any("\0" in part for part in self._command):
            raise ValueError("command has a NUL in it")
        try:
            fields = [field for part in self._command for _, *field in Formatter().parse(part)]
        except ValueError:
            fields = [[]]
        if not all(field in _FIELDS for field in fields):
            raise ValueError("command may have the fields {host} and {port} only; a brace is written twice")

    async def dial(self, address: Address, *, deadline: float | None = None, trace: DialTrace | None = None) -> Stream:
        """Start the command for a server. See ``CustomDialer.dial``.

        A command reports no progress: the stream is open as soon as it runs.

        Raises:
            DialError: The command did not start, or the host is not fit for a command line.
        """
        hooks, shown = Hooks(trace), authority(*address)
        if not _HOST.fullmatch(address[0]):
            raise DialError("dns", "dns", f"{clip(printable(address[0]))}: not a host for a command", address=shown)
        arguments = [part.format(host=address[0], port=address[1]) for part in self._command]
        running: _Command | None = None
        ours, theirs = socket.socketpair()
        try:
            with theirs, hooks.connecting(shown):
                async with until(deadline):
                    running = await _Command.start(arguments, theirs)
                theirs.close()
                ours.setblocking(False)
                return await open_stream(ours, shown, _Protocol(running))
        except BaseException as error:
            ours.close()
            if running is not None:
                running.end()
            if isinstance(error, TimeoutError):
                raise DialError("tcp", "timeout", "the command did not start", address=shown) from error
            if isinstance(error, OSError):
                text = f"{self._command[0]}: {classify(error)[1]}"
                raise DialError("tcp", "command", text, address=shown, origin=error) from error
            raise


_running: set[asyncio.Task[int]] = set()
"""Waits for the exit of each command. The loop keeps no strong reference to a task."""


class _Command(asyncio.Protocol):
    """A running command, and the protocol that reads its standard error."""

    _process: asyncio.subprocess.Process
    _exit: asyncio.Task[int]

    def __init__(self) -> None:
        self._errors = b""
        self._error_pipe: asyncio.BaseTransport | None = None

    @classmethod
    async def start(cls, arguments: list[str], stream: socket.socket) -> "_Command":
        command = cls()
        read_end, write_end = os.pipe()
        try:
            command._process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=stream.fileno(),
                stdout=stream.fileno(),
                stderr=write_end,
                start_new_session=True,  # no terminal, and no ctrl+c
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        command._exit = asyncio.ensure_future(command._wait())
        _running.add(command._exit)
        command._exit.add_done_callback(_running.discard)
        try:
            command._error_pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: command, os.fdopen(read_end, "rb", buffering=0)
            )
        except BaseException:
            command.end()
            raise
        return command

    def data_received(self, data: bytes) -> None:
        self._errors = (self._errors + data)[-_ERRORS_KEPT:]

    async def _wait(self) -> int:
        try:
            return await self._process.wait()
        except asyncio.CancelledError:  # the loop ends
            self._signal(signal.SIGKILL)
            return await self._process.wait()
        finally:
            if self._error_pipe is not None:  # a background process may keep its other end open
                asyncio.get_running_loop().call_soon(self._error_pipe.close)

    async def exited(self) -> bool:
        """Wait a moment for its exit."""
        await asyncio.wait([self._exit], timeout=_EXIT_WAIT)
        return self._exit.done()

    def failure(self) -> DialError:
        """Why it exited."""
        lines = self._errors.decode(errors="replace").strip().splitlines()
        words = clip(printable(lines[-1])) if lines else "no error message"
        return DialError(
            "tcp", "command", f"{exit_status.sentence('the command', self._process.returncode or 0)}: {words}"
        )

    def end(self) -> None:
        """Terminate its process group, and kill it if it does not exit."""
        if not self._exit.done():
            self._signal(signal.SIGTERM)
            asyncio.get_running_loop().call_later(_EXIT_WAIT, self._signal, signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if not self._exit.done():  # its number may be another process's by now
                os.killpg(self._process.pid, number)


class _Protocol(CompleteProtocol):
    """Ends the command with the connection, and explains a connection that ended before the first byte."""

    def __init__(self, command: _Command) -> None:
        super().__init__()
        self._command = command
        self._received = False
        self._explaining: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        self._received = True
        super().data_received(data)

    def eof_received(self) -> bool | None:
        if self._received:
            return super().eof_received()
        self._explaining = asyncio.ensure_future(self._explain())
        return True

    async def _explain(self) -> None:
        if await self._command.exited():
            self.reader.set_exception(self._command.failure())
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._explaining is not None:
            self._explaining.cancel()
        super().connection_lost(exc)
        self._command.end()
