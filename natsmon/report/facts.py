"""What a report knows: plain facts, no words and no drawing. As JSON they are ``natsmon report --format json``.

All times are seconds. Those called ``at`` or ``started`` are on the wall clock, since the epoch; ``began`` and
``ended`` are on the clock of their session, which is at 0 when it begins; all others are durations. Names are
stable: a field may be added, none changes its meaning while ``schema`` stays.
"""

import msgspec

from natsmon.stream import events as ev

SCHEMA = 1
"""Raised only when an old reader would go wrong."""


class Percentiles(msgspec.Struct, frozen=True):
    """How long something took."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Point(msgspec.Struct, frozen=True):
    """The samples of one slice of time; slices without any are left out."""

    began: float
    seconds: float
    """How long the slice is; the same in all of a series."""
    count: int
    p50: float
    p99: float
    max: float


class Latency(msgspec.Struct, frozen=True):
    """One kind of latency: over the run, over time, and how it is spread."""

    run: Percentiles
    series: tuple[Point, ...]
    spread: tuple[tuple[float, int], ...]
    """(longest of the bucket, how many), shortest first."""


class Stretch(msgspec.Struct, frozen=True):
    """A time in one status, from ``began`` to ``ended``."""

    began: float
    ended: float
    status: ev.Status
    waiting: bool
    """Between two dials, when nothing is under way but time."""


class Failure(msgspec.Struct, frozen=True):
    """Dials of one server that failed the same way."""

    server: str
    stage: ev.Stage | None
    """The stage reached; none when it had not begun."""
    cause: str
    count: int
    text: str
    """The words of the last one."""


class Outage(msgspec.Struct, frozen=True):
    """One time without a connection that was wanted. The counts are the probe's own ledger where it is ``settled``."""

    number: int
    began: float
    at: float
    ended: float | None
    """None where the recording ends first."""
    seconds: float
    cause: str
    text: str
    reason: str
    """The server's own word for why it closed the connection, where it is known."""
    before: str
    after: str
    detected_after: float
    """Seconds from the last proof of life to the loss being noticed."""
    silent: float
    """Seconds of silence that had been told before the loss; 0 where none was."""
    subscribed_after: float | None
    """Seconds from the end of the outage to our subscription being in force again."""
    first_echo_after: float | None
    """Seconds from the end of the outage to the first message that came back."""
    dials: int
    servers: int
    failures: tuple[Failure, ...]
    buffered: int
    rejected: int
    lost: int
    lost_known: bool
    """False where it is not told, or nobody could hear what became of messages."""
    unverified: int
    late: int
    duplicate: int
    lost_seqs: tuple[tuple[int, int], ...]
    settled: bool


class Availability(msgspec.Struct, frozen=True):
    """Time with a connection over time that should have had one, from the first CONNECTED on."""

    share: float | None
    """0 to 1; none where there never was a connection, or the beginning is missing."""
    up: float
    down: float
    unnoticed: float
    """Of the time up: without a sign of life, right before a loss was noticed."""
    outages: int
    manual: int
    """Of the outages, those that somebody asked for."""
    longest: float | None
    between: float | None
    """Mean time between failures: the time up, over the number of outages."""
    to_recover: float | None
    """Mean time to recover, of the outages that ended in a connection."""


class Messages(msgspec.Struct, frozen=True):
    """The ledger: attempted = sent + buffered + rejected, and sent = echoed + in_flight + lost."""

    attempted: int
    sent: int
    buffered: int
    rejected: int
    delivered: int
    in_flight: int
    lost: int
    late: int
    duplicate: int
    out_of_order: int
    bytes: int
    resent: int
    suppressed: int


class Stage(msgspec.Struct, frozen=True):
    """One stage of the dials of a server that connected."""

    stage: ev.Stage
    took: Percentiles
    mean: float


class Server(msgspec.Struct, frozen=True):
    """One server that was dialed or used."""

    server: str
    names: tuple[str, ...]
    """What it called itself; more than one where others stand behind its address."""
    versions: tuple[str, ...]
    connections: int
    seconds: float
    """Time on it."""
    dials: int
    connected: int
    """Dials that ended in a connection."""
    failed: int
    """Failed or timed out; the rest were cancelled, or under way at the end."""
    total: Percentiles | None
    """Whole dials that connected."""
    stages: tuple[Stage, ...]
    """In the order of the wire."""


class Run(msgspec.Struct, frozen=True):
    """One session of one recording."""

    file: str
    number: int
    """Of the session within its file, from 1."""
    label: str
    """What tells it from the others of the report."""
    id: str
    name: str
    started: float
    """Wall clock; 0 where the beginning is not in the recording."""
    seconds: float
    """To the last event read."""
    missing: float | None
    """Seconds at the beginning of which nothing is known; none where all is told, by events or by a snapshot."""
    events: int
    versions: dict[str, str]
    targets: tuple[str, ...]
    """The servers it was asked to dial."""
    subject: str
    interval: float
    verification: ev.Verification
    observing: bool
    settings: dict[str, tuple[str, str]]
    finished: bool
    """Whether its end was read."""
    exit_code: int | None
    why: str
    closed: str
    """Why the connection was closed for good; empty where it was not."""
    status: ev.Status
    """At the end."""
    availability: Availability
    messages: Messages
    blind: str
    """Why fates of messages are not known, all of them or those of a part of the run; empty where they are."""
    read_back: ev.Audit | None
    observed: ev.Observed | None
    reconnects: int
    echo: Latency | None
    """Publish to echo, or to acknowledgement."""
    ping: Latency | None
    """PING to PONG."""
    outages: tuple[Outage, ...]
    servers: tuple[Server, ...]
    """Longest used first."""
    failures: tuple[Failure, ...]
    """Most frequent first."""
    dials: int
    """All of them; those of ``servers`` may be fewer where a recording begins in the middle of the session."""
    dialing: bool
    """Whether one was under way at the end."""
    timeline: tuple[Stretch, ...]
    silences: tuple[tuple[float, float], ...]
    """From the last word of a server that owed an answer to its next one, or to the loss."""
    lame_ducks: tuple[tuple[float, str], ...]
    errors: tuple[tuple[str, int], ...]
    """Errors of the connection that did not end it, and how often each came; most frequent first."""
    gaps: int
    """Events the writer left out, because its reader did not keep up."""
    left_out: tuple[str, ...]
    """What there was more of than is kept here."""

    @property
    def watched(self) -> float:
        """Seconds of which something is known."""
        return max(0.0, self.seconds - (self.missing or 0.0))


class Unread(msgspec.Struct, frozen=True):
    """What of a file was not read, and why."""

    file: str
    what: str


class Row(msgspec.Struct, frozen=True):
    """One figure of every run, beside that of the first."""

    name: str
    unit: str
    """``s``, ``share``, ``count``, ``at``, ``name`` or ``text``."""
    values: tuple[float | int | str | None, ...]
    marks: tuple[str, ...]
    """``better``, ``worse``, ``differs`` or nothing, against the first."""


class Comparison(msgspec.Struct, frozen=True):
    overlapping: bool
    """Whether they ran, at least in part, at the same time."""
    rows: tuple[Row, ...]


class Report(msgspec.Struct, frozen=True):
    runs: tuple[Run, ...]
    comparison: Comparison | None
    """None with one run."""
    unread: tuple[Unread, ...]
    natsmon: str
    """The version that wrote the report."""
    schema: int = SCHEMA
