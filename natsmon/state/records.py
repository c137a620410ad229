"""Records of one dial, one outage, one period CONNECTED; events fill them in."""

import msgspec

from natsmon.stream import events as ev


def address(server: str) -> str:
    """A URL without the scheme that nearly all servers have."""
    return server.removeprefix("nats://")


class DialPart(msgspec.Struct, gc=False):
    """A stage of a dial, or one address of its ``tcp`` stage; ``outcome`` is ``started`` while it is under way."""

    name: str
    """The stage, or the address."""
    began: ev.Seconds
    outcome: ev.StageOutcome = "started"
    elapsed: ev.Seconds = 0.0
    cause: str = ""
    text: str = ""


class Dial(msgspec.Struct, gc=False):
    """One attempt to connect to one server, from DNS to PONG; ``outcome`` is none while it is in progress."""

    id: ev.Count
    began: ev.Seconds
    attempt: ev.Count = 0
    pool_pass: ev.Count = 0
    server: str = ""
    name: str = ""
    """Of the server, from its INFO; empty without one."""
    reason: ev.DialReason = "initial"
    discovered: bool = False
    timeout: ev.Seconds = 0.0
    stages: dict[ev.Stage, DialPart] = {}
    addresses: list[DialPart] = []
    """Those dialed in the ``tcp`` stage."""
    tls: ev.DialTls | None = None
    info: ev.DialInfo | None = None
    connect: ev.DialConnect | None = None
    details: ev.Count = 0
    """Bytes of the three events above."""
    finding: ev.DialFinding | None = None
    """What a second look at the peer found."""
    found_cause: str = ""
    """The cause by that look, which is made once for dials that fail alike."""
    outcome: ev.DialOutcome | None = None
    stage_reached: ev.Stage | None = None
    cause: str = ""
    text: str = ""
    total: ev.Seconds = 0.0

    @property
    def failed(self) -> bool:
        """Whether it ended without a connection, and was not cancelled."""
        return self.outcome in ("failed", "timeout")

    @property
    def known_cause(self) -> str:
        """The cause, more precise where a second look found one."""
        return self.found_cause or self.cause

    @property
    def parts(self) -> list[DialPart]:
        """Its stages and addresses."""
        return [*self.stages.values(), *self.addresses]

    def stage_times(self) -> dict[ev.Stage, float]:
        """Seconds of each stage, in wire order; for ``tcp``, else, those of the address that won."""
        won = next((tried.elapsed for tried in self.addresses if tried.outcome == "complete"), None)
        known: dict[ev.Stage, float] = {"tcp": won} if won is not None else {}
        known |= {stage: record.elapsed for stage, record in self.stages.items()}
        return {stage: known[stage] for stage in ev.STAGES if stage in known}

    def elapsed(self, now: float) -> float:
        return self.total if self.outcome else max(0.0, now - self.began)


OUTAGE_COSTS = ("lost", "rejected", "buffered", "duplicate", "late", "unverified")
"""The kinds of messages that an outage is charged with, as fields of its record."""


class OutageRecord(msgspec.Struct, gc=False):
    """The time from the loss of a connection to the next CONNECTED; ``ended`` is none while it lasts."""

    id: ev.Count
    """From 1 in its connection."""
    began: ev.Seconds
    cause: str = ""
    text: str = ""
    reason: str = ""
    """The server's close reason, where it is known."""
    found_cause: str = ""
    """The cause by that reason, where the client saw none."""
    before: str = ""
    before_name: str = ""
    """Of the server at that time, as ``after_name``; empty for one without a name of its own."""
    after: str = ""
    after_name: str = ""
    ended: ev.Seconds | None = None
    manual: bool = False
    """A manual reconnect, no dial of which has failed: excluded from counts, availability and MTBF."""
    detected_after: ev.Seconds = 0.0
    dials: ev.Count = 0
    buffered: ev.Count = 0
    rejected: ev.Count = 0
    lost: ev.Count = 0
    unverified: ev.Count = 0
    late: ev.Count = 0
    duplicate: ev.Count = 0
    servers: ev.Count = 0
    lost_seqs: ev.Counts = []
    silent_since: ev.Seconds | None = None
    """The last answer of the server, when it was silent before the loss."""
    subscribed: ev.Seconds | None = None
    """When the subscription was accepted again."""
    first_echo: ev.Seconds | None = None
    settled: bool = False
    """True once its cost is certain."""
    corrected: bool = False
    """True once its cost was emitted again with fewer lost."""
    verifiable: bool = True
    """Whether delivery was verified on the connection that was lost; not where only others publish."""

    @property
    def known_cause(self) -> str:
        """The cause, more precise where the server gave a reason."""
        return self.found_cause or self.cause

    @property
    def lost_if_known(self) -> int | None:
        """Messages lost; none while that is open, and when delivery was not verified."""
        return self.lost if self.settled and (self.lost or self.verifiable) else None

    @property
    def detected_after_if_known(self) -> float | None:
        """Seconds from the last data received to the loss; none while unknown, and for a manual reconnect."""
        return self.detected_after if self.settled and self.cause != "manual" else None

    @property
    def same_server(self) -> bool:
        """Whether it ended on the server that was lost: a load balancer has several on one address."""
        return (self.before, self.before_name) == (self.after, self.after_name)

    def downtime(self, now: float) -> float:
        """Seconds it lasted, or has lasted until ``now``."""
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


class ConnectedPeriod(msgspec.Struct, gc=False):
    """One time CONNECTED, from its beginning to its end; ``ended`` is none while it lasts."""

    began: ev.Seconds
    server: str
    server_name: str = ""
    """Empty for a server without a name of its own."""
    cluster: str = ""
    version: str = ""
    outage: ev.Count = 0
    """The outage that it ended; 0 after the initial connect."""
    subscribed: ev.Seconds | None = None
    first_echo: ev.Seconds | None = None
    lame_duck: ev.Seconds | None = None
    """When the server sent a lame duck notice."""
    ended: ev.Seconds | None = None
    cause: str = ""
    """Why it ended; empty while it lasts, and when it was drained."""

    def seconds(self, now: float) -> float:
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time in one status, dialing or waiting to dial; it lasts until the next one begins."""

    began: ev.Seconds
    status: ev.Status
    manual: bool = False
    """Part of a manual reconnect."""
    waiting: bool = False
    """Between two dials."""
    silent: bool = False
    """CONNECTED, without an answer that was due."""
