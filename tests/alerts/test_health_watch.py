"""Alerts of a connection: title, bell, notification and commands, each only when something changed."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from natsmon.alerts.alert import AlertCommands
from natsmon.alerts.health_watch import HealthWatch
from natsmon.config.settings import ViewSettings
from natsmon.state import State
from natsmon.state.records import OutageRecord
from natsmon.stream import events as ev
from natsmon.wording.health import Health
from tests.harness.time_limits import WAIT

UP = Health("ok", "CONNECTED", "60 of 60 came back")
DOWN = Health("down", "RECONNECTING", "lost: \x1b]0;x\a")


def state_of(server: str = "east-1") -> State:
    state = State()
    state.apply(ev.Connection(t=0.0, name="me", context="prod"))
    state.apply(ev.Connected(t=0.1, server="nats://h:1", server_name=server))
    return state


def watch(view: ViewSettings, commands: AlertCommands | None = None) -> tuple[HealthWatch, list[str]]:
    written: list[str] = []
    commands = commands or AlertCommands(written.append)
    return HealthWatch(view, written.append, commands.submit), written


def test_title_shows_the_health_and_is_written_once() -> None:
    alerts, written = watch(ViewSettings())
    state = state_of()
    for _ in range(3):
        alerts.update(state, UP, 1.0)
    for now in (12.0, 12.5, 134.0):
        alerts.update(state, DOWN, now)
    alerts.end()
    assert written == [
        "\x1b[22;2t",
        "\x1b]2;● natsmon east-1\a",
        "\x1b]2;✗ RECONNECTING 12 s east-1\a",
        "\x1b]2;✗ RECONNECTING 2m14s east-1\a",
        "\x1b[23;2t",
    ]


def test_title_is_saved_again_after_it_was_restored() -> None:
    alerts, written = watch(ViewSettings())
    for _ in range(2):
        alerts.update(state_of(), UP, 1.0)
        alerts.end()
        alerts.end()
    assert written == 2 * ["\x1b[22;2t", "\x1b]2;● natsmon east-1\a", "\x1b[23;2t"]


def test_title_of_a_hostile_server_is_bounded_and_printable() -> None:
    alerts, written = watch(ViewSettings())
    alerts.update(state_of("\x1b]0;x\a" + "n" * 9_000), UP, 1.0)
    title = written[-1]
    assert len(title) < 200
    assert title.count("\x1b") == 1
    assert title.count("\a") == 1


def test_watch_without_title_and_alerts_writes_nothing() -> None:
    alerts, written = watch(ViewSettings(title=False))
    alerts.update(state_of(), UP, 1.0)
    alerts.update(state_of(), DOWN, 2.0)
    alerts.end()
    assert not written


def test_bell_and_notification_come_with_each_change_of_health() -> None:
    alerts, written = watch(ViewSettings(title=False, bell=True, notify=True))
    state = state_of("e;\x1b[31m")
    alerts.update(state, UP, 1.0)
    assert not written  # the first health is not a change
    alerts.update(state, DOWN, 2.0)
    alerts.update(state, DOWN._replace(phrase="lost: 3 s"), 3.0)
    bell, notification = written
    assert bell == "\a"
    assert notification == (
        "\x1b]9;natsmon e;\\x1b[31m: RECONNECTING lost: \\x1b]0;x\\x07\a"
        "\x1b]777;notify;natsmon e,\\x1b[31m;RECONNECTING lost: \\x1b]0,x\\x07\a"
    )


def test_seconds_of_a_silence_are_no_change() -> None:
    """They count in the headline, and in the title."""
    alerts, written = watch(ViewSettings(bell=True))
    silent = Health("degraded", "SILENT", "9 unanswered", "9 s")
    for health in (UP, silent, silent._replace(lasting="10 s"), silent._replace(lasting="11 s")):
        alerts.update(state_of(), health, 2.0)
    assert written.count("\a") == 1
    assert written[-1] == "\x1b]2;▲ SILENT 11 s east-1\a"


def command_in(folder: Path) -> str:
    """A command that appends each alert to the file ``alerts``."""
    command = folder / "alert"
    command.write_text(f"#!/bin/sh\ncat >> {folder}/alerts\n")
    command.chmod(0o755)
    return str(command)


async def alerts_in(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (await asyncio.to_thread((folder / "alerts").read_text)).splitlines()]


async def test_outages_of_one_number_in_two_connections_are_two(tmp_path: Path) -> None:
    commands = AlertCommands(pytest.fail)
    alerts, _ = watch(ViewSettings(title=False, on_outage=(command_in(tmp_path),)), commands)
    first, second = state_of(), State(1)
    first.outages.append(OutageRecord(id=1, began=2.0))
    alerts.update(first, DOWN, 2.0)
    first.outages[-1].ended, first.outages[-1].after, first.outages[-1].settled = 3.0, "nats://h:1", True
    second.outages.append(OutageRecord(id=1, began=4.0))
    alerts.outages(first, DOWN, 3.0)  # another connection was opened in its place
    alerts.update(second, DOWN, 4.0)
    await commands.finish(WAIT)
    assert [(line["kind"], line["conn"], line["outage"]) for line in await alerts_in(tmp_path)] == [
        ("outage_began", 0, 1), ("outage_ended", 0, 1), ("outage_began", 1, 1),
    ]  # fmt: skip


async def test_commands_get_changes_and_outages(tmp_path: Path) -> None:
    command = command_in(tmp_path)
    commands = AlertCommands(pytest.fail)
    alerts, written = watch(ViewSettings(title=False, on_change=(command,), on_outage=(command,)), commands)
    state = state_of()
    alerts.update(state, UP, 1.0)
    outage = OutageRecord(id=1, began=2.0, cause="eof", lost=3)
    state.outages.append(outage)
    for now in (2.0, 2.1):
        alerts.update(state, DOWN, now)
    state.outages.append(OutageRecord(id=2, began=2.0, manual=True))
    outage.ended, outage.after, outage.settled, outage.found_cause = 4.5, "nats://h:1", True, "kicked"
    for now in (5.0, 5.1):
        alerts.update(state, UP, now)
    await commands.finish(WAIT)
    assert not written
    lines = await alerts_in(tmp_path)
    assert [(line["kind"], line["word"], line["previous"], line["outage"]) for line in lines] == [
        ("change", "RECONNECTING", "CONNECTED", 0), ("outage_began", "RECONNECTING", "", 1),
        ("change", "CONNECTED", "RECONNECTING", 0), ("outage_ended", "CONNECTED", "", 1),
    ]  # fmt: skip
    ended = lines[-1]
    assert (ended["downtime"], ended["lost"], ended["cause"], ended["server"]) == (2.5, 3, "kicked", "east-1")
    assert (ended["name"], ended["context"]) == ("me", "prod")


@pytest.mark.parametrize("cause", ["closed", "drained", "cancelled"])
def test_end_that_was_asked_for_is_no_change(cause: str) -> None:
    alerts, written = watch(ViewSettings(title=False, bell=True))
    state = state_of()
    closed = Health("down", "CLOSED")
    for health in (UP, Health("ok", "DRAINING"), closed):
        alerts.update(state, health, 2.0)
    state.apply(ev.Closed(t=2.0, cause=cause))
    alerts.update(state, closed, 2.0)
    alerts.update(state, UP, 3.0)
    assert not written


def test_manual_reconnect_is_a_change_once_a_dial_fails() -> None:
    alerts, written = watch(ViewSettings(title=False, bell=True))
    state = state_of()
    alerts.update(state, UP, 2.0)
    state.outages.append(OutageRecord(id=1, began=2.0, manual=True))
    alerts.update(state, DOWN, 3.0)
    assert not written
    state.outages[-1].manual = False
    alerts.update(state, DOWN, 4.0)
    assert written == ["\a"]


def test_giving_up_is_a_change() -> None:
    alerts, written = watch(ViewSettings(title=False, bell=True))
    state = state_of()
    alerts.update(state, UP, 2.0)
    state.apply(ev.Closed(t=2.0, cause="gave_up"))
    alerts.update(state, Health("down", "CLOSED"), 2.0)
    assert written == ["\a"]


async def test_outage_that_the_end_of_natsmon_cuts_short_has_not_ended(tmp_path: Path) -> None:
    commands = AlertCommands(pytest.fail)
    alerts, _ = watch(ViewSettings(title=False, on_outage=(command_in(tmp_path),)), commands)
    state = state_of()
    state.outages.append(OutageRecord(id=1, began=2.0))
    alerts.update(state, DOWN, 2.0)
    state.outages[-1].ended, state.outages[-1].settled = 3.0, True
    alerts.update(state, Health("down", "CLOSED"), 3.0)
    await commands.finish(WAIT)
    assert [line["kind"] for line in await alerts_in(tmp_path)] == ["outage_began"]


@pytest.mark.parametrize(("age", "kinds"), [(7200.0, []), (600.0, ["change", "outage_began"])])
async def test_what_a_pipe_carries_of_long_ago_is_no_alert(age: float, kinds: list[str], tmp_path: Path) -> None:
    command = command_in(tmp_path)
    commands = AlertCommands(pytest.fail)
    alerts, _ = watch(ViewSettings(title=False, on_change=(command,), on_outage=(command,)), commands)
    state = state_of()
    state.session.apply(ev.Session(t=0.0, id="s", started=time.time() - age))
    alerts.update(state, UP, 1.0)
    state.outages.append(OutageRecord(id=1, began=2.0))
    alerts.update(state, DOWN, 2.0)
    await commands.finish(WAIT)
    (tmp_path / "alerts").touch()
    assert [line["kind"] for line in await alerts_in(tmp_path)] == kinds


async def test_alerts_begin_where_a_stream_reaches_the_present(tmp_path: Path) -> None:
    commands = AlertCommands(pytest.fail)
    alerts, _ = watch(ViewSettings(title=False, on_change=(command_in(tmp_path),)), commands)
    state = state_of()
    state.session.apply(ev.Session(t=0.0, id="s", started=time.time() - 86_400.0))
    for health, now in ((UP, 1.0), (DOWN, 2.0), (UP, 86_400.0), (DOWN, 86_401.0)):
        alerts.update(state, health, now)
    await commands.finish(WAIT)
    assert [line["previous"] for line in await alerts_in(tmp_path)] == ["CONNECTED"]
