"""From what was kept of a session to the facts of a report."""

from collections.abc import Iterable

from natsmon.report import facts
from natsmon.report.counts import percentiles, span
from natsmon.report.gather import Gatherer
from natsmon.report.series import Series
from natsmon.state import OutageRecord, availability
from natsmon.state.histogram import MICROSECONDS
from natsmon.state.latency_series import LatencySeries
from natsmon.text import units

_DISTANT = 253_000_000_000.0
"""Seconds since the epoch; no calendar goes much further."""
_COUNTS = facts.Messages.__struct_fields__


def conclude(kept: Gatherer, file: str, number: int) -> facts.Run:
    """The facts of a session whose events have passed; ``number`` is its own within the file."""
    kept.finish()
    state, session, connection = kept.state, kept.state.session, kept.state.connection
    tally, end, closed = state.tally, state.end, state.closed
    return facts.Run(
        file=file,
        number=number,
        label=file,
        id=session.id,
        name=connection.name if connection else "",
        started=min(max(0.0, session.started), _DISTANT) if session.id else 0.0,
        seconds=span(state.now),
        missing=None if kept.missing is None else span(kept.missing),
        events=kept.events,
        versions=session.versions,
        targets=tuple(connection.servers) if connection else (),
        subject=connection.subject if connection else "",
        interval=span(connection.interval) if connection else 0.0,
        verification=connection.verification if connection else "echo",
        observing=connection.observing if connection else False,
        settings=connection.settings if connection else {},
        finished=end is not None,
        exit_code=end.exit_code if end else None,
        why=end.reason if end else "",
        closed=(closed.text or closed.cause) if closed else "",
        status=state.status,
        availability=_availability(kept),
        messages=facts.Messages(**{name: max(0, getattr(tally, name)) for name in _COUNTS}),
        blind=state.was_unverified,
        read_back=state.audit,
        observed=state.observed,
        reconnects=state.reconnects,
        echo=_latency(state.echoes, kept.echoes),
        ping=_latency(state.pings, kept.pings),
        outages=tuple(_outage_facts(kept, *numbered) for numbered in enumerate(kept.outages, start=1)),
        servers=kept.servers.facts(),
        failures=kept.failures.facts(),
        dials=max(kept.dials, state.dial_count),
        dialing=kept.dialing,
        timeline=_stretches(kept),
        silences=tuple(kept.silences),
        lame_ducks=tuple(kept.lame_ducks),
        errors=tuple(sorted(kept.errors.items(), key=lambda item: -item[1])),
        gaps=state.dropped,
        left_out=tuple(_left_out(kept)),
    )


def _availability(kept: Gatherer) -> facts.Availability:
    now, outages = kept.state.now, kept.outages
    up = span(kept.state.status_seconds("CONNECTED", now) + kept.state.status_seconds("DRAINING", now))
    down = span(kept.state.downtime(now))
    recovered = [span(o.downtime(now)) for o in outages if o.ended is not None and o.after]
    count = kept.state.outage_count
    whole = kept.missing is None
    return facts.Availability(
        share=availability.share_of_run(kept.state, now) if whole else None,
        up=up,
        down=down,
        unnoticed=span(sum(span(o.detected_after) for o in outages if o.cause != "manual")),
        outages=count,
        manual=sum(o.cause == "manual" for o in outages),
        longest=max((span(o.downtime(now)) for o in outages), default=None),
        between=up / count if count and kept.state.ever_connected and whole else None,
        to_recover=sum(recovered) / len(recovered) if recovered else None,
    )


def _outage_facts(kept: Gatherer, number: int, record: OutageRecord) -> facts.Outage:
    failed = kept.failed_in.get(record.began)

    def after_the_end(t: float | None) -> float | None:
        return span(t - record.ended) if t is not None and record.ended is not None else None

    return facts.Outage(
        number=number,
        began=span(record.began),
        at=min(max(0.0, kept.state.wall(record.began)), _DISTANT),
        ended=span(record.ended) if record.ended is not None else None,
        seconds=span(record.downtime(kept.state.now)),
        cause=record.cause,
        text=record.text,
        reason=record.reason,
        before=record.before,
        after=record.after,
        detected_after=span(record.detected_after),
        silent=span(record.began - record.silent_since) if record.silent_since is not None else 0.0,
        subscribed_after=after_the_end(record.subscribed),
        first_echo_after=after_the_end(record.first_echo),
        dials=max(0, record.dials),
        servers=max(0, record.servers),
        failures=failed.facts() if failed else (),
        buffered=max(0, record.buffered),
        rejected=max(0, record.rejected),
        lost=max(0, record.lost),
        lost_known=record.lost_if_known is not None,
        unverified=max(0, record.unverified),
        late=max(0, record.late),
        duplicate=max(0, record.duplicate),
        lost_seqs=tuple(record.lost_seqs),
        settled=record.settled,
    )


def _stretches(kept: Gatherer) -> tuple[facts.Stretch, ...]:
    ends = [stretch.began for stretch in kept.timeline[1:]] + [kept.state.now]
    return tuple(
        facts.Stretch(span(stretch.began), span(ended), stretch.status, stretch.waiting)
        for stretch, ended in zip(kept.timeline, ends, strict=True)
        if ended > stretch.began
    )


def _left_out(kept: Gatherer) -> Iterable[str]:
    if kept.began > 0:
        at = units.elapsed(span(kept.began))
        yield f"all of the first {at}: the recording begins then, with what was known at that time"
    if kept.missing is not None:
        at = units.elapsed(span(kept.missing))
        yield f"all of the first {at}: the beginning is not in the recording, and nothing tells what was before"
    elif not kept.state.session.id:
        yield "when it began: the first line of the session is not in the recording"
    elif kept.state.connection is None:
        yield "what it connects to: the first line of the connection is not in the recording"
    if (more := kept.state.outage_count - len(kept.outages)) > 0:
        told = units.grouped(len(kept.outages))
        yield f"{units.plural(more, 'more outage')}: counted, but {told} alone are told one by one"
    if (more := kept.state.dial_count - kept.dials) > 0:
        yield f"{units.plural(more, 'dial')}: counted, but not by server, and not how they ended"
    if kept.servers_from > 0:
        at = units.elapsed(span(kept.servers_from))
        yield f"the time on each server in the first {at}: there were more connections than are kept"
    if kept.forgotten_until > 0:
        until = units.elapsed(span(kept.forgotten_until))
        yield f"the timeline of the first {until}: the status changed more often than is kept"
    if kept.elsewhere:
        yield f"{units.plural(kept.elsewhere, 'event')} of other connections of the session"


def _latency(run: LatencySeries, series: Series) -> facts.Latency | None:
    found = percentiles(run.run)
    if found is None:
        return None
    spread = tuple((name / MICROSECONDS, count) for name, count in run.run.counts())
    return facts.Latency(found, series.points(), spread)
