"""The vocabulary: every event a probe tells, every command it takes, and their line codec.

One tagged struct each, one JSON object a line, ``type`` first. A stream of these lines is what a probe
writes, what a view folds, and what a recording holds.

``t`` is seconds since the session began, on the monotonic clock; ``Session.started`` is the wall clock of
that moment, so a wall time is ``started + t`` and a clock step never bends a duration. ``conn`` numbers the
connection within the session and is left out where it is 0. Every line stands alone: a reader skips the
types and fields it does not know.
"""

import re
from typing import Any, Literal, TypeVar

import msgspec

from natsmon.dial.stages import STAGES as STAGES
from natsmon.dial.stages import Stage as Stage
from natsmon.text.plain_text import json_safe

T = TypeVar("T")

SCHEMA = 1
"""Raised only when an old reader would go wrong."""

Status = Literal["DISCONNECTED", "CONNECTING", "CONNECTED", "RECONNECTING", "DRAINING", "CLOSED"]
StageOutcome = Literal["started", "complete", "failed", "cancelled"]
DialOutcome = Literal["connected", "failed", "cancelled", "timeout"]
Why = Literal["initial", "reconnect", "forced"]
Fate = Literal["sent", "buffered", "rejected"]
Proof = Literal["echo", "ack", "none"]
"""How the fate of a message becomes known: it is heard again, a stream acknowledges it, or not at all."""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=_snake):
    t: float
    conn: int = 0


class Session(Event, frozen=True, kw_only=True):
    """The first line of a stream."""

    id: str
    started: float
    """Wall clock at ``t`` 0, seconds since the epoch."""
    schema: int = SCHEMA
    versions: dict[str, str] = {}
    name: str = ""
    servers: list[str] = []
    subject: str = ""
    size: int = 0
    """Bytes of payload in each message published."""
    interval: float = 0.0
    """Seconds between two messages; 0 is as fast as they are echoed."""
    proof: Proof = "echo"
    stream: str = ""
    """The JetStream stream that acknowledges, with ``proof`` ``ack``."""
    observing: bool = False
    """Nothing is published: somebody else's messages on ``subject`` are counted."""
    settings: dict[str, tuple[str, str]] = {}
    """Every effective setting: its value as text, secrets masked, and its origin."""


class StatusChanged(Event, frozen=True, kw_only=True, tag="status"):
    status: Status
    previous: Status
    cause: str = ""


class DialStart(Event, frozen=True, kw_only=True):
    dial: int
    """Rises by one with every dial of the session."""
    attempt: int
    """Counts from 1 since the initial connect began or the connection was lost."""
    round: int
    """The pass over the server pool this attempt belongs to, from 1."""
    server: str
    why: Why
    timeout: float = 0.0
    """Seconds this attempt may take, over all its stages."""


class DialStage(Event, frozen=True, kw_only=True):
    dial: int
    stage: Stage
    outcome: StageOutcome
    address: str = ""
    """The address tried, in ``tcp``; the addresses found, joined by a comma, in ``dns``."""
    elapsed: float = 0.0
    """Seconds in this stage; 0 when it has just started."""
    cause: str = ""
    text: str = ""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One certificate of a chain; dates are seconds since the epoch."""

    subject: str = ""
    issuer: str = ""
    names: list[str] = []
    not_before: float = 0.0
    not_after: float = 0.0


class DialTls(Event, frozen=True, kw_only=True):
    """What the TLS handshake of a dial agreed on, or what the server showed before it was refused."""

    dial: int
    version: str = ""
    cipher: str = ""
    server_name: str = ""
    """The name the certificate was checked for."""
    chain: list[Certificate] = []
    """The server's own certificate first."""
    trusted: bool = True


class DialInfo(Event, frozen=True, kw_only=True):
    """INFO as the server sent it in a dial."""

    dial: int
    info: dict[str, Any] = {}


class DialConnect(Event, frozen=True, kw_only=True):
    """CONNECT as it was sent in a dial, secrets masked."""

    dial: int
    connect: dict[str, Any] = {}
    credentials: str = ""
    """Which were used, and where each came from."""
    expires: float = 0.0
    """When they stop to be good, seconds since the epoch; 0 when that is not known."""


