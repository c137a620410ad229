"""A pseudo-terminal with an emulated screen: keys in, text out.

::

    async with Terminal(["natsmon", "demo"], size=(120, 36)) as terminal:
        await terminal.until("● CONNECTED")  # DISCONNECTED has the word in it too
        terminal.send("k")
        await terminal.until(lambda text: "RECONNECTING" in text)

The output is taken in whenever the loop runs, so that the program never waits for its reader.
"""

import asyncio
import copy
import os
import pty
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import pyte

from tests.harness.pseudo_terminal import UNKNOWN, environment, set_size, with_terminal
from tests.harness.time_limits import WAIT

_SECOND_SCREEN = 1049
Condition = str | Callable[[str], bool]

_UNFINISHED = re.compile(rb"\x1b(\[[<=>?]?[0-9;]*[ $!\"']?|P[^\x1b]*\x1b?)?\Z")


class _Screen(pyte.Screen):
    """pyte's, with the second screen on which full-screen programs draw and which they leave at their end."""

    _main: tuple[Any, int, int] | None = None

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        super().set_mode(*modes, **kwargs)
        if kwargs.get("private") and _SECOND_SCREEN in modes and self._main is None:
            self._main = copy.deepcopy(self.buffer), self.cursor.x, self.cursor.y
            self.erase_in_display(2)

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        super().reset_mode(*modes, **kwargs)
        if kwargs.get("private") and _SECOND_SCREEN in modes and self._main is not None:
            self.buffer, self.cursor.x, self.cursor.y = self._main
            self._main = None
            self.dirty.update(range(self.lines))


class Terminal:
    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        """``size`` is columns and lines. ``env`` is added to ours; ``TERM`` is xterm-256color by default."""
        self.screen = _Screen(*size)
        """The emulator, for colours and the cursor."""
        self.output = b""
        """Everything the program wrote, as it wrote it."""
        self.changed_at = 0.0
        """``perf_counter`` of the last output."""
        self.path = ""
        """Of the program's side."""
        self._stream = pyte.ByteStream(self.screen)
        self._command = tuple(command)
        self._env = environment(env)
        self._cwd = cwd
        self._unfinished = b""
        self._changed = asyncio.Event()
        self._fd = -1
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._fd, inner = pty.openpty()
        self.path = os.ttyname(inner)
        try:
            self._set_size()
            self._process = await asyncio.create_subprocess_exec(
                *with_terminal(self._command),
                stdin=inner,
                stdout=inner,
                stderr=inner,
                env=self._env,
                cwd=self._cwd,
            )
        except BaseException:
            os.close(self._fd)
            raise
        finally:
            os.close(inner)
        os.set_blocking(self._fd, False)
        asyncio.get_running_loop().add_reader(self._fd, self._take_in)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def fd(self) -> int:
        """Our side of the terminal, whose settings are those of the program's side."""
        return self._fd

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode if self._process else None

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The screen, line by line, without the blanks at their ends."""
        return "\n".join(self.lines)

    def send(self, keys: str | bytes) -> float:
        """Type. Escape sequences are keys too (``"\\x1b[A"`` is up). Returns the moment, by ``perf_counter``."""
        os.write(self._fd, keys.encode() if isinstance(keys, str) else keys)
        return time.perf_counter()

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self._set_size()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def hold(self) -> None:
        """Read no more output, as a frozen terminal."""
        asyncio.get_running_loop().remove_reader(self._fd)

    def release(self) -> None:
        """Read it again."""
        asyncio.get_running_loop().add_reader(self._fd, self._take_in)

    async def until(self, condition: Condition, within: float = WAIT) -> str:
        """Wait until the screen shows a text, or meets a condition; returns the screen."""
        met = condition if callable(condition) else lambda text: condition in text
        try:
            async with asyncio.timeout(within):
                while not met(text := self.text):
                    await self._next_output()
        except TimeoutError:
            raise AssertionError(f"not within {within} s: {condition!r}. The screen:\n{self.text}") from None
        return text

    async def run(self, seconds: float) -> None:
        """Let time pass, taking in what comes: for measurements, never for waiting."""
        await asyncio.sleep(seconds)

    async def ended(self, within: float = WAIT) -> int:
        """Wait for the program to end and for the last of its output; returns its exit code."""
        assert self._process is not None
        try:
            async with asyncio.timeout(within):
                code = await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"still running after {within} s. The screen:\n{self.text}") from None
        while self._take_in():
            pass
        return code

    async def close(self) -> None:
        """Kill the program if it still runs, and let go of the terminal."""
        if self._fd < 0:
            return
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1

    async def _next_output(self) -> None:
        self._changed.clear()
        if self.returncode is None:
            await self._changed.wait()
        else:  # its last output may still arrive, and no event follows it
            self._take_in()
            await asyncio.sleep(0.01)

    def _take_in(self) -> bool:
        """Take in what there is; False when there was nothing, or nothing follows."""
        try:
            data = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return False
        except OSError:  # on Linux, the program closed its side
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._changed.set()
            return False
        self.output += data
        self.changed_at = time.perf_counter()
        data = self._unfinished + data
        cut = _UNFINISHED.search(data)
        data, self._unfinished = (data[: cut.start()], data[cut.start() :]) if cut else (data, b"")
        self._stream.feed(UNKNOWN.sub(b"", data))
        self._changed.set()
        return True

    def _set_size(self) -> None:
        set_size(self._fd, self.screen.columns, self.screen.lines)
