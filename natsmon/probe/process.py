"""A probe in this process: its events go to the sinks, its commands come from standard input.

The dashboard's child (``natsmon.probe.child``), the plain log and the event stream all run it. The first signal
ends it gracefully, the second at once.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence

import msgspec

from natsmon.config.settings import Settings
from natsmon.probe.probe import Probe
from natsmon.stream import events as ev
from natsmon.stream.codec import decode_command
from natsmon.stream.commands import Open
from natsmon.stream.exit_codes import Exit
from natsmon.stream.incoming import receive_lines
from natsmon.stream.sink import Sink

_LAST_LINES = 2.0
"""Seconds that a reader may take for the last lines."""


def run(
    settings: Sequence[Settings],
    sinks: Sequence[Sink],
    *,
    control: bool,
    opens: bool = False,
    already_read: bytes = b"",
) -> int:
    """Run a probe until it ends; the exit code.

    Args:
        settings: Of each connection.
        sinks: The first one is standard output.
        control: Commands come from standard input, whose end closes the probe.
        opens: ``Open`` is one of them. Its settings can name a program to run, so that the writer of standard input
            must be the process that started this one.
        already_read: What was read of standard input before.
    """
    _silence_libraries()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(settings, sinks, control, opens, already_read))


async def _run(
    settings: Sequence[Settings], sinks: Sequence[Sink], control: bool, opens: bool, already_read: bytes
) -> int:
    probe = Probe(settings, sinks)
    probe.emitter.sinks.append(_SinkWatch(sinks, probe))

    def receive(line: bytes | None) -> None:
        if line is None:
            probe.close("standard input ended")
            return
        try:
            command = decode_command(line)
        except msgspec.DecodeError as error:
            probe.refuse(f"not a command: {error}")
            return
        if isinstance(command, Open) and not opens:
            probe.refuse("only the process that started the monitor opens connections", command)
        else:
            probe.execute(command)

    def stop() -> None:
        if probe.interrupted:
            code = probe.end()
            for sink in sinks:
                sink.close(0.1)
            os._exit(code)
        probe.interrupt()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # which nohup(1) sets
            loop.add_signal_handler(number, stop)
    if control:
        reading = asyncio.ensure_future(receive_lines(sys.stdin.fileno(), receive, already_read))
    code = await probe.run(stay=control)
    if control:
        reading.cancel()
    sinks[0].close(_LAST_LINES)
    if sinks[0].failure:
        sys.stderr.write(f"natsmon: standard output cannot be written: {sinks[0].failure}\n")
        return Exit.GAVE_UP
    return code


class _SinkWatch(Sink):
    """The last sink: notices those that failed or ended."""

    def __init__(self, sinks: Sequence[Sink], probe: Probe) -> None:
        self._sinks = list(sinks)
        self._probe = probe
        self._loop = asyncio.get_running_loop()

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        for sink in [sink for sink in self._sinks if sink.failure or sink.ended]:
            self._sinks.remove(sink)
            if sink.ended:
                self._loop.call_soon(self._probe.close, "the reader of the stream went away")
            else:
                self._loop.call_soon(self._probe.note, sink.failure)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, when it is installed: twice the messages a second."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _silence_libraries() -> None:
    """Drop what nats-py and asyncio log: it would appear between the lines of a log, or under a screen."""
    for name in ("nats", "asyncio"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