class DialEnd(Event, frozen=True, kw_only=True):
    dial: int
    outcome: DialOutcome
    stage: Stage | None = None
    """The stage reached when it ended; none when it had not begun."""
    cause: str = ""
    text: str = ""
    total: float = 0.0
    stages: dict[str, float] = {}
    server: str = ""
    tls_name: str = ""
    """The name its certificate is checked for, where that is not the server's host."""


class DialFinding(Event, frozen=True, kw_only=True):
    """What a second look at the peer of a failed dial showed: a new connection on which nothing secret is sent."""

    dial: int
    cause: str
    text: str = ""


class Waiting(Event, frozen=True, kw_only=True):
    """Between two dials: ``delay`` = ``base`` + ``jitter``, over at ``until``."""

    delay: float
    base: float
    jitter: float
    until: float
    server: str
    """The one that will be dialed next."""


class Connected(Event, frozen=True, kw_only=True):
    server: str
    address: str = ""
    server_name: str = ""
    server_id: str = ""
    version: str = ""
    cluster: str = ""
    cid: int = 0
    client_ip: str = ""
    account: str = ""
    tls: str = ""
    """TLS version, empty without TLS."""
    max_payload: int = 0


class Account(Event, frozen=True, kw_only=True):
    """The account the connection is in, as the server says right after PONG (from 2.12 on)."""

    account: str
    system: bool = False


class Subscribed(Event, frozen=True, kw_only=True):
    """The server has taken our subscription: what is published from now on will be heard."""

    subject: str


class FirstEcho(Event, frozen=True, kw_only=True):
    """The first message that came back, or was acknowledged, on this connection."""

    seq: int
    latency: float = 0.0


class Blind(Event, frozen=True, kw_only=True):
    """The fates of messages cannot be known from here on: we may not subscribe, or were asked not to.

    Holds until the end of this connection; with ``Session.proof`` ``none``, to the end of the session.
    """

    why: str


class Keepalive(Event, frozen=True, kw_only=True):
    """The PING arithmetic, told when it changes: no PONG until ``stale_at``, and the connection is given up."""

    interval: float
    max_out: int
    outstanding: int = 0
    stale_at: float = 0.0
    """As ``t``: when the connection counts as stale, should nothing come."""


class Silent(Event, frozen=True, kw_only=True):
    """The server owes us an answer and says nothing; the connection is up by name only."""

    since: float
    """As ``t``: the last bytes from the server."""
    missed: int = 0
    """Messages in flight that should have come back by now."""
    server: str = ""


class Heard(Event, frozen=True, kw_only=True):
    """The server speaks again."""

    silence: float
    """Seconds."""


class UserInfo(Event, frozen=True, kw_only=True):
    """Who we are to the server, as it answered (``$SYS.REQ.USER.INFO``). An empty list sets no bounds."""

    user: str = ""
    account: str = ""
    publish_allow: list[str] = []
    publish_deny: list[str] = []
    subscribe_allow: list[str] = []
    subscribe_deny: list[str] = []
    expires: float = 0.0
    """When the credentials stop to be good, seconds since the epoch; 0 when they do not."""


class Disconnected(Event, frozen=True, kw_only=True):
    cause: str
    text: str = ""
    server: str = ""
    reason: str = ""
    """The server's own close reason, where it could be read."""


class Reconnected(Event, frozen=True, kw_only=True):
    before: str
    after: str
    downtime: float
    attempts: int


class Published(Event, frozen=True, kw_only=True):
    """One message left the publisher; told singly below about 50 a second."""

    seq: int
    fate: Fate = "sent"
    size: int = 0
    """Bytes of payload; 0 where it is what the session says, as is an empty subject."""
    subject: str = ""
    why: str = ""
    """Rejected because the buffer was ``full``, or because the server would have ``refused`` it."""


class Echoed(Event, frozen=True, kw_only=True):
    seq: int
    latency: float


