"""The facts of a report, without words or drawing. ``natsmon report --format json`` writes them.

All times are in seconds. ``at`` and ``started`` are wall clock, since the epoch; ``began`` and ``ended`` are on the
clock of the session, which is 0 at its start; all others are durations. Within one ``schema``, a field may be
added, but none is renamed or changes its meaning.
"""

import msgspec

from natsmon.state import Stretch
from natsmon.state.availability import Availability
from natsmon.state.histogram import Histogram
from natsmon.state.latency_slices import LatencyPoint
from natsmon.stream import events as ev
from natsmon.text.dates import RunClock

SCHEMA = 1
"""Raised when an older reader would be wrong."""


class Percentiles(msgspec.Struct, frozen=True):
    """How long something took."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Latency(msgspec.Struct, frozen=True):
    """One kind of latency: over the run, its distribution, and over time."""

    run: Percentiles
    histogram: Histogram
    series: tuple[LatencyPoint, ...]


class Failure(msgspec.Struct, frozen=True):
    """Dials of one server that failed the same way."""

    server: str
    stage: ev.Stage | None
    """The stage reached; none when none had begun."""
    cause: str
    count: int
    text: str
    """Of the newest one."""


class Outage(msgspec.Struct, frozen=True):
    """From the loss of a connection to the next CONNECTED. The counts are the probe's own when ``settled``."""

    number: int
    manual: bool
    """A manual reconnect: excluded from count, availability and MTBF."""
    began: float
    at: float
    ended: float | None
    """None when the recording ends first."""
    seconds: float
    cause: str
    text: str
    reason: str
    """The server's close reason, where it is known."""
    before: str
    before_name: str
    """Of the server at that time, as ``after_name``; empty for one without a name of its own."""
    after: str
    after_name: str
    same_server: bool
    """Whether it ended on the server that was lost."""
    detected_after: float
    """From the last data received until the loss was detected."""
    silent: float
    """Silence before the loss; 0 without."""
    subscribed_after: float | None
    """From the end of the outage to the subscription being accepted."""
    first_echo_after: float | None
    """From the end of the outage to the first message delivered."""
    dials: int
    servers: int
    failures: tuple[Failure, ...]
    buffered: int
    rejected: int
    lost: int
    lost_known: bool
    """False when it is not in the recording, or delivery was not verified."""
    unverified: int
    late: int
    duplicate: int
    lost_seqs: tuple[tuple[int, int], ...]
    settled: bool


class Messages(msgspec.Struct, frozen=True):
    """Totals.

    attempted = sent + buffered + rejected; sent = delivered + in_flight + undelivered + lost + unverified.
    """

    attempted: int
    sent: int
    buffered: int
    rejected: int
    delivered: int
    in_flight: int
    undelivered: int
    lost: int
    unverified: int
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
    """Names in its INFO; several when several servers share its address."""
    versions: tuple[str, ...]
    """In order, each where it changed; the newest last."""
    connections: int
    seconds: float
    """Connected to it."""
    dials: int
    connected: int
    """Dials that connected."""
    failed: int
    """Failed or timed out; the others were cancelled, or in progress at the end."""
    total: Percentiles | None
    """Whole dials that connected."""
    stages: tuple[Stage, ...]
    """In wire order."""


class Run(msgspec.Struct, frozen=True):
    """One connection of one session of a recording."""

    file: str
    number: int
    """Of the session in its file, from 1."""
    conn: int
    label: str
    """Distinguishes it from the other runs of the report."""
    id: str
    """Of the session."""
    name: str
    names: dict[str, str]
    """Of servers, by address."""
    started: float
    """Wall clock; 0 when unknown."""
    clock_steps: tuple[tuple[float, float], ...]
    """When the wall clock moved against that of the session, and how far ahead of ``started`` it was from then on."""
    began: float
    """When the connection was opened."""
    seconds: float
    """Until the last event read, from the beginning of the session."""
    missing: float | None
    """Seconds at the beginning of which nothing is known; none when events or a snapshot cover them."""
    events: int
    versions: dict[str, str]
    targets: tuple[str, ...]
    """The servers it was given."""
    subject: str
    interval: float
    verification: ev.Verification
    observing: bool
    settings: dict[str, tuple[str, str]]
    """Value and origin of each setting."""
    replaced_by: int | None
    """The connection that was opened in its place."""
    finished: bool
    """The end of its session was read."""
    exit_code: int | None
    """Of its session."""
    end_reason: str
    closed: str
    """Why the connection was closed; empty when it was not."""
    health: str
    """At the end, as a headline."""
    availability: Availability
    messages: Messages
    unverified: str
    """Why delivery was not verified, in the whole run or a part of it; empty when it always was."""
    audit: ev.Audit | None
    observed: ev.Observed | None
    reconnects: int
    echo: Latency | None
    """Publish to echo, or to acknowledgement."""
    ping: Latency | None
    """PING to PONG."""
    outages: tuple[Outage, ...]
    """Manual reconnects included."""
    servers: tuple[Server, ...]
    """Longest used first."""
    failures: tuple[Failure, ...]
    """Most frequent first."""
    dials: int
    """All of them; ``servers`` may have fewer when a recording begins in the middle of the session."""
    dialing: bool
    """A dial was in progress at the end."""
    timeline: tuple[Stretch, ...]
    silences: tuple[tuple[float, float], ...]
    """From the last answer of a server to its next one, or to the loss."""
    without_delivery: float
    """Seconds CONNECTED in which messages were due and none was delivered."""
    lame_ducks: tuple[tuple[float, str], ...]
    """When a server sent a lame duck notice."""
    errors: tuple[tuple[str, int], ...]
    """Errors that left the connection open, and how often each was received; most frequent first."""
    dropped: int
    """Lines that the writer dropped, because its reader did not keep up."""
    left_out: tuple[str, ...]
    """What is not in this report, because the recording or the report does not hold it."""

    @property
    def watched(self) -> float:
        """Seconds of which something is known."""
        return max(0.0, self.seconds - max(self.began, self.missing or 0.0))

    @property
    def clock(self) -> RunClock:
        return RunClock(self.started, self.seconds, self.began, self.clock_steps)


class Unread(msgspec.Struct, frozen=True):
    """A part of a file that was not read, and why."""

    file: str
    what: str


class Row(msgspec.Struct, frozen=True):
    """One figure of every run, compared with that of the first."""

    name: str
    unit: str
    """``s``, ``share``, ``count``, ``at``, ``name`` or ``text``."""
    values: tuple[float | int | str | None, ...]
    marks: tuple[str, ...]
    """``better``, ``worse``, ``differs`` or empty, against the first."""


class Comparison(msgspec.Struct, frozen=True):
    """Several runs side by side."""

    overlapping: bool
    """They ran, at least in part, at the same time."""
    rows: tuple[Row, ...]


class Report(msgspec.Struct, frozen=True):
    """Everything that the formats show."""

    runs: tuple[Run, ...]
    comparison: Comparison | None
    """None with one run."""
    unread: tuple[Unread, ...]
    natsmon: str
    """The version that wrote the report."""
    schema: int = SCHEMA
