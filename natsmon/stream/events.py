"""Events: what a probe emits, one tagged struct for each kind.

An event is one JSON object on a line, ``type`` first. Every line stands alone: a reader skips types and fields that it
does not know.

``t`` is the time in seconds since the session began, on a monotonic clock. ``Clock`` gives the wall clock at a time
of the stream. ``conn`` is the connection, from 0, and is omitted when it is 0. Session events carry no ``conn``.
"""

import re
from typing import Annotated, Any, Literal

import msgspec

from natsmon.dial.causes import STAGES as STAGES
from natsmon.dial.causes import Stage as Stage
from natsmon.text.units import LARGEST, LONGEST

SCHEMA = 1
"""Raised when a change would make an older reader wrong."""

Status = Literal["DISCONNECTED", "CONNECTING", "CONNECTED", "RECONNECTING", "DRAINING", "CLOSED"]
"""The status of a connection, in nats.go's words."""
StageOutcome = Literal["started", "complete", "failed", "cancelled"]
DialOutcome = Literal["connected", "failed", "cancelled", "timeout"]
DialReason = Literal["initial", "reconnect", "manual"]
PublishOutcome = Literal["sent", "buffered", "rejected"]
Verification = Literal["echo", "ack", "none"]
"""How delivery is verified: by an echo, by a stream's acknowledgement, or not at all."""
LatencyKind = Literal["echo", "rtt"]
Seconds = Annotated[float, msgspec.Meta(gt=-LONGEST, lt=LONGEST)]
"""Bounded where it is decoded, so that every number of a foreign stream can be shown."""
Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
Limit = Annotated[int, msgspec.Meta(ge=-1, le=LARGEST)]
"""A count, or -1 for no limit."""
Counts = list[tuple[Count, Count]]
"""Latency samples: pairs of bucket (microseconds, see ``latency_buckets``) and count."""


def tag_of(name: str) -> str:
    """The ``type`` of a struct: its name in snake case."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=tag_of, gc=False):
    """Base of all events; the emitter stamps ``t`` and ``conn``."""

    t: Seconds = 0.0
    conn: Count = 0


class SessionEvent(Event, frozen=True, kw_only=True):
    """Base of the events that belong to the session and to no connection."""


# -- the session ----------------------------------------------------------------------------------------


class Session(SessionEvent, frozen=True, kw_only=True):
    """First line of a stream: one probe process begins."""

    id: str
    """128 random bits, in hexadecimal."""
    started: Seconds
    """Wall clock at ``t`` 0, seconds since the epoch."""
    schema: Count = SCHEMA
    versions: dict[str, str] = {}


class Clock(SessionEvent, frozen=True, kw_only=True):
    """Wall clock at ``t``, emitted when it has drifted by more than half a second from the last one."""

    wall: Seconds
    """Seconds since the epoch."""
    suspended: Seconds = 0.0
    """Seconds that the machine was suspended since the last one; 0 when the clock was set."""


class Alive(SessionEvent, frozen=True, kw_only=True):
    """The probe's event loop runs; emitted when nothing else was for a second."""


class Note(SessionEvent, frozen=True, kw_only=True):
    """A line of a view's own: that the monitor stopped, that recording stopped.

    ``t`` is the view's clock, which may be ahead of the events that follow.
    """

    text: str
    kind: Literal["good", "bad", "warn", "info", "dim"] = "info"


class End(SessionEvent, frozen=True, kw_only=True):
    """Last line of a stream that ended normally."""

    exit_code: Count
    reason: str = ""


class Gap(Event, frozen=True, kw_only=True):
    """Lines dropped because a reader did not keep up, by kind.

    Latency samples of dropped lines are not lost: they are merged into ``Latencies``.
    """

    dropped: dict[str, Count] = {}


