"""Commands: what a view asks of a probe, and when each applies.

A command is one JSON object on a line, ``type`` first. The probe answers each with ``Answer``, one from each
connection it was for. ``refusal`` is the one rule of which command applies when: the probe decides by it, and a
screen uses it to dim keys.
"""

from typing import NamedTuple

import msgspec

from natsmon.config.settings import Settings
from natsmon.stream.events import Status, tag_of


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=tag_of):
    """Base of all commands."""

    id: str = ""
    """Chosen by the sender; the answer carries it."""
    conn: int | None = None
    """The connection it is for; none for all of them. 0 is written."""


class Cancel(Command, frozen=True):
    """Cancel the dial, or the wait before it."""


class Reconnect(Command, frozen=True):
    """Drop the connection and dial at once; dial now while waiting; connect again when closed."""


class NextServer(Command, frozen=True):
    """Leave the server that is being dialed or waited for; dial the next one."""


class Pause(Command, frozen=True):
    """Publish nothing until ``Resume``; the connection stays."""


class Resume(Command, frozen=True):
    """Publish again."""


class Publish(Command, frozen=True):
    """Publish one message now, also while paused."""


class Drain(Command, frozen=True):
    """Unsubscribe, flush, close; the probe stays."""


class Open(Command, frozen=True, kw_only=True):
    """Open a connection in the place of ``conn``, which is drained and closed first; beside the others without it.

    The new connection has the next number; its first event has ``replaces``. The last ``Open`` for a connection that
    still drains is the one that counts. Only the process that started the probe may send it: settings can name a
    program to run.
    """

    settings: Settings
    """As on the first line of a probe's standard input; the only place of secrets in a stream."""


class Close(Command, frozen=True):
    """Drain if connected, and close for good; the probe ends with its last connection."""


Plain = Cancel | Reconnect | NextServer | Pause | Resume | Publish | Drain | Close
"""Those without fields of their own."""
AnyCommand = Plain | Open


class Situation(NamedTuple):
    """What decides whether a command applies to a connection."""

    status: Status
    waiting: bool = False
    """Between two dials."""
    paused: bool = False
    observing: bool = False


def refusal(command: type[Command], situation: Situation) -> str:
    """Why a command does not apply to a connection; empty when it does. Names commands, never keys."""
    status = situation.status
    if command in (Pause, Resume, Publish) and situation.observing:
        return "observing: nothing is published"
    if command is Pause:
        return "publishing is paused already" if situation.paused else ""
    if command is Resume:
        return "" if situation.paused else "publishing is not paused"
    if command in (Open, Close):
        return ""
    if status == "DRAINING":
        return "draining: the connection is being closed"
    if status == "CLOSED":
        return "" if command is Reconnect else "closed: reconnect starts again"
    if command is Drain:
        return "" if status == "CONNECTED" else f"{status.lower()}: there is no connection to drain"
    if command in (Cancel, NextServer):
        act = "cancel" if command is Cancel else "skip"
        return f"connected: there is no dial to {act}" if status == "CONNECTED" else ""
    if command is Reconnect and status != "CONNECTED" and not situation.waiting:
        return "a dial is in progress already"
    return ""
