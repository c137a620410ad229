"""A probe in a process: its events are lines on standard output, its commands lines on standard input.

It has a process of its own under the dashboard (``python -m natsmon.probe``), and shares the program's with
the plain log and the event stream. Signals end it gracefully the first time, at once the second.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from natsmon.config.settings import Settings
from natsmon.probe.probe import Probe
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from natsmon.stream.outbox import Inbox, Outbox

if TYPE_CHECKING:
    from natsmon.recording.recorder import Recorder

Encode = Callable[[ev.AnyEvent], bytes | None]

_LAST_WORDS = 2.0
"""Seconds a reader may take to accept the last lines."""

_SAMPLES = (ev.Published, ev.Echoed, ev.Rtt, ev.DialStage)


def run(
    settings: Settings, *, encode: Encode, control: bool, heard: bytes = b"", recorder: "Recorder | None" = None
) -> int:
    """Run a probe in this process, its encoded events on standard output; the exit code.

    With ``control`` the commands come from standard input, of which ``heard`` has been read already, and whose
    end closes the probe. The first SIGINT or SIGTERM ends it gracefully, the second at once.
    """
    _quiet_libraries()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(settings, encode, control, heard, recorder))


async def _run(settings: Settings, encode: Encode, control: bool, heard: bytes, recorder: "Recorder | None") -> int:
    outbox = Outbox(sys.stdout.fileno(), lambda missing: encode(ev.Gap(t=probe.clock(), events=missing)))

    def tell(event: ev.AnyEvent) -> None:
        line = encode(event)
        if recorder is not None:
            recorder.put(line if encode is ev.encode and line is not None else ev.encode(event))
            if recorder.failure and not recorder.told:
                recorder.told = True
                warn(recorder.failure)
        if line is not None:
            outbox.put(
                line,
                sample=isinstance(event, _SAMPLES),
                latest="tally" if isinstance(event, ev.Tally) else "",
                last=isinstance(event, ev.End),
            )
        if outbox.broken:
            probe.close("nobody reads")

    def warn(what: str) -> None:
        """In the stream; beside a log that goes into a file or a pipe, where a person may be looking, too."""
        tell(ev.Note(t=probe.clock(), text=what, kind="bad"))
        if encode is not ev.encode and not sys.stdout.isatty():
            sys.stderr.write(f"natsmon: {what}\n")

    probe = Probe(settings, tell)

    def receive(line: bytes | None) -> None:
        if line is None:
            probe.close("standard input ended")
            return
        try:
            probe.obey(ev.decode_command(line))
        except msgspec.DecodeError as error:
            probe.complain(f"not a command: {error}")

    def stop() -> None:
        if probe.interrupted:
            outbox.close(0.1)
            if recorder is not None:
                recorder.close(_LAST_WORDS)
            os._exit(probe.exit_code())
        probe.interrupt()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if control:
        Inbox(sys.stdin.fileno(), receive, heard)
    code = await probe.run(stay=control)
    outbox.close(_LAST_WORDS)
    if outbox.failure:
        sys.stderr.write(f"natsmon: standard output cannot be written: {outbox.failure}\n")
        return Exit.GAVE_UP
    return code


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed: twice the messages a second."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _quiet_libraries() -> None:
    """What nats-py and asyncio log would land between the lines of a log, or under a screen."""
    for name in ("nats", "asyncio"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
