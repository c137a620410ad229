"""Streams of losses and moves: a rolling upgrade of three servers, a silence, an outage of many dials."""

from typing import Any

from natsmon.stream import events as ev
from tests.tui.streams import HOSTILE, Stream

CLUSTER = tuple(f"nats://east-{n}:4222" for n in (1, 2, 3))


def _pool(stream: Stream, *lame: str) -> Stream:
    members = [ev.PoolMember(server=url, discovered=n > 0, lame_duck=url in lame) for n, url in enumerate(CLUSTER)]
    return stream.add(ev.Pool(t=stream.t, changed=members))


def _lose(stream: Stream, server: str, cause: str, text: str) -> float:
    stream.outages += 1
    stream.add(ev.Disconnected(t=stream.t, outage=stream.outages, cause=cause, text=text, server=server))
    stream.become("RECONNECTING", cause)
    return stream.t


def _arrive(stream: Stream, server: str) -> Stream:
    """Dialed and connected; subscribed 0.4 ms later, the first echo 1.1 ms after that."""
    name = server.removeprefix("nats://").partition(":")[0]
    stream.connect(server, "reconnect", name).wait(0.0004).add(ev.Subscribed(t=stream.t, subject="hello"))
    return stream.wait(0.0011).add(ev.FirstEcho(t=stream.t, seq=1, latency=0.0007))


def _settled(stream: Stream, began: float, ended: float, before: str, after: str, **figures: Any) -> Stream:
    stream.add(
        ev.Reconnected(t=ended, outage=stream.outages, before=before, after=after, downtime=ended - began, attempts=1)
    )
    return stream.add(
        ev.Outage(t=stream.t, outage=stream.outages, began=began, ended=ended, before=before, after=after, **figures)
    )


def _move(stream: Stream, before: str, after: str) -> Stream:
    """Ten seconds from the notice to being sent away, and on to the next server at once."""
    stream.add(ev.LameDuck(t=stream.t, server=before))
    _pool(stream, before).run(10).wait(0.2)
    text = "closed by the server"
    began = _lose(stream, before, "lame_duck", text)
    stream.wait(0.018)
    _arrive(stream, after)
    _settled(
        stream, began, stream.t - 0.0015, before, after, cause="lame_duck", text=text, detected_after=0.2, dials=1,
        servers=1,
    )  # fmt: skip
    return stream


def upgrade() -> Stream:
    """Two of three servers have been replaced; the third has sent a lame duck notice."""
    stream = Stream(servers=CLUSTER[:1], name="orders").become("CONNECTING", "initial")
    stream.connect(CLUSTER[0], name="east-1")
    _pool(stream).run(60)
    _move(stream, CLUSTER[0], CLUSTER[1]).run(35)
    _move(stream, CLUSTER[1], CLUSTER[2]).run(42)
    stream.add(ev.LameDuck(t=stream.t, server=CLUSTER[2]))
    return _pool(stream, CLUSTER[2]).run(4)


def frozen() -> Stream:
    """A server fell silent, was given up, and three dials later another one took over; two messages are lost."""
    stream = Stream(servers=CLUSTER, name="orders").become("CONNECTING", "initial")
    stream.connect(CLUSTER[0], name="east-1")
    _pool(stream).run(60)
    silent = stream.t
    stream.wait(2.0).add(ev.Silent(t=stream.t, since=silent, missed=2, server=CLUSTER[0])).wait(2.0)
    began = _lose(stream, CLUSTER[0], "stale", "no PONG for 2 PINGs")
    stream.start_dial(CLUSTER[1], "reconnect").stage("dns", 0.0002).stage("tcp", 0.0003).stage("info", 0.8, "failed")
    stream.end_dial("timeout", "info", "timeout", "no INFO", 0.8005).refused("east-3:4222", "reconnect")
    stream.await_dial(CLUSTER[0], 1.0).run(1, outcome="buffered").wait(0.07)
    stream.refused(CLUSTER[0], "reconnect")
    _arrive(stream, CLUSTER[1])
    _settled(
        stream, began, stream.t - 0.0015, CLUSTER[0], CLUSTER[1], cause="stale", text="no PONG for 2 PINGs",
        detected_after=4.0, dials=4, servers=3, buffered=1, rejected=3, lost=2, late=1, duplicate=1, unverified=1,
        lost_seqs=[(59, 59), (61, 61)],
    )  # fmt: skip
    stream.add(
        ev.CloseReason(
            t=stream.t, outage=stream.outages, reason="Stale Connection", cid=12, server=CLUSTER[0], cause="stale"
        )
    )
    return stream.run(20)


def long() -> Stream:
    """An outage of which most dials are alike."""
    stream = Stream(servers=CLUSTER, name="orders").become("CONNECTING", "initial").connect(CLUSTER[0])
    _pool(stream).run(30)
    _lose(stream, CLUSTER[0], "eof", "the server closed the connection")
    for n in range(60):
        stream.refused(CLUSTER[n % 3], "reconnect").await_dial(CLUSTER[(n + 1) % 3]).run(2, outcome="buffered")
    return stream.wait(0.4)


def hostile_outage() -> Stream:
    """A loss whose every text from the server is hostile."""
    stream = Stream(servers=[HOSTILE]).become("CONNECTING", "initial").connect(HOSTILE, name=HOSTILE).run(2)
    stream.add(ev.Pool(t=stream.t, changed=[ev.PoolMember(server=HOSTILE, failures=1 << 60, lame_duck=True)]))
    stream.add(ev.LameDuck(t=stream.t, server=HOSTILE)).run(1)
    began = _lose(stream, HOSTILE, HOSTILE, HOSTILE * 20)
    stream.refused(HOSTILE, "reconnect")
    _arrive(stream, HOSTILE)
    _settled(
        stream, began, stream.t, HOSTILE, HOSTILE, cause=HOSTILE, text=HOSTILE * 20, detected_after=1e12,
        lost=1 << 60, lost_seqs=[(-(1 << 60), 1 << 60), (5, 1)] * 40,
    )  # fmt: skip
    return stream.add(ev.CloseReason(t=stream.t, outage=stream.outages, reason=HOSTILE * 20))


def behind_one_address(*names: str) -> Stream:
    """A load balancer, or another server that was started in the place of the one before."""
    stream = Stream(servers=["east-1:4222"]).become("CONNECTING", "initial")
    for number, name in enumerate(names):
        if number:
            stream.run(5).lose().wait(1.0)
        stream.connect(name=name)
        stream.add(ev.DialInfo(t=stream.t, dial=stream.dials, info={"server_name": name, "server_id": "NABC"}))
    return stream
