"""Verdict of a check: its times against thresholds, and its failures with their diagnosis. Pure.

Metrics, thresholds and status words are those of ``nats server check connection``; the time of each stage is added.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from natsmon.dial.causes import Cause
from natsmon.state import Dial, expiry
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import clip, printable
from natsmon.wording.cause_table import Diagnosis, diagnose, explained
from natsmon.wording.narration import certificate_in_words

SUITE = "connections"
ITEM = "Connection"
NO_ADDRESS = "–"
"""The address of a server whose name has none."""

METRICS = {
    "connect_time": "Seconds from the lookup to PONG",
    "dns_time": "Seconds until the name was resolved",
    "tcp_time": "Seconds until the TCP connection was established",
    "tls_time": "Seconds the TLS handshake took",
    "info_time": "Seconds until INFO arrived",
    "auth_time": "Seconds from CONNECT to PONG",
    "rtt": "Seconds from PING to PONG",
    "request_time": "Seconds from publishing a message to receiving it",
}
"""What each metric is, in the order of the output."""
_OVERRULED = (Cause.RESET, Cause.EOF, Cause.TIMEOUT)
"""Causes that a second look at the peer replaces."""
_LOCAL_CAUSES = ("credentials", "tls_files")
"""Causes on this machine: the check could not be made."""


class Status(IntEnum):
    """Status of a check; the values are the exit codes."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_SEVERITY = (Status.OK, Status.WARNING, Status.UNKNOWN, Status.CRITICAL)


@dataclass(frozen=True, slots=True)
class Limit:
    """Thresholds in seconds."""

    warning: float = 0.5
    critical: float = 1.0


LIMITS: Mapping[str, Limit] = dict.fromkeys(("connect_time", "rtt", "request_time"), Limit())
"""The thresholds of a check where none are given, by the metrics that have some."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a server could not be used. Safe to print."""

    server: str
    stage: str
    """Of a dial, or ``rtt``, or ``request``."""
    cause: str
    text: str
    diagnosis: Diagnosis

    @property
    def reason(self) -> str:
        """The stage, the cause and the evidence: ``in connect: wrong credentials: Authorization Violation``."""
        return f"in {self.stage}: {explained(self.diagnosis, self.text)}"

    @property
    def sentence(self) -> str:
        """The failure in one line, with its meaning and advice."""
        phrase, *more = self.diagnosis
        text = "; ".join(part for part in more if part and part != phrase)
        return f"{self.server} failed {self.reason}" + (f" ({text})" if text else "")


@dataclass(frozen=True, slots=True)
class Found:
    """What one check found."""

    server: str
    address: str = ""
    """The address that was checked; empty for any of the server's."""
    dials: Sequence[Dial] = ()
    """The attempts; the last one may have connected."""
    rtt: float | None = None
    request: float | None = None
    failed: Failure | None = None
    """What went wrong after PONG."""
    broken: str = ""
    """Why the check itself failed."""
    setting_failed: str = ""
    """A setting that does not work, such as a ``--monitor`` that is not a monitoring port, and the reason."""

    @property
    def where(self) -> str:
        """The server, with the address that was checked unless it is in the URL."""
        named = self.address in ("", NO_ADDRESS) or self.server.endswith(f"://{self.address}")
        return self.server if named else f"{self.server} at {self.address}"

    @property
    def dial(self) -> Dial | None:
        return self.dials[-1] if self.dials else None

    @property
    def connected(self) -> bool:
        return self.dial is not None and self.dial.outcome == "connected"


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured time, in seconds."""

    name: str
    """One of ``METRICS``."""
    value: float
    limit: Limit | None = None

    @property
    def status(self) -> Status:
        """Against its limit; a time equal to a threshold has reached it."""
        if self.limit is None or self.value < min(self.limit.warning, self.limit.critical):
            return Status.OK
        return Status.CRITICAL if self.value >= self.limit.critical else Status.WARNING

    @property
    def exceeded(self) -> str:
        """The threshold that was reached: ``limit 500ms``; empty for none."""
        if self.limit is None or self.status is Status.OK:
            return ""
        reached = self.limit.critical if self.status is Status.CRITICAL else self.limit.warning
        return f"limit {units.go_duration(reached)}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one server or one address. Its texts are safe to print."""

    name: str
    status: Status
    found: Found
    metrics: tuple[Metric, ...] = ()
    lines: Mapping[Status, Sequence[str]] = field(default_factory=lambda: dict.fromkeys(Status, ()))
    """What was found, by its status."""
    output: str = ""
    """Instead of the lines, when the check could not be made."""
    notes: tuple[str, ...] = ()
    """The warnings that are about no metric."""
    failures: tuple[Failure, ...] = ()

    def metric(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)