class Answer(Event, frozen=True, kw_only=True):
    """The answer to a command, one from each connection that it was for; of the first one, where it was for none."""

    id: str = ""
    """The command's, as its sender chose it."""
    command: str = ""
    outcome: Literal["done", "ignored"] = "done"
    reason: str = ""
    """Why it was ignored."""


# -- one connection -------------------------------------------------------------------------------------


class Connection(Event, frozen=True, kw_only=True):
    """First event of a connection: what it connects to and how."""

    replaces: Count | None = None
    """The connection, closed for good, in whose place this one was opened."""
    name: str = ""
    context: str = ""
    servers: list[str] = []
    subject: str = ""
    size: Count = 0
    """Bytes of payload in each message published."""
    interval: Seconds = 0.0
    """Seconds between two messages; 0 is as fast as they are delivered."""
    verification: Verification = "echo"
    stream: str = ""
    """The JetStream stream that acknowledges, with ``verification`` ``ack``."""
    observing: bool = False
    """Nothing is published: messages of other publishers on ``subject`` are counted."""
    max_reconnects: Limit = -1
    """Failed attempts a server may have; -1 for no limit."""
    settings: dict[str, tuple[str, str]] = {}
    """Every effective setting: its value as text, secrets masked, and its origin."""


class StatusChanged(Event, frozen=True, kw_only=True, tag="status"):
    """The connection's status changed."""

    status: Status
    previous: Status
    cause: str = ""


class DialStart(Event, frozen=True, kw_only=True):
    """A dial begins: one attempt to connect to one server."""

    dial: Count
    """Counts from 1 in its connection."""
    attempt: Count
    """Counts from 1 since the start, or since the loss."""
    pool_pass: Count = 1
    """The pass over the server pool, from 1."""
    server: str
    reason: DialReason
    discovered: bool = False
    """The server was advertised by another one, not given by the user."""
    timeout: Seconds = 0.0
    """Seconds this attempt may take, over all its stages."""
    proxy: str = ""
    """The proxy that the dial goes through, user and password masked."""


class DialStage(Event, frozen=True, kw_only=True):
    """A stage of a dial, or one address of its ``tcp`` stage, began or ended."""

    dial: Count
    stage: Stage
    outcome: StageOutcome
    address: str = ""
    """The address dialed, in ``tcp``; the addresses found, joined by a comma, in ``dns``."""
    elapsed: Seconds = 0.0
    """Seconds in this stage; 0 when it has just started."""
    cause: str = ""
    text: str = ""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One certificate of a chain; dates are seconds since the epoch."""

    subject: str = ""
    issuer: str = ""
    names: list[str] = []
    not_before: Seconds = 0.0
    not_after: Seconds = 0.0


class DialTls(Event, frozen=True, kw_only=True):
    """The result of a dial's TLS handshake, or the certificates of a server that was refused."""

    dial: Count
    version: str = ""
    cipher: str = ""
    server_name: str = ""
    """The name the certificate was checked for."""
    chain: list[Certificate] = []
    """The server's own certificate first."""
    trusted: bool = True


class DialInfo(Event, frozen=True, kw_only=True):
    """INFO as the server sent it in a dial, long lists cut."""

    dial: Count
    info: dict[str, Any] = {}
    omitted: dict[str, Count] = {}
    """Entries left out, by field."""


class DialConnect(Event, frozen=True, kw_only=True):
    """CONNECT as it was sent in a dial, secrets masked."""

    dial: Count
    connect: dict[str, Any] = {}
    credentials: str = ""
    """Which were used, and where each came from."""
    expires: Seconds = 0.0
    """When they expire, seconds since the epoch; 0 when unknown."""
    issued: Seconds = 0.0
    """When they were issued, as ``expires``."""


class DialEnd(Event, frozen=True, kw_only=True):
    """A dial ended."""

    dial: Count
    outcome: DialOutcome
    stage: Stage | None = None
    """The stage reached; none when no stage had begun."""
    cause: str = ""
    text: str = ""
    total: Seconds = 0.0
    """Seconds."""
    stages: dict[str, Seconds] = {}
    """Seconds of each stage."""
    server: str = ""


