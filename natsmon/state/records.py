"""What is kept of one dial, one outage, one connection: filled in as events come."""

import msgspec

from natsmon.stream import events as ev


class StageRecord(msgspec.Struct):
    """One stage of a dial; ``outcome`` is ``started`` while it is under way."""

    stage: ev.Stage
    began: float
    outcome: ev.StageOutcome = "started"
    elapsed: float = 0.0
    cause: str = ""
    text: str = ""


class AddressTry(msgspec.Struct):
    """One address raced in the ``tcp`` stage."""

    address: str
    began: float
    outcome: ev.StageOutcome = "started"
    elapsed: float = 0.0
    cause: str = ""
    text: str = ""


class Dial(msgspec.Struct):
    """One try at one server, from DNS to PONG; ``outcome`` is none while it is under way."""

    id: int
    began: float
    attempt: int = 0
    round: int = 0
    server: str = ""
    why: ev.Why = "initial"
    timeout: float = 0.0
    stages: dict[ev.Stage, StageRecord] = {}
    addresses: list[AddressTry] = []
    tls: ev.DialTls | None = None
    info: ev.DialInfo | None = None
    connect: ev.DialConnect | None = None
    finding: ev.DialFinding | None = None
    outcome: ev.DialOutcome | None = None
    stage_reached: ev.Stage | None = None
    cause: str = ""
    text: str = ""
    total: float = 0.0

    def stage_times(self) -> dict[ev.Stage, float]:
        """Seconds of each stage, in wire order; where only addresses were told of tcp, those of the one that won."""
        won = next((tried.elapsed for tried in self.addresses if tried.outcome == "complete"), None)
        known: dict[ev.Stage, float] = {"tcp": won} if won is not None else {}
        known |= {stage: record.elapsed for stage, record in self.stages.items()}
        return {stage: known[stage] for stage in ev.STAGES if stage in known}

    def elapsed(self, now: float) -> float:
        return self.total if self.outcome else max(0.0, now - self.began)


class OutageRecord(msgspec.Struct):
    """One time CONNECTED ended against the user's will or by a forced reconnect; ``ended`` is none while it lasts."""

    began: float
    cause: str
    text: str = ""
    reason: str = ""
    before: str = ""
    after: str = ""
    ended: float | None = None
    detected_after: float = 0.0
    dials: int = 0
    buffered: int = 0
    rejected: int = 0
    lost: int = 0
    unknown: int = 0
    late: int = 0
    duplicate: int = 0
    servers: int = 0
    lost_seqs: list[tuple[int, int]] = []
    silent_since: float | None = None
    """The last word of the server, where it fell silent before it was given up."""
    subscribed: float | None = None
    """When our subscription was in force again."""
    first_echo: float | None = None
    settled: bool = False
    """True once the ledger of this outage is closed: what was lost is certain."""
    corrected: bool = False
    """True once its ledger was told again with fewer lost: a message called lost has come back."""
    blind: bool = False
    """What became of messages on the connection that was lost could not be known."""

    @property
    def lost_for_certain(self) -> int | None:
        """None while that is open, and where it will never be known."""
        return self.lost if self.settled and (self.lost or not self.blind) else None

    @property
    def noticed_after(self) -> float | None:
        """Seconds from the last proof of life to the loss; none while not known, and where it was asked for."""
        return self.detected_after if self.settled and self.cause != "forced" else None

    def downtime(self, now: float) -> float:
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


class ConnectionRecord(msgspec.Struct):
    """One time CONNECTED, from its beginning to its end; ``ended`` is none while it lasts."""

    began: float
    server: str
    server_name: str = ""
    cid: int = 0
    subscribed: float | None = None
    first_echo: float | None = None
    lame_duck: float | None = None
    """When the server said that it will leave."""
    ended: float | None = None
    cause: str = ""
    """Why it ended; empty while it lasts, and where it was drained."""

    def seconds(self, now: float) -> float:
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of time in one status, dialing or waiting to dial; it lasts until the next one begins."""

    began: float
    status: ev.Status
    forced: bool = False
    waiting: bool = False
    """True between two dials, when nothing is under way but time."""
