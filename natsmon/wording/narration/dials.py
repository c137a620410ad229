"""Lines of a dial, from its start to its end, and of the wait for the next one."""

from natsmon.state import Dial, State, expiry
from natsmon.state.server_names import address
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import NAME_LIMIT, clip
from natsmon.wording.cause_table import diagnose, explained
from natsmon.wording.narration.words import Line, server, server_at

_NAMES_SHOWN = 5
_FALLBACK_DELAY = 0.05
"""Seconds: nats-server's DEFAULT_TLS_HANDSHAKE_FIRST_FALLBACK_DELAY, with ``handshake_first: auto``."""
_SLACK = 0.03
_REASON = {"initial": "initial connect", "reconnect": "reconnect", "manual": "manual reconnect"}


def dial_start(event: ev.DialStart, state: State) -> Line:
    facts = [
        f"attempt {event.attempt}",
        f"pass {event.pool_pass}" if len(state.pool) > 1 else "",
        _REASON.get(event.reason, event.reason),
        "a discovered server" if event.discovered else "",
        f"through the proxy {event.proxy}" if event.proxy else "",
    ]
    return (
        "info",
        f"dialing {server_at(event.server, state)}: {', '.join(fact for fact in facts if fact)}",
    )


def dial_stage(event: ev.DialStage, state: State) -> Line:
    if event.outcome != "complete":
        return None
    dial = state.find_dial(event.dial)
    if event.stage == "dns" and event.address and dial is not None and not _is_literal(dial.server):
        return "dim", f"resolved {_host(dial.server)} to {clip(event.address)} in {units.elapsed(event.elapsed)}"
    if event.stage == "tcp" and (event.address or not (dial and dial.addresses)):
        where = event.address or (address(dial.server) if dial else "the server")
        return "info", f"TCP connection established to {where} in {units.elapsed(event.elapsed)}"
    return None


def dial_tls(event: ev.DialTls, state: State) -> Line:
    if not event.trusted:
        return _refused_certificate(event, state)
    dial = state.find_dial(event.dial)
    over = dial is not None and dial.failed  # certificates take time to read
    text = f"TLS {'was ' if over else ''}established: {event.version}, {event.cipher}"
    if event.chain:
        own = event.chain[0]
        names = ", ".join(own.names[:3]) or own.subject
        text += f", certificate for {clip(names, NAME_LIMIT)} valid until {dates.day(own.not_after)}"
        first = min(event.chain, key=lambda certificate: certificate.not_after)
        if first.not_after < state.wall(state.now) + expiry.SOON:
            of_ca = f", CA certificate {clip(first.subject, NAME_LIMIT)} until {dates.day(first.not_after)}"
            return "warn", text + of_ca * (first is not own)
    return "info", text


def _refused_certificate(event: ev.DialTls, state: State) -> Line:
    dial = state.find_dial(event.dial)
    name = server(dial.server if dial else "", state)
    if not event.chain:
        return "info", f"{name} sent a certificate; pip install cryptography to read one that is not trusted"
    return "info", f"{name} sent {certificate_in_words(event.chain[0])}"


def certificate_in_words(own: ev.Certificate) -> str:
    """Format as ``a certificate for NAMES, issued by ISSUER, valid from DAY until DAY``."""
    names = ", ".join(own.names[:_NAMES_SHOWN]) or own.subject or "no name"
    issuer = clip(own.issuer, NAME_LIMIT) or "a CA without a name"
    return (
        f"a certificate for {clip(names)}{units.and_more(len(own.names) - _NAMES_SHOWN)}, issued by {issuer}, "
        f"valid from {dates.day(own.not_before)} until {dates.day(own.not_after)}"
    )


def dial_end(event: ev.DialEnd, state: State) -> Line:
    dial = state.find_dial(event.dial)
    url = event.server or (dial.server if dial else "")
    attempt = f"attempt {dial.attempt} on {server(url, state)}" if dial else f"attempt on {server(url, state)}"
    where = f" in {event.stage}" if event.stage else ""
    after = units.elapsed(event.total)
    if event.outcome == "connected":
        return None
    if event.outcome == "cancelled":
        return "warn", f"{attempt} cancelled{where} after {after}"
    ended = "timed out" if event.outcome == "timeout" else "failed"
    cause, discovered = (dial.known_cause, dial.discovered) if dial is not None else (event.cause, False)
    known = diagnose(event.stage, cause, discovered=discovered)
    text = f"{attempt} {ended}{where} after {after}: {explained(known, event.text)}"
    if known.advice and not _failed_before(event, url, state):
        text += f" ({known.advice})"
    return "bad", text


def dial_finding(event: ev.DialFinding, state: State) -> Line:
    dial = state.find_dial(event.dial)
    known = diagnose("info", event.cause)
    advice = f" ({known.advice})" if known.advice else ""
    return (
        "warn",
        f"a second look at {server(dial.server if dial else '', state)}: {known.meaning}: {clip(event.text)}{advice}",
    )


def _failed_before(event: ev.DialEnd, url: str, state: State) -> bool:
    """Whether the dial before this one failed the same way: advice is given once."""
    before = next((d for d in reversed(state.dials) if d.id < event.dial and d.server == url), None)
    return before is not None and (before.stage_reached, before.cause) == (event.stage, event.cause)


def waiting(event: ev.Waiting, state: State) -> Line:
    parts = units.brief(event.base) + (f" + {units.brief(event.jitter)} jitter" if event.jitter > 0 else "")
    return "dim", f"next dial {server(event.server, state)} in {units.elapsed(event.delay)} ({parts})"


def took(state: State) -> str:
    """Format the duration of the dial that connected: ``in 3.1 ms (tcp 0.20 ms, …)``."""
    dial = state.dials[-1] if state.dials else None
    if dial is None or dial.outcome != "connected":
        return ""
    stages = ", ".join(f"{stage} {units.elapsed(seconds)}" for stage, seconds in dial.stage_times().items())
    note = info_note(dial)
    return f"in {units.elapsed(dial.total)}" + (f" ({stages}{note and f'; info {note}'})" if stages else "")


def info_note(dial: Dial) -> str:
    """Return why INFO took its time; empty for no reason that is known."""
    info, tls, tcp = (dial.stages.get(stage) for stage in ("info", "tls", "tcp"))
    if info is None or tls is None or tls.began < info.began or dial.info is None:
        return ""
    round_trip = tcp.elapsed if tcp is not None else 0.0
    offered = dial.info.info.get("tls_required") or dial.info.info.get("tls_available")
    if offered and _FALLBACK_DELAY <= info.elapsed <= _FALLBACK_DELAY + 2 * round_trip + _SLACK:
        return "waits 50 ms for TLS first (handshake_first: auto); --tlsfirst saves them"
    return ""


def _host(server: str) -> str:
    return server.rpartition("://")[2].rpartition(":")[0]


def _is_literal(server: str) -> bool:
    """Whether a server is named by its address, which has no name to resolve."""
    host = _host(server)
    return host.startswith("[") or host.replace(".", "").isdecimal()
