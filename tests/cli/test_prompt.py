"""The password prompt, on a real terminal."""

import sys

from tests.harness.terminal import Terminal

COMMAND = [sys.executable, "-m", "natsmon", "info", "--user", "ada"]


async def test_password_is_asked_for_and_never_shown() -> None:
    async with Terminal(COMMAND, size=(100, 70)) as terminal:
        await terminal.until("Password")
        terminal.send("hunter2\r")
        shown = await terminal.until("keymap")
        assert await terminal.ended() == 0
        assert "hunter2" not in terminal.text + str(terminal.output)
        assert any(line.split() == ["password", "****", "prompt"] for line in shown.splitlines())
        assert any(line.split()[:2] == ["user", "****"] for line in shown.splitlines())


async def test_no_password_makes_the_user_a_token() -> None:
    async with Terminal(COMMAND, size=(100, 70)) as terminal:
        await terminal.until("Password")
        terminal.send("\r")
        shown = await terminal.until("keymap")
        assert any(line.split() == ["token", "****", "flag", "--user"] for line in shown.splitlines())


async def test_given_password_is_not_asked_for() -> None:
    async with Terminal([*COMMAND, "--password", "hunter2"], size=(100, 70)) as terminal:
        shown = await terminal.until("keymap")
        assert "Password" not in shown
        assert "hunter2" not in shown
