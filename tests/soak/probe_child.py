"""The probe under test, in a process of its own: ``python -m tests.soak.probe_child``.

Settings on the first line of standard input, then commands. Its events go to standard output, and every echo
its subscription receives does, as a line of its own, because at this rate no event is about a single message.
"""

import asyncio
import os
import sys

from natsmon.config.settings import Settings, from_line
from natsmon.probe import process
from natsmon.probe.probe import Probe
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from natsmon.stream.incoming import receive_lines

ECHO = b"echo "


class Output:
    """A sink that writes to standard output, whose reader does nothing else, so that this does not wait."""

    failure = ""
    ended = False

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        self.write(line)

    def write(self, line: bytes) -> None:
        os.write(1, line)

    def close(self, timeout: float) -> bool:
        return True


async def run(settings: Settings) -> int:
    output = Output()

    def receive(line: bytes | None) -> None:
        if line is None:
            probe.close("standard input ended")
        else:
            probe.execute(codec.decode_command(line))

    probe = Probe([settings], [output])
    deliveries = probe.connections[0].deliveries
    arrived = deliveries.arrived

    def log(seq: int) -> None:
        output.write(b"%b%d\n" % (ECHO, seq))
        arrived(seq)

    deliveries.arrived = log  # type: ignore[method-assign]
    reading = asyncio.ensure_future(receive_lines(0, receive))
    try:
        return await probe.run(stay=True)
    finally:
        reading.cancel()


def main() -> int:
    process._silence_libraries()
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stdin:  # unbuffered: what follows are commands
        line = stdin.readline()
    if not line.endswith(b"\n"):  # its parent has ended
        return Exit.USAGE
    with asyncio.Runner(loop_factory=process._loop_factory()) as runner:
        return runner.run(run(from_line(line)))


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)