class DialFinding(Event, frozen=True, kw_only=True):
    """Result of a second look at the peer of a failed dial: a new connection that sends no secret."""

    dial: Count
    cause: str
    text: str = ""


class Waiting(Event, frozen=True, kw_only=True):
    """The wait before the next dial began: ``delay`` = ``base`` + ``jitter`` seconds, over at ``until``."""

    delay: Seconds
    base: Seconds
    jitter: Seconds
    until: Seconds
    """As ``t``."""
    server: str
    """The one that is dialed next."""


class Connected(Event, frozen=True, kw_only=True):
    """PONG arrived: the connection is established."""

    server: str
    address: str = ""
    server_name: str = ""
    server_id: str = ""
    version: str = ""
    cluster: str = ""
    cid: Count = 0
    client_ip: str = ""
    account: str = ""
    tls: str = ""
    """TLS version, empty without TLS."""
    max_payload: Count = 0


class Account(Event, frozen=True, kw_only=True):
    """The account of the connection, from the INFO after PONG (nats-server 2.12 and later)."""

    account: str
    system: bool = False
    client_ip: str = ""
    """Our address as the server sees it; a proxy may have changed it."""


class Subscribed(Event, frozen=True, kw_only=True):
    """The server accepted our subscription: messages published from now on come back."""

    subject: str


class FirstEcho(Event, frozen=True, kw_only=True):
    """The first message delivered on this connection."""

    seq: Count
    latency: Seconds = 0.0
    """Seconds."""


class Verified(Event, frozen=True, kw_only=True):
    """Delivery can be verified again: the server accepts the subscription that it had refused."""


class Unverified(Event, frozen=True, kw_only=True):
    """Delivery cannot be verified from here on, until ``Verified``, or the end of this connection to the server.

    With ``Connection.verification`` ``none``: until the session ends.
    """

    reason: str


class Keepalive(Event, frozen=True, kw_only=True):
    """The keepalive's state, emitted when it changes: without a PONG the connection is stale at ``stale_at``."""

    interval: Seconds
    """Seconds between two PINGs."""
    max_out: Count
    outstanding: Count = 0
    stale_at: Seconds = 0.0
    """As ``t``."""


class Silent(Event, frozen=True, kw_only=True):
    """An answer is due and has not arrived."""

    since: Seconds
    """As ``t``: the last answer from the server."""
    missed: Count = 0
    """Messages in flight that are due."""
    server: str = ""


class SilenceEnded(Event, frozen=True, kw_only=True):
    """The server answers again."""

    seconds: Seconds


class Identity(Event, frozen=True, kw_only=True):
    """User, account and permissions, as the server returned them (``$SYS.REQ.USER.INFO``).

    An empty list allows everything.
    """

    user: str = ""
    account: str = ""
    publish_allow: list[str] = []
    publish_deny: list[str] = []
    subscribe_allow: list[str] = []
    subscribe_deny: list[str] = []
    omitted: dict[str, Count] = {}
    """Entries left out, by list."""
    expires: Seconds = 0.0
    """When the credentials expire, seconds since the epoch; 0 for never."""
    clock_ahead: Seconds = 0.0
    """The server's clock minus this machine's; 0 when unknown."""


class Disconnected(Event, frozen=True, kw_only=True):
    """The connection was lost, or a manual reconnect begins: of one that is CONNECTED, or CLOSED."""

    outage: Count
    """Counts from 1 in its connection."""
    cause: str
    text: str = ""
    server: str = ""
    reason: str = ""
    """The server's own close reason, where it is known."""
    manual: bool = False


class Reconnected(Event, frozen=True, kw_only=True):
    """Connected again after a loss."""

    outage: Count
    before: str
    """The server before the loss."""
    after: str
    downtime: Seconds
    """Seconds."""
    attempts: Count


