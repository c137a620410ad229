"""The page on how long things take: percentiles, their distribution and course, the PINGs, and availability."""

from natsmon.charts.cells import Piece, Row, fit, left, right, row
from natsmon.charts.latency_course import recent
from natsmon.charts.latency_spread import bars
from natsmon.state import State, availability
from natsmon.state.latency_series import LatencySeries
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels.round_trip_panel import echo, ping_facts
from natsmon.tui.widgets.prose import beside, facts, heading, plain

_BESIDE = 110
"""Cells from which on there are two columns."""
_GAP = 4
_PING = "PING to PONG"
_PERCENTILES = (50, 90, 99, 99.9)
_WIDE = 72
"""Cells from which on figures stand further apart."""
_KIND = 5
_NAMES = 12
_SHARE = 11


def tick(moment: Moment) -> object:
    """Once a second, and as soon as the connection is another one: percentiles cost too much for every event."""
    now = int(moment.now * (10 if moment.pings_out else 1))
    return now, moment.stream, moment.state.status, moment.state.keepalive


def rows(moment: Moment, width: int) -> list[Row]:
    state, published = moment.state, f"publish to {echo(moment)}"
    column = width if width < _BESIDE else (width - _GAP) // 2
    height = 4 if column == width else 10 if column >= _WIDE else 6
    percentiles, available = _percentiles(moment, column), _available(moment, column)
    echoes = _course(published, state.echoes, moment, column, height)
    pings = _course(_PING, state.pings, moment, column, height)
    echo_bars, ping_bars = _bars(published, state.echoes, column), _bars(_PING, state.pings, column)
    if column == width:
        drawn = percentiles + echoes + _pings(moment, width) + available + pings + echo_bars + ping_bars
    else:
        drawn = beside(percentiles + _pings(moment, column), available, column, _GAP)
        drawn += beside(echoes, pings, column, _GAP) + beside(echo_bars, ping_bars, column, _GAP)
    return [fit(line, width) for line in drawn][1:]


def _percentiles(moment: Moment, width: int) -> list[Row]:
    cell, number = (9, 12) if width >= _WIDE else (7, 8)
    names = "".join(f"{f'p{p:g}':>{cell}}" for p in _PERCENTILES)
    title: Piece = (" " * _NAMES + f"{names}{'max':>{cell}}{'n':>{number}}", "label")
    drawn = [*heading("percentiles, ms", width), fit(row(title), width)]
    for name, latencies in ((echo(moment), moment.state.echoes), ("PING", moment.state.pings)):
        for kind, over, of in ((name, "minute", latencies.minute(moment.now)), ("", "run", latencies.run)):
            parts: list[Piece] = [(left(kind, _KIND), "strong"), (left(over, _NAMES - _KIND), "label")]
            values = [*(figures.percentile(of, p) for p in _PERCENTILES), of.max if of.count else None]
            parts += [(figures.millis(value, cell), "value") for value in values]
            drawn.append(fit(row(*parts, (figures.count(of.count, number), "label")), width))
    return drawn


def _course(title: str, latencies: LatencySeries, moment: Moment, width: int, height: int) -> list[Row]:
    drawn = recent(latencies.series(), moment.state.timeline, moment.now, width, height)
    return heading(f"{title} over time", width) + drawn


def _bars(title: str, latencies: LatencySeries, width: int) -> list[Row]:
    return heading(f"{title}, the run", width) + bars(latencies.run, width)


def _pings(moment: Moment, width: int) -> list[Row]:
    """The arithmetic by which a silent connection is given up."""
    phrases = ping_facts(moment)
    none = "  no connection" if moment.state.period is None or moment.over else "  not known yet"
    return heading("keepalive PINGs", width) + (
        facts(phrases, width) if phrases else [fit(row((none, "label")), width)]
    )


def _available(moment: Moment, width: int) -> list[Row]:
    state, now = moment.state, moment.now
    spans = [("the run", availability.over_the_run(state, now))]
    for name, window in availability.WINDOWS.items():
        if now >= window:
            spans.append((name, availability.over_the_last(window, state, now)))
    names: list[Piece] = [(left("over", _NAMES), "label")]
    shares: list[Piece] = [(left("available", _NAMES), "label")]
    for name, span in spans:
        names.append((right(name, _SHARE), "label"))
        shares.append((right(figures.percent(span.share if span is not None else None), _SHARE), "value"))
    found = availability.of_the_run(state, now)
    drawn = [*heading("availability", width), fit(row(*names), width), fit(row(*shares), width)]
    for name, figure, words in (
        ("outages", figures.count(found.outages if state.ever_connected else None, _SHARE), ""),
        ("longest", figures.span(found.longest, _SHARE), ""),
        ("MTBF", figures.span(found.between, _SHARE), "mean time between outages"),
        ("MTTR", figures.span(found.to_recover, _SHARE), "mean time to recover"),
    ):
        drawn.append(fit(row((left(name, _NAMES), "label"), (figure, "value"), (f"  {words}", "label")), width))
    return drawn + [line for words in _unknown(spans, state, now) for line in plain(words, width, "warn")]


def _unknown(spans: list[tuple[str, availability.Uptime | None]], state: State, now: float) -> list[str]:
    """What a figure leaves out, because more happened than is kept."""
    phrases = [
        f"{name}: only the latest {figures.span(now - span.since, 0)} of it are known"
        for name, span in spans
        if span is not None and span.outrun
    ]
    if (known := len(availability.known_outages(state))) < state.outage_count:
        phrases.append(f"longest, MTTR: of the latest {known:,} outages")
    return phrases
