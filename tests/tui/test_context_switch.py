"""Contexts of the nats CLI in the dashboard: listed, and switched to, on real servers and in a real terminal."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from natsmon.config.settings import Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.recording.reader import Recording
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.wording.health import Health
from tests.conftest import StartServer
from tests.harness import processes
from tests.harness.listening import check, freeze
from tests.harness.terminal import Terminal
from tests.tui import streams
from tests.tui.driven import driven
from tests.tui.streams import Stream

PASSWORD = "hunter2"
WITHIN = 60.0
"""Seconds for a monitor to start, and a connection to drain, on a busy machine."""


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


def monitor_of(program: int) -> int:
    """The process of the probe that a natsmon has started."""
    (found,) = [pid for pid in processes.children(program) if "natsmon.probe.child" in processes.command(pid)]
    return found


@pytest.mark.slow
async def test_switching_drains_the_connection_and_continues_the_session(
    server: NatsServer, other: NatsServer, tmp_path: Path
) -> None:
    credentials = {"user": "u", "password": PASSWORD}
    env = saved(tmp_path, prod={"url": other.url, **credentials}, broken={"creds": "/none.creds"})
    file = tmp_path / "run.jsonl"
    command = [sys.executable, "-m", "natsmon", server.url, "--token", "of-the-first", "--record", str(file)]
    async with Terminal(command, size=(120, 60), env=env) as terminal:
        await terminal.until("● CONNECTED", WITHIN)
        monitor = monitor_of(terminal.pid)
        terminal.send("C")
        menu = await terminal.until("prod", WITHIN)
        assert PASSWORD not in menu
        assert "as started" in menu
        terminal.send("j\r")  # broken comes first
        await terminal.until("/none.creds", WITHIN)
        assert "● CONNECTED" in terminal.text, "what cannot be used ends nothing"
        terminal.send("C")
        await terminal.until("as started", WITHIN)
        terminal.send("jj\r")
        await terminal.until(lambda text: "context prod" in text.splitlines()[0] and "● CONNECTED" in text, WITHIN)
        shown = await terminal.until("switched to context prod", WITHIN)
        assert "west" in shown.splitlines()[0]
        assert "switching to context prod" in shown
        log = [
            "/none.creds",
            "switching to context prod",
            "switching: draining",
            "drained in",
            "switched to context prod",
        ]
        places = [shown.index(text) for text in log]
        assert places == sorted(places), "the log of the first connection goes on"
        assert monitor_of(terminal.pid) == monitor, "the session continues"
        terminal.send("q")
        assert await terminal.ended(WITHIN) == 0
        assert terminal.text.count("watched ") == 2
        assert terminal.text.count("replaced by another connection") == 1
    seen = list(Recording([file]).events())
    check([event for event in seen if not isinstance(event, ev.Note)])
    assert len([event for event in seen if isinstance(event, ev.Session)]) == 1
    assert [(event.conn, event.replaces) for event in seen if isinstance(event, ev.Connection)] == [(0, None), (1, 0)]
    assert [(event.conn, event.complete) for event in seen if isinstance(event, ev.Drained)] == [(0, True), (1, True)]
    recorded = file.read_text()
    assert "of-the-first" not in recorded
    assert PASSWORD not in recorded


@pytest.mark.slow
async def test_screen_shows_draining_until_the_next_connection_is_opened(
    nats_server: StartServer, other: NatsServer, tmp_path: Path
) -> None:
    env = saved(tmp_path, prod={"url": other.url, "user": "u", "password": PASSWORD})
    frozen = nats_server(name="east")
    async with Terminal([sys.executable, "-m", "natsmon", frozen.url], size=(120, 60), env=env) as terminal:
        await terminal.until("● CONNECTED", WITHIN)
        await freeze(frozen)
        terminal.send("C")
        await terminal.until("as started", WITHIN)
        terminal.send("j\r")
        await terminal.until("● DRAINING", WITHIN)
        assert b"\x1b]2;\xe2\x97\x8f DRAINING east\a" in terminal.output
        await terminal.until(lambda text: "context prod" in text.splitlines()[0] and "● CONNECTED" in text, WITHIN)
        assert "not drained after " in await terminal.until("switched to context prod", WITHIN)
        assert b"\x1b]2;\xe2\x97\x8f natsmon west\a" in terminal.output
        terminal.send("q")
        assert await terminal.ended(WITHIN) == 0


@pytest.mark.slow
async def test_context_is_chosen_for_the_next_monitor_where_one_has_stopped(
    server: NatsServer, other: NatsServer, tmp_path: Path
) -> None:
    env = saved(tmp_path, prod={"url": other.url, "user": "u", "password": PASSWORD})
    async with Terminal([sys.executable, "-m", "natsmon", server.url], size=(120, 60), env=env) as terminal:
        await terminal.until("● CONNECTED", WITHIN)
        os.kill(monitor_of(terminal.pid), signal.SIGKILL)
        await terminal.until("MONITOR STOPPED", WITHIN)
        terminal.send("C")
        await terminal.until("as started", WITHIN)
        terminal.send("j\r")
        await terminal.until(lambda text: "context prod" in text.splitlines()[0] and "● CONNECTED" in text, WITHIN)
        os.kill(monitor_of(terminal.pid), signal.SIGKILL)
        await terminal.until("MONITOR STOPPED", WITHIN)
        terminal.send("r")
        await terminal.until(lambda text: "context prod" in text.splitlines()[0] and "● CONNECTED" in text, WITHIN)
        terminal.send("q")
        assert await terminal.ended(WITHIN) == 0


async def test_contexts_are_not_for_a_source_that_natsmon_does_not_start() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("C")
        assert "contexts are chosen where" in drive.shown("keybar")
        await drive.press("question_mark")
        assert "another context" not in "".join(key.tooltip for key in drive.app.key_table())


async def test_screen_and_keys_follow_the_connection_opened_in_the_place_of_another() -> None:
    def later(t: float, *events: ev.AnyEvent) -> list[ev.AnyEvent]:
        return [replace(event, t=event.t + t, conn=1) for event in events]

    stream = streams.connected()
    t = stream.t
    async with driven(stream) as drive:
        await drive.press("enter")
        assert len(drive.app.screen_stack) == 2, "the page of a dial"
        await drive.emit(ev.StatusChanged(t=t, status="DRAINING", previous="CONNECTED", cause="replaced"))
        assert drive.app.viewed.moment().health == Health("ok", "DRAINING", "closing the connection")
        await drive.emit(
            ev.StatusChanged(t=t, status="CLOSED", previous="DRAINING"),
            ev.Closed(t=t, cause="closed", text="another connection is opened in its place"),
            *later(t, ev.Connection(replaces=0, name="me", context="west", subject="hello", servers=["nats://w:4222"])),
        )
        assert len(drive.app.screen_stack) == 1, "the page was of the other connection"
        assert "CONNECTING" in drive.shown("status")
        assert "switched to context west" in drive.shown("events")
        connected = Stream(servers=["nats://w:4222"]).become("CONNECTING").connect("nats://w:4222", name="west")
        await drive.emit(*later(t, *connected.events[2:]))
        assert "west  context west" in drive.shown("status")
        assert drive.shown("dials").count("initial") == 1
        await drive.press("p")
        assert drive.source.sent[-1] == commands.Pause(id="view-1", conn=1)


async def test_switching_sends_settings_that_fit_into_a_command() -> None:
    async with driven(streams.connected()) as drive:
        drive.app.switch(Settings(context="west"), "switching to context west")
        await drive.settle()
        assert drive.source.sent[-1] == commands.Open(id="view-1", conn=0, settings=Settings(context="west"))
        assert "switching to context west" in drive.shown("keybar")
        drive.app.switch(Settings(payload=bytes(2_000_000)), "switching")
        await drive.settle()
        assert "open: too long for a command, more than 1,048,576 bytes" in drive.shown("keybar")
        assert len(drive.source.sent) == 1


async def test_ignored_switch_is_shown() -> None:
    async with driven(streams.connected()) as drive:
        drive.app.switch(Settings(context="west"), "switching to context west")
        answer = ev.Answer(id="view-1", command="open", outcome="ignored", reason="the monitor is ending")
        await drive.emit(replace(answer, t=drive.source.t))
        assert "switch context: the monitor is ending" in drive.shown("keybar")
