"""Streams with latencies, PINGs without an answer, and what a probe emits where it cannot listen."""

from msgspec.structs import replace

from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import quantised
from tests.tui.streams import Stream


def measured() -> Stream:
    """Eleven minutes: steady, lost for half a minute, silent for a while, and in the end two PINGs out."""
    stream = Stream(name="orders").become("CONNECTING", "initial").connect()
    timings(stream, 300)
    stream.lose().refused("east-1:4222", "reconnect").wait(35.0).connect("east-2:4222", "reconnect", "east-2")
    timings(stream, 200, first=34.0)
    stream.wait(12.0).add(ev.Rtt(t=stream.t, seconds=12.2, omitted=12, interval=1.0))
    timings(stream, 110)
    return stream.add(ev.Keepalive(t=stream.t, interval=2.0, max_out=2, outstanding=2, stale_at=stream.t + 3.2))


def timings(stream: Stream, seconds: int, first: float = 0.0) -> None:
    """A PING and a tally of twenty echoes each second; the first of all may have been due long before."""
    for second in range(seconds):
        stream.wait(1.0)
        quick = 0.0002 + 0.00003 * (second * 7 % 11)
        slow = 0.0041 if second % 23 == 7 else 2.1 * quick
        stream.add(ev.Rtt(t=stream.t, seconds=round(slow, 6)))
        for what in ("attempted", "sent", "delivered"):
            stream.count(what, 20)
        latencies = [(quantised(quick), 17), (quantised(1.6 * quick), 2)]
        latencies.append((quantised(first if first and second == 0 else slow), 1))
        longest = max(first if second == 0 else 0.0, slow)
        stream.add(ev.Latencies(t=stream.t, kind="echo", counts=latencies, longest=longest))
        stream.add(ev.Tally(t=stream.t, **stream.totals))


def session(of: Stream, /, **fields: object) -> Stream:
    """The same stream of another connection."""
    (first, second, *rest) = of.events
    of.events = [first, replace(second, **fields), *rest]
    return of


def pings_out() -> Stream:
    stream = Stream(name="orders").become("CONNECTING", "initial").connect().run(80)
    return stream.add(ev.Keepalive(t=stream.t, interval=2.0, max_out=2, outstanding=2, stale_at=stream.t + 3.2))


def unverified() -> Stream:
    stream = session(Stream().become("CONNECTING", "initial").connect(), verification="none")
    stream.add(ev.Unverified(t=stream.t, reason="we may not subscribe to hello"))
    for second in range(1, 31):
        stream.wait(1.0).add(ev.Rtt(t=stream.t, seconds=0.0004))
        stream.add(ev.Tally(t=stream.t, attempted=second, sent=second, bytes=5 * second))
    return stream


def acknowledged() -> Stream:
    stream = session(Stream().become("CONNECTING", "initial").connect().run(30), verification="ack", stream="ORDERS")
    totals = {**stream.totals, "resent": 2, "suppressed": 1}
    return stream.add(ev.Tally(t=stream.t, **totals))


def observing() -> Stream:
    stream = session(Stream().become("CONNECTING", "initial").connect(), observing=True, subject="orders.>")
    for _ in range(30):
        stream.wait(1.0).add(ev.Rtt(t=stream.t, seconds=0.0004))
    return stream.add(
        ev.Observed(t=stream.t, messages=1_234_567, bytes=98_765_432, publishers=3, missing=2, duplicate=1)
    )
