"""Event streams with fixed times: as a probe emits them, without a probe."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from natsmon.stream import events as ev

STARTED = 1_750_000_000.0  # 2025-06-15 15:06:40 UTC
HOSTILE = "svc[/red]\x1b[2J\u202egnp.exe"
STAGES: tuple[tuple[ev.Stage, float], ...] = (
    ("dns", 0.0004),
    ("tcp", 0.0003),
    ("info", 0.0005),
    ("connect", 0.0009),
)


class Stream:
    """Builds a stream as a probe emits it; ``t`` is its newest time."""

    def __init__(
        self, *, servers: Iterable[str] = ("nats://east-1:4222", "nats://east-2:4222"), name: str = ""
    ) -> None:
        self.t = 0.0
        self.events: list[ev.AnyEvent] = []
        self.status: ev.Status = "DISCONNECTED"
        self.dials = 0
        self.attempt = 0
        self.outages = 0
        self.totals: dict[str, Any] = {}
        self.add(
            ev.Session(
                t=0.0,
                id="s1",
                started=STARTED,
                versions={"natsmon": "0.1.0"},
            )
        )
        self.add(ev.Connection(name=name, servers=list(servers), subject="hello", size=5, interval=1.0))

    def add(self, event: ev.AnyEvent) -> "Stream":
        self.events.append(event)
        return self

    def wait(self, seconds: float) -> "Stream":
        self.t = round(self.t + seconds, 6)
        return self

    def become(self, status: ev.Status, cause: str = "") -> "Stream":
        self.add(ev.StatusChanged(t=self.t, status=status, previous=self.status, cause=cause))
        if status in ("CONNECTING", "RECONNECTING"):
            self.attempt = 0
        self.status = status
        return self

    def start_dial(self, server: str, reason: ev.DialReason = "initial") -> "Stream":
        self.dials += 1
        self.attempt += 1
        return self.add(
            ev.DialStart(
                t=self.t,
                dial=self.dials,
                attempt=self.attempt,
                pool_pass=(self.attempt + 1) // 2,
                server=server,
                reason=reason,
                timeout=5.0,
            )
        )

    def stage(self, stage: ev.Stage, seconds: float = 0.001, outcome: ev.StageOutcome = "complete") -> "Stream":
        self.add(ev.DialStage(t=self.t, dial=self.dials, stage=stage, outcome="started"))
        if outcome != "started":
            self.wait(seconds)
            self.add(ev.DialStage(t=self.t, dial=self.dials, stage=stage, outcome=outcome, elapsed=seconds))
        return self

    def end_dial(
        self, outcome: ev.DialOutcome, stage: ev.Stage, cause: str = "", text: str = "", total: float = 0.003
    ) -> "Stream":
        return self.add(
            ev.DialEnd(t=self.t, dial=self.dials, outcome=outcome, stage=stage, cause=cause, text=text, total=total)
        )

    def refused(self, server: str, reason: ev.DialReason = "initial") -> "Stream":
        self.start_dial(server, reason).stage("dns", 0.0002).stage("tcp", 0.0003, "failed")
        return self.end_dial("failed", "tcp", "refused", "[Errno 111] Connect call failed", 0.0005)

    def await_dial(self, server: str, base: float = 2.0, jitter: float = 0.07) -> "Stream":
        delay = base + jitter
        return self.add(
            ev.Waiting(t=self.t, delay=delay, base=base, jitter=jitter, until=self.t + delay, server=server)
        )

    def connect(self, server: str = "east-1:4222", reason: ev.DialReason = "initial", name: str = "east-1") -> "Stream":
        self.start_dial(server, reason)
        for stage, seconds in STAGES:
            self.stage(stage, seconds)
        self.end_dial("connected", "connect", total=sum(seconds for _, seconds in STAGES))
        self.become("CONNECTED")
        return self.add(
            ev.Connected(
                t=self.t,
                server=server,
                address="10.0.0.1:4222",
                server_name=name,
                server_id="NABC",
                version="2.15.0",
                cluster="east",
                cid=11 + self.dials,
                client_ip="10.0.0.9",
                max_payload=1 << 20,
            )
        )

    def run(self, seconds: int, *, outcome: ev.PublishOutcome = "sent") -> "Stream":
        """Whole seconds of one message, one tally and one PING each."""
        for second in range(seconds):
            self.wait(1.0)
            seq = self.count("attempted")
            self.count(outcome)
            self.add(ev.Published(t=self.t, seq=seq, outcome=outcome, size=5, subject="hello"))
            if outcome == "sent":
                slow = 0.0041 if second % 23 == 7 else 0.0002 + 0.00005 * (second % 5)
                self.count("delivered")
                self.add(ev.Echoed(t=self.t, seq=seq, latency=slow))
                self.add(ev.Rtt(t=self.t, seconds=slow))
            self.count("bytes", 5)
            self.add(ev.Tally(t=self.t, **self.totals))
        return self

    def count(self, what: str, by: int = 1) -> int:
        total: int = self.totals.get(what, 0) + by
        self.totals[what] = total
        return total

    def lose(self, cause: str = "eof", text: str = "the server closed the connection") -> "Stream":
        self.outages += 1
        self.add(
            ev.Disconnected(
                t=self.t, outage=self.outages, cause=cause, text=text, server="east-1:4222", manual=cause == "manual"
            )
        )
        return self.become("RECONNECTING", cause)

    def settle(self, began: float, *, dials: int = 2, buffered: int = 2, lost: int = 1) -> "Stream":
        return self.add(
            ev.Outage(
                t=self.t, outage=self.outages, began=began, ended=self.t, cause="eof", detected_after=0.21,
                text="the server closed the connection", before="east-1:4222", after="east-2:4222", dials=dials,
                buffered=buffered, lost=lost,
            )
        )  # fmt: skip


def connected() -> Stream:
    return Stream(name="orders").become("CONNECTING", "initial").connect().run(80)


def dialing() -> Stream:
    """The first connection is wanted; the second server of the pool does not answer."""
    stream = Stream().become("CONNECTING", "initial").refused("east-1:4222")
    stream.start_dial("east-2:4222").stage("dns", 0.0002).stage("tcp", outcome="started")
    return stream.wait(1.24)


def countdown() -> Stream:
    stream = Stream().become("CONNECTING", "initial").refused("east-1:4222").refused("east-2:4222")
    return stream.await_dial("east-1:4222").wait(0.7)


def outage() -> Stream:
    """Connected, lost, back, lost again and waiting."""
    stream = connected()
    first = stream.t
    stream.lose().refused("east-1:4222", "reconnect").await_dial("east-2:4222").run(2, outcome="buffered").wait(0.07)
    stream.connect("east-2:4222", "reconnect", "east-2")
    stream.add(
        ev.Reconnected(
            t=stream.t, outage=1, before="east-1:4222", after="east-2:4222", downtime=stream.t - first, attempts=2
        )
    )
    stream.totals.update(buffered=0, sent=stream.totals["sent"] + 2, lost=1)
    stream.settle(first).run(40).lose("stale", "no PONG for 2 PINGs").refused("east-2:4222", "reconnect")
    return stream.await_dial("east-1:4222").run(1, outcome="buffered").wait(0.4)


def switched() -> Stream:
    """As ``connected``; then, in a connection that was opened in the place of the first, as ``outage``."""
    stream = connected().become("DRAINING", "replaced").become("CLOSED", "closed")
    stream.add(ev.Closed(t=stream.t, cause="closed", text="another connection is opened in its place"))
    second, times = outage(), ("t", "began", "ended", "until")
    for event in second.events[1:]:
        moved = {name: getattr(event, name) + stream.t for name in times if hasattr(event, name)}
        if isinstance(event, ev.Connection):
            moved.update(replaces=0, context="west")
        stream.add(replace(event, conn=1, **moved))
    return stream.wait(second.t)


def cancelled() -> Stream:
    stream = dialing().end_dial("cancelled", "tcp", "cancelled", "", 1.24)
    stream.add(ev.Closed(t=stream.t, cause="cancelled"))
    return stream.become("CLOSED", "cancelled").wait(3.0)


def gave_up() -> Stream:
    stream = Stream().become("CONNECTING", "initial").refused("east-1:4222").refused("east-2:4222")
    stream.add(ev.Closed(t=stream.t, cause="gave_up", text="every server failed 1 time"))
    return stream.become("CLOSED", "gave_up")


def hostile() -> Stream:
    """A server that chose its words to do harm."""
    stream = Stream(servers=[HOSTILE], name=HOSTILE).become("CONNECTING", "initial")
    stream.start_dial(HOSTILE).stage("dns").stage("tcp", 0.001, "failed")
    stream.end_dial("failed", "tcp", "refused", f"[bold]{HOSTILE}\n\x07")
    stream.connect(HOSTILE, name=HOSTILE).run(2)
    stream.add(ev.AsyncError(t=stream.t, text=f"-ERR {HOSTILE}"))
    return stream.lose("[blink]", HOSTILE).refused(HOSTILE, "reconnect").await_dial(HOSTILE)