class Published(Event, frozen=True, kw_only=True):
    """One message was published; emitted singly below 50 messages a second."""

    seq: Count
    outcome: PublishOutcome = "sent"
    size: Count = 0
    """Bytes of payload; 0 for ``Connection.size``."""
    subject: str = ""
    """Empty for ``Connection.subject``."""
    reason: str = ""
    """Rejected because the buffer was ``full``, or because the server would refuse it (``refused``)."""


class Echoed(Event, frozen=True, kw_only=True):
    """One message was delivered; emitted singly below 50 messages a second."""

    seq: Count
    latency: Seconds
    """Seconds."""


class Tally(Event, frozen=True, kw_only=True):
    """Totals of the connection's messages, at most ten times a second.

    attempted = sent + buffered + rejected; sent = delivered + in_flight + undelivered + lost + unverified.
    """

    attempted: Count = 0
    sent: Count = 0
    buffered: Count = 0
    rejected: Count = 0
    delivered: Count = 0
    in_flight: Count = 0
    undelivered: Count = 0
    lost: Count = 0
    unverified: Count = 0
    """Sent while natsmon could not listen, or in flight when it closed the connection."""
    late: Count = 0
    duplicate: Count = 0
    out_of_order: Count = 0
    bytes: Count = 0
    """Payload bytes sent."""
    buffered_bytes: Count = 0
    resent: Count = 0
    """Sent again after a reconnect, because they were not acknowledged."""
    suppressed: Count = 0
    """Second copies that the stream recognised and did not store."""


class Latencies(Event, frozen=True, kw_only=True):
    """Latency samples since the last such event. Deltas: they are merged, never replaced."""

    kind: LatencyKind
    counts: Counts = []
    longest: Seconds = 0.0
    """The longest sample, exact, in seconds."""


class Rtt(Event, frozen=True, kw_only=True):
    """One PING to PONG round trip."""

    seconds: Seconds
    omitted: Count = 0
    """PINGs due after this one that were not sent, because too many had no answer.

    Each counts from when it was due: ``seconds`` minus one, two, … times ``interval``.
    """
    interval: Seconds = 0.0
    """Seconds between two PINGs, where some were omitted."""


class Outage(Event, frozen=True, kw_only=True):
    """The cost of one outage. Emitted again when a message counted as lost was delivered after all."""

    outage: Count
    began: Seconds
    """As ``t``: the loss."""
    ended: Seconds
    cause: str
    text: str = ""
    before: str = ""
    after: str = ""
    manual: bool = False
    detected_after: Seconds = 0.0
    """Seconds from the last data received until the loss was detected."""
    dials: Count = 0
    buffered: Count = 0
    rejected: Count = 0
    lost: Count = 0
    unverified: Count = 0
    """In flight at the loss, and natsmon cannot determine whether they were delivered."""
    late: Count = 0
    """In flight at the loss, and delivered all the same."""
    duplicate: Count = 0
    servers: Count = 0
    """Different servers dialed."""
    lost_seqs: list[tuple[Count, Count]] = []
    """First and last of each run of lost messages; at most the first 100 runs."""


class Audit(Event, frozen=True, kw_only=True):
    """Result of reading the stream back at the end: every acknowledged message should be stored once."""

    stream: str
    acknowledged: Count = 0
    stored: Count | None = None
    """Acknowledged messages found in the stream; none when it could not be read."""
    missing: Count = 0
    twice: Count = 0
    complete: bool = True
    """False when it could not be read to its end."""
    text: str = ""


class Observed(Event, frozen=True, kw_only=True):
    """Totals of the observed messages, at most ten times a second."""

    messages: Count = 0
    bytes: Count = 0
    publishers: Count = 0
    """Sequences of numbered messages seen."""
    missing: Count = 0
    """Numbers left out within the sequences."""
    duplicate: Count = 0
    out_of_order: Count = 0
    refused: str = ""
    """The server's error, once it has refused the subscription of this connection."""


