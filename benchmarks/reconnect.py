"""What natsmon adds to a connect: a manual reconnect as seen from outside, against nats-py's own connect."""

from benchmarks import servers
from benchmarks.bare_client import BareConnects
from benchmarks.event_pipe import EventPipe
from benchmarks.probe_child import ProbeChild, settings
from benchmarks.table import Row, median, ms, spread
from natsmon.stream import commands
from natsmon.stream import events as ev

_LIMIT = 1.3
_WARM_UP = 10
_BETWEEN = 0.01


def run(quick: bool) -> Row:
    times = _WARM_UP + (50 if quick else 400)
    ours: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    with (
        servers.nats_server() as server,
        BareConnects(server.url) as connects,
        ProbeChild(settings(servers.address(server))) as probe,
    ):
        probe.pipe.until_status("CONNECTED")
        for _ in range(times):
            probe.pipe.discard(_BETWEEN)
            ours.append(_reconnect(probe.pipe))
            probe.pipe.discard(_BETWEEN)
            bare.append(connects.seconds())
    ours_inside, ours_outside = zip(*ours[_WARM_UP:], strict=True)
    bare_inside, bare_outside = zip(*bare[_WARM_UP:], strict=True)
    ratio = median(ours_outside) / median(bare_outside)
    return Row(
        "reconnect → CONNECTED, line in to line out, p50",
        ms(median(ours_outside)),
        f"≤ {_LIMIT:g}×",
        ratio <= _LIMIT,
        f"{ms(median(bare_outside))} nats-py connect()",
        f"{ratio:.2f}×",
        [
            f"natsmon, from the line in to the line out: {spread(ours_outside)}",
            f"natsmon, within the probe, from the loss to CONNECTED: {spread(ours_inside)}",
            f"nats-py on asyncio, connect() within its process: {spread(bare_inside)}",
            f"nats-py on asyncio, from a line in to a line out: {spread(bare_outside)}",
        ],
    )


def _reconnect(pipe: EventPipe) -> tuple[float, float]:
    """Seconds by the probe's own clock, from the loss on; and as seen from outside, from the command on."""
    asked = pipe.send(commands.Reconnect())
    lost, _ = pipe.until(lambda event: isinstance(event, ev.Disconnected))
    back, answered = pipe.until(lambda event: isinstance(event, ev.StatusChanged) and event.status == "CONNECTED")
    return back.t - lost.t, answered - asked
