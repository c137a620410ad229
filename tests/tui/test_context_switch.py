"""Contexts of the nats CLI in the dashboard: listed, and switched to, on real servers and in a real terminal."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from natsmon.lab.nats_server import NatsServer
from natsmon.recording.reader import Recording
from natsmon.stream import events as ev
from tests.harness.terminal import Terminal
from tests.tui import streams
from tests.tui.driven import driven

PASSWORD = "hunter2"
WITHIN = 60.0
"""Seconds for two monitors to start and one to drain, on a busy machine."""


@pytest.fixture
def other() -> Iterator[NatsServer]:
    with NatsServer(name="west", config=f"authorization {{ user: u, password: {PASSWORD} }}") as server:
        yield server


def saved(folder: Path, **contexts: dict[str, str]) -> dict[str, str]:
    """The environment of contexts of the nats CLI."""
    root = folder / "nats" / "context"
    root.mkdir(parents=True)
    for name, fields in contexts.items():
        (root / f"{name}.json").write_text(json.dumps(fields))
    return {"XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder), "NATS_URL": ""}


@pytest.mark.slow
async def test_switching_drains_the_connection_and_keeps_log_recording_and_summary(
    server: NatsServer, other: NatsServer, tmp_path: Path
) -> None:
    env = saved(tmp_path, prod={"url": other.url, "user": "u", "password": PASSWORD}, broken={"url": "nats://h:x"})
    file = tmp_path / "run.jsonl"
    command = [sys.executable, "-m", "natsmon", server.url, "--token", "of-the-first", "--record", str(file)]
    async with Terminal(command, size=(120, 60), env=env) as terminal:
        await terminal.until("● CONNECTED", WITHIN)
        terminal.send("C")
        menu = await terminal.until("prod", WITHIN)
        assert PASSWORD not in menu
        assert "as started" in menu
        terminal.send("j\r")  # broken comes first
        await terminal.until("the port is not a number", WITHIN)
        assert "CONNECTED" in terminal.text
        terminal.send("C")
        await terminal.until("as started", WITHIN)
        terminal.send("jj\r")
        await terminal.until(lambda text: "context prod" in text.splitlines()[0] and "● CONNECTED" in text, WITHIN)
        shown = terminal.text
        assert "west" in shown.splitlines()[0]
        assert "switching to context prod" in shown
        assert "not a number" in shown.partition("switching to")[0], "the log of the first connection stays"
        terminal.send("q")
        assert await terminal.ended(WITHIN) == 0
        assert terminal.text.count("watched ") == 2
    seen = list(Recording([file]).events())
    assert [type(event) for event in seen if isinstance(event, ev.Session)] == [ev.Session, ev.Session]
    ends = [event for event in seen if isinstance(event, ev.Closed)]
    assert [end.cause for end in ends][:1] != ["gave_up"]
    assert "of-the-first" not in file.read_text()


async def test_contexts_are_not_for_a_source_that_natsmon_does_not_start() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("C")
        assert "contexts are chosen where" in drive.shown("keybar")
        await drive.press("question_mark")
        assert "another context" not in "".join(key.tooltip for key in drive.app.key_table())
