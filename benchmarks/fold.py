"""How many events a second are decoded, folded and narrated, of a mixed stream of 1,000 connections?

In the mix of a real probe with its default settings: each connection publishes a message and sends a PING a second,
and is lost once with the dials that end its outage. Measured in a process of its own, turn by turn with decoding alone.
"""

import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec

from benchmarks.table import Row, median, rate
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.stream.process_start import defer_gc

_CONNECTIONS = 1_000
_SECONDS = 60
_RUNS = 5
_WANTED = 200_000
_MEASURED = [sys.executable, "-m", "benchmarks.fold"]
_STAGES: tuple[ev.Stage, ...] = ("dns", "tcp", "info", "connect")


class Figures(msgspec.Struct):
    events: int
    decoded: list[float]
    """Seconds of CPU time of each run."""
    folded: list[float]


def run(quick: bool) -> Row:
    done = subprocess.run([*_MEASURED, str(1 if quick else _RUNS)], stdout=subprocess.PIPE, check=True)
    figures = msgspec.json.decode(done.stdout, type=Figures)
    decoded, folded = (figures.events / median(runs) for runs in (figures.decoded, figures.folded))
    return Row(
        f"decode, fold and narrate {_CONNECTIONS:,} connections",
        f"{folded:,.0f} events/s",
        f"≥ {rate(_WANTED)}",
        folded >= _WANTED,
        f"{decoded:,.0f} decoded/s",
        f"{folded / decoded:.2f}",
        [f"{figures.events:,} events; runs: {' '.join(rate(figures.events / each) for each in figures.folded)}"],
    )


def stream() -> Iterator[ev.AnyEvent]:
    """A minute of 1,000 connections, each at its own time within a second."""
    yield ev.Session(t=0.0, id="fold", started=1_750_000_000.0)
    for conn in range(_CONNECTIONS):
        name = f"service-{conn}"
        yield ev.Connection(conn=conn, name=name, servers=_servers(conn), subject="orders.created", size=5, interval=1)
        yield ev.StatusChanged(conn=conn, status="CONNECTING", previous="DISCONNECTED")
        yield from _dial(conn, 0.0, 1, "initial")
    for second in range(1, _SECONDS):
        for conn in range(_CONNECTIONS):
            t = round(second + conn / _CONNECTIONS, 6)
            if second == 1 + conn % (_SECONDS - 1):
                yield from _outage(conn, t)
            latency = 0.0003 + (second * conn) % 97 * 1e-5
            yield ev.Published(t=t, conn=conn, seq=second)
            yield ev.Echoed(t=round(t + latency, 6), conn=conn, seq=second, latency=latency)
            yield ev.Rtt(t=t, conn=conn, seconds=latency * 0.6)
            if second % 5 == 0:
                yield ev.Tally(t=t, conn=conn, attempted=second, sent=second, delivered=second, bytes=5 * second)


def _servers(conn: int) -> list[str]:
    return [f"nats://east-{conn % 3 + number}.example.com:4222" for number in (1, 2)]


def _dial(conn: int, t: float, dial: int, reason: ev.DialReason) -> Iterator[ev.AnyEvent]:
    server = _servers(conn)[dial % 2]
    yield ev.DialStart(t=t, conn=conn, dial=dial, attempt=1, server=server, reason=reason, timeout=2.0)
    for stage in _STAGES:
        yield ev.DialStage(t=t, conn=conn, dial=dial, stage=stage, outcome="started")
        yield ev.DialStage(t=t, conn=conn, dial=dial, stage=stage, outcome="complete", elapsed=0.0004)
    info = {"server_id": "N" * 56, "server_name": "east", "version": "2.15.1", "max_payload": 1_048_576}
    yield ev.DialInfo(t=t, conn=conn, dial=dial, info=info)
    yield ev.DialEnd(t=t, conn=conn, dial=dial, outcome="connected", stage="connect", total=0.002, server=server)
    yield ev.Connected(t=t, conn=conn, server=server, server_name="east", version="2.15.1", cid=dial)
    yield ev.StatusChanged(t=t, conn=conn, status="CONNECTED", previous="CONNECTING")
    yield ev.Keepalive(t=t, conn=conn, interval=1.0, max_out=3)


def _outage(conn: int, t: float) -> Iterator[ev.AnyEvent]:
    before, after = _servers(conn)
    yield ev.Disconnected(t=t, conn=conn, outage=1, cause="eof", server=before)
    yield ev.StatusChanged(t=t, conn=conn, status="RECONNECTING", previous="CONNECTED", cause="eof")
    yield from _dial(conn, t, 2, "reconnect")
    yield ev.Reconnected(t=t, conn=conn, outage=1, before=before, after=after, downtime=0.002, attempts=1)
    yield ev.Outage(t=t, conn=conn, outage=1, began=t, ended=t, cause="eof", before=before, after=after, dials=1)


def measure(runs: int) -> Figures:
    from natsmon.state import Tracks
    from natsmon.wording.narration import narrate

    lines = [codec.encode(event) for event in stream()]
    figures = Figures(len(lines), [], [])
    defer_gc()
    for _ in range(runs):
        began = time.process_time()
        for line in lines:
            codec.decode_event(line)
        figures.decoded.append(time.process_time() - began)
        tracks = Tracks(narrate)
        began = time.process_time()
        for line in lines:
            event = codec.decode_event(line)
            assert event is not None
            tracks.apply(event)
        figures.folded.append(time.process_time() - began)
    return figures


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure(int(sys.argv[1]))))