class Tally(Event, frozen=True, kw_only=True):
    """Running totals of the session, ten times a second at most.

    attempted = sent + buffered + rejected, and sent = echoed + in_flight + lost, at every moment. Where a
    stream acknowledges messages, echoed are those it acknowledged.

    What single messages (``Published``, ``Echoed``) tell is not told again at once: a tally follows when
    something else changed, and every few seconds.
    """

    attempted: int = 0
    sent: int = 0
    buffered: int = 0
    rejected: int = 0
    echoed: int = 0
    in_flight: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    out_of_order: int = 0
    bytes: int = 0
    buffered_bytes: int = 0
    resent: int = 0
    """Sent again after a reconnect, because they were not acknowledged."""
    suppressed: int = 0
    """Second copies that the stream recognised and did not store."""
    latencies: list[tuple[int, int]] = []
    """The same echoes as ``latency``, each counted: (microseconds, how many), to two significant digits or better."""
    latency: tuple[float, float, float, float] | None = None
    """p50, p90, p99 and max in seconds of the echoes since the last tally; none without an echo."""


class Rtt(Event, frozen=True, kw_only=True):
    """One PING to PONG round trip."""

    seconds: float
    omitted: int = 0
    """PINGs due after this one that were not sent, because too many had no answer.

    Each counts from when it was due: ``seconds`` less once, twice … the interval of the PINGs.
    """


class Outage(Event, frozen=True, kw_only=True):
    """The closed ledger of one outage; ``began`` is when it was noticed.

    Told again, with the same ``began``, when a message called lost has come back after all.
    """

    began: float
    ended: float
    cause: str
    text: str = ""
    before: str = ""
    after: str = ""
    detected_after: float = 0.0
    """Seconds from the last proof of life to the loss being noticed."""
    dials: int = 0
    buffered: int = 0
    rejected: int = 0
    lost: int = 0
    unknown: int = 0
    """In flight at the loss, with nothing come back since to tell whether they are lost."""
    late: int = 0
    """In flight at the loss, and echoed all the same."""
    duplicate: int = 0
    servers: int = 0
    """Different ones dialed."""
    lost_seqs: list[tuple[int, int]] = []
    """Which messages are lost: first and last of each run of them, the first runs only where there are many."""


class ReadBack(Event, frozen=True, kw_only=True):
    """What the stream holds at the end, read from it: acknowledged = stored is the promise."""

    stream: str
    acknowledged: int = 0
    stored: int = 0
    """Acknowledged messages found in the stream."""
    missing: int = 0
    twice: int = 0
    complete: bool = True
    """False when it could not be read to its end."""
    text: str = ""


class Observed(Event, frozen=True, kw_only=True):
    """Running totals of somebody else's messages, ten times a second at most."""

    messages: int = 0
    bytes: int = 0
    publishers: int = 0
    """Sequences seen, each a publisher's session."""
    missing: int = 0
    """Numbers left out within the sequences."""
    duplicate: int = 0
    out_of_order: int = 0


class CloseReason(Event, frozen=True, kw_only=True):
    """Why a connection we lost was closed, in its server's own words; told once we are connected again."""

    began: float
    """When the outage began, as ``Outage.began``."""
    reason: str
    cause: str = ""
    cid: int = 0
    server: str = ""
    stop: float = 0.0
    """When the server closed it by its own clock, seconds since the epoch."""
    source: str = ""