def failure(server: str, stage: str, cause: str, text: str) -> Failure:
    """Return a failure with the diagnosis of its cause."""
    known = diagnose(stage if stage in ev.STAGES else None, cause)
    return Failure(server, stage, cause or "unknown", clip(printable(text)), known)


def failure_of(dial: Dial, server: str = "") -> Failure:
    """Why a dial failed; the result of a second look at the peer takes precedence."""
    stage, cause, text = dial.stage_reached or "dns", dial.known_cause, dial.text
    if dial.finding is not None:
        text = dial.finding.text if dial.cause in _OVERRULED else f"{text}; {dial.finding.text}"
    if dial.tls is not None and not dial.tls.trusted and dial.tls.chain:
        text = f"{text}; the server sent {certificate_in_words(dial.tls.chain[0])}"
    return failure(server or dial.server, stage, cause, text)


def worst(verdicts: Iterable[Verdict]) -> Status:
    """CRITICAL counts more than UNKNOWN, UNKNOWN more than WARNING."""
    return max((verdict.status for verdict in verdicts), key=_SEVERITY.index, default=Status.UNKNOWN)


def worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Sorted by severity; equal ones keep their order."""
    return sorted(verdicts, key=lambda verdict: -_SEVERITY.index(verdict.status))


def judge(found: Found, limits: Mapping[str, Limit] = LIMITS, *, expiry_warn: float = 0.0) -> Verdict:
    """Return the verdict; credentials and certificates that expire within ``expiry_warn`` seconds are a warning."""
    name = f"{ITEM} {found.where}" if found.address else ITEM
    metrics = tuple(Metric(name, value, limits.get(name)) for name, value in _times(found).items())
    if found.broken:
        return Verdict(name, Status.UNKNOWN, found, metrics, output=found.broken)
    where = found.where if found.address else ""
    failures = [failure_of(dial, where) for dial in found.dials if dial.outcome != "connected"]
    lines: dict[Status, list[str]] = {status: [] for status in Status}
    lines[Status.WARNING] += (notes := tuple(_notes(found, expiry_warn)))
    if found.connected:
        for metric in metrics:
            if metric.limit is not None:
                lines[metric.status].append(_line(metric, found, failures))
        if found.failed is not None:
            lines[Status.CRITICAL].append(f"{found.failed.stage} on {found.failed.sentence}")
            failures.append(found.failed)
    else:
        lines[Status.CRITICAL] = [f"connection to {each.sentence}" for each in failures]
        if failures and all(each.cause in _LOCAL_CAUSES for each in failures):
            output = "; ".join(lines[Status.CRITICAL])
            return Verdict(name, Status.UNKNOWN, found, metrics, output=output, failures=tuple(failures))
    nothing = Status.OK if found.connected else Status.CRITICAL
    status = max((status for status in lines if lines[status]), default=nothing)
    return Verdict(name, status, found, metrics, lines, notes=notes, failures=tuple(failures))


def _notes(found: Found, expiry_warn: float) -> Iterator[str]:
    if found.dial is None or not found.connected:
        yield from filter(None, [found.setting_failed])
        return
    for each in sorted(expiry.of_dial(found.dial)):
        if each.is_soon(time.time(), expiry_warn):
            yield f"{each.what} of {found.where} valid until {dates.stamp(each.at)}"


def _times(found: Found) -> dict[str, float]:
    """The value of each metric, in the order of the output."""
    times = {"connect_time": sum(dial.total for dial in found.dials)} if found.connected else {}
    stages = found.dial.stages if found.dial is not None else {}
    for stage in ev.STAGES:
        record = stages.get(stage)
        if record is not None and record.outcome == "complete":
            times["auth_time" if stage == "connect" else f"{stage}_time"] = record.elapsed
    later = {"rtt": found.rtt, "request_time": found.request}
    return times | {name: value for name, value in later.items() if value is not None}


def _line(metric: Metric, found: Found, refused: Sequence[Failure]) -> str:
    line = f"{metric.name.removesuffix('_time')} {units.elapsed(metric.value)}"
    if metric.name == "connect_time":
        line = f"connected to {found.where} in {units.elapsed(metric.value)}"
        line += "".join(f", after {each.server} failed {each.reason}" for each in refused)
    return f"{line}, {metric.exceeded}" if metric.exceeded else line