class CloseReason(Event, frozen=True, kw_only=True):
    """Why a connection that was lost had been closed: the server's reason, or an idle limit that losses show."""

    outage: Count
    reason: str
    cause: str = ""
    cid: Count = 0
    server: str = ""
    stop: Seconds = 0.0
    """When the server closed it, by the server's clock, seconds since the epoch."""
    source: str = ""


class PoolMember(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One server of the pool."""

    server: str
    discovered: bool = False
    failures: Count = 0
    """Failed attempts since it, or another server, last was CONNECTED."""
    attempts_left: Count | None = None
    """None when there is no limit."""
    lame_duck: bool = False


class Pool(Event, frozen=True, kw_only=True):
    """Changes of the server pool since the last such event. The first one lists every member."""

    changed: list[PoolMember] = []
    """Members that are new or different."""
    removed: list[str] = []
    size: Count = 0
    """Servers in the pool, with the discovered ones that are too many to be kept."""


class Discovered(Event, frozen=True, kw_only=True):
    """Servers advertised by a server (``connect_urls``) that were not known before."""

    servers: list[str]
    omitted: Count = 0
    """Servers that are left out of the list."""


class LameDuck(Event, frozen=True, kw_only=True):
    """The server announced that it will shut down."""

    server: str


class AsyncError(Event, frozen=True, kw_only=True):
    """An ``-ERR`` that left the connection open, or a refusal natsmon foresees."""

    text: str


class SettingFailed(Event, frozen=True, kw_only=True):
    """A setting does not work; emitted once."""

    setting: str
    """Its flag, without the dashes."""
    text: str


class Paused(Event, frozen=True, kw_only=True):
    """Publishing is paused."""


class Resumed(Event, frozen=True, kw_only=True):
    """Publishing goes on."""


class Drained(Event, frozen=True, kw_only=True):
    """The connection was drained."""

    complete: bool = True
    """False when the drain timeout was reached."""
    seconds: Seconds = 0.0


class Closed(Event, frozen=True, kw_only=True):
    """The connection is closed: no dial follows unless a command asks for one."""

    cause: str
    text: str = ""


# -- in recordings ----------------------------------------------------------------------------------------


class Part(SessionEvent, frozen=True, kw_only=True):
    """First line of each file of a recording."""

    recording: str
    """128 random bits, in hexadecimal; the same in every part."""
    number: Count = 1
    """Counts from 1 in its recording."""
    repeated: Count = 0
    """Lines that follow and repeat what the parts before contain: a snapshot."""


class LogLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line of the narrated log."""

    at: Seconds
    """Wall clock, seconds since the epoch."""
    text: str
    kind: str = "info"
    message: bool = False
    """About one single message."""


class Snapshot(Event, frozen=True, kw_only=True):
    """One section of what was known at ``t``, where a recording begins in the middle of a session.

    A snapshot is several lines, a section each, and a ``snapshot_end``.
    """

    section: str
    """An attribute of ``State``, ``log``, or ``session``; a reader skips those it does not know."""
    value: Any = None
    """What the section holds; of a list, a part of it: parts follow each other."""


class SnapshotEnd(Event, frozen=True, kw_only=True):
    """The snapshot of one connection is complete."""


AnyEvent = (
    Session | Clock | Alive | Note | End | Gap | Answer | Connection | StatusChanged | DialStart | DialStage |
    DialTls | DialInfo | DialConnect | DialEnd | DialFinding | Waiting | Connected | Account | Subscribed |
    FirstEcho | Unverified | Verified | Keepalive | Silent | SilenceEnded | Identity | Disconnected | Reconnected |
    Published | Echoed | Tally | Latencies | Rtt | Outage | CloseReason | Audit | Observed | Pool | Discovered |
    LameDuck | AsyncError | SettingFailed | Paused | Resumed | Drained | Closed | Part | Snapshot | SnapshotEnd
)  # fmt: skip