class PoolMember(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    server: str
    discovered: bool = False
    failures: int = 0
    """Failed attempts since it, or another server, last was CONNECTED."""
    left: int | None = None
    """Attempts it has left; none when there is no limit."""
    lame_duck: bool = False


class Pool(Event, frozen=True, kw_only=True):
    """Every server that may be dialed, told when something about one of them changes."""

    members: list[PoolMember] = []


class Discovered(Event, frozen=True, kw_only=True):
    servers: list[str]


class LameDuck(Event, frozen=True, kw_only=True):
    server: str


class AsyncError(Event, frozen=True, kw_only=True):
    text: str


class Paused(Event, frozen=True, kw_only=True):
    pass


class Resumed(Event, frozen=True, kw_only=True):
    pass


class Drained(Event, frozen=True, kw_only=True):
    complete: bool = True
    """False when the drain ran out of time."""
    seconds: float = 0.0


class Closed(Event, frozen=True, kw_only=True):
    cause: str
    text: str = ""


class Ignored(Event, frozen=True, kw_only=True):
    """A command that had no effect, and why."""

    command: str
    why: str


class Gap(Event, frozen=True, kw_only=True):
    """Events left out because the reader did not keep up; totals are not affected."""

    events: int


class Note(Event, frozen=True, kw_only=True):
    """What a view says by itself, and no probe told: that the probe died, that recording stopped.

    ``t`` is the view's clock, and may be a little ahead of the events that follow.
    """

    text: str
    kind: Literal["good", "bad", "warn", "info", "dim"] = "info"


class LogLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the log as it was shown; ``at`` is the wall clock, seconds since the epoch."""

    at: float
    text: str
    kind: str = "info"
    message: bool = False
    """About one single message."""


class Snapshot(Event, frozen=True, kw_only=True):
    """All that was known at ``t``, where a recording begins in the middle of a session; no probe tells it."""

    state: dict[str, Any] = {}
    """By the attributes of a ``State``; a reader leaves out those it does not know."""
    log: list[LogLine] = []
    """The latest lines, oldest first."""


class End(Event, frozen=True, kw_only=True):
    """The last line of a stream that ended as it should."""

    exit_code: int
    why: str = ""


AnyEvent = (
    Session
    | StatusChanged
    | DialStart
    | DialStage
    | DialTls
    | DialInfo
    | DialConnect
    | DialEnd
    | DialFinding
    | Waiting
    | Connected
    | Account
    | Subscribed
    | FirstEcho
    | Blind
    | Keepalive
    | Silent
    | Heard
    | UserInfo
    | Disconnected
    | Reconnected
    | Published
    | Echoed
    | Tally
    | Rtt
    | Outage
    | CloseReason
    | ReadBack
    | Observed
    | Pool
    | Discovered
    | LameDuck
    | AsyncError
    | Paused
    | Resumed
    | Drained
    | Closed
    | Ignored
    | Gap
    | Note
    | Snapshot
    | End
)


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=_snake):
    pass


class Cancel(Command, frozen=True):
    """Cancel the dial, or the wait before it."""


class Reconnect(Command, frozen=True):
    """Drop the connection and dial at once; dial now while waiting; start again when closed."""


class NextServer(Command, frozen=True):
    """Leave the server being dialed or waited for; dial the next one."""


class Pause(Command, frozen=True):
    pass


class Resume(Command, frozen=True):
    pass


class Publish(Command, frozen=True):
    """Publish one message now, also while paused."""


class Drain(Command, frozen=True):
    """Unsubscribe, flush, close; the probe stays."""


class Close(Command, frozen=True):
    """Drain if connected, close, and end the probe."""


AnyCommand = Cancel | Reconnect | NextServer | Pause | Resume | Publish | Drain | Close

_encoder = msgspec.json.Encoder()
_event_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_command_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)
_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_KNOWN = {cls.__struct_config__.tag for cls in Event.__subclasses__()}


def encode(message: Event | Command) -> bytes:
    """One JSON line, newline included; what could act on a terminal is escaped in it."""
    line = _encoder.encode(message)
    return (line if line.isascii() else json_safe(line.decode()).encode()) + b"\n"


def decode_event(line: bytes) -> AnyEvent | None:
    """The event on a line, or None when its type is not known here (a newer writer's).

    Raises msgspec.DecodeError when the line is not an event at all.
    """
    try:
        return _decode(_event_decoder, line)
    except msgspec.ValidationError:
        raw = _decode(_anything, line)
        if isinstance(raw, dict) and isinstance(raw.get("type"), str) and raw["type"] not in _KNOWN:
            return None
        raise


def decode_command(line: bytes) -> AnyCommand:
    """Raises msgspec.DecodeError with the reason when the line is not a command."""
    return _decode(_command_decoder, line)


def _decode(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    """msgspec lets two errors through that are not its own."""
    try:
        return decoder.decode(line)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
