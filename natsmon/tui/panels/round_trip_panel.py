"""How fast: PING to PONG and back, a picture of the last minute in which silence is a gap, and the keepalive."""

from natsmon.charts.cells import Piece, Role, Row, block, fit, row
from natsmon.state.histogram import Histogram
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment

WINDOW = 60.0
_BINS = 30
_TWO_KINDS = 44
"""Cells from which on the echoes have a line, too."""
_WIDE = 60
"""Cells from which on there is room for p99.9."""


def tick(moment: Moment) -> object:
    """Percentiles cost too much for every tenth of a second of an outage."""
    return moment.second, moment.pings_out and int(moment.now * 10)


def echo(moment: Moment) -> str:
    """What an echo is called: a stream acknowledges."""
    return "ack" if moment.state.acknowledged else "echo"


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    state = moment.state
    below = _percentiles(moment, width)
    if state.rtts:
        return [*sparkline(moment, width, max(1, min(4, height - len(below)))), *below][:height]
    return [fit(row(("no PONG yet", "label")), width), *below][:height]


def title(moment: Moment, width: int, height: int) -> str:
    """With the scale of the sparkline."""
    top = max((value for value in _worst(moment, _BINS) if value is not None), default=0.0)
    return f"round trip, █ {units.elapsed(top)}" if top else "round trip"


def _worst(moment: Moment, bins: int) -> list[float | None]:
    """The slowest round trip of each bin of the last minute; None without one."""
    size = WINDOW / bins
    newest = int(moment.now / size)
    worst: list[float | None] = [None] * bins
    for t, seconds in reversed(moment.state.rtts):
        place = bins - 1 - (newest - int(t / size))
        if place < 0:
            break
        if place < bins:
            worst[place] = max(seconds, worst[place] or 0.0)
    return worst


def sparkline(moment: Moment, width: int, height: int = 1) -> list[Row]:
    """The slowest round trip of each bin of the last minute, newest at the right edge.

    Bins lie at fixed times, so that a sample stays in its bin while the picture moves on, and are longer than
    the pause between two PINGs, so that an empty one means silence.
    """
    bins = max(1, min(_BINS, width))
    worst = _worst(moment, bins)
    top = max((value for value in worst if value is not None), default=0.0)
    levels = [0 if value is None else max(1, round(value / (top or 1.0) * 8 * height)) for value in worst]
    wide = min(2, width // bins)
    lines = ("".join(block(level, line) * wide for level in levels) for line in range(height - 1, -1, -1))
    return [fit(row((line, "info")), width) for line in lines]


def _percentiles(moment: Moment, width: int) -> list[Row]:
    """Of the last minute, and the longest PING of all. PINGs without an answer take the place of the last line."""
    state = moment.state
    longest = state.pings.run.max if state.pings.run.count else None
    pings, echoes = state.pings.minute(moment.now), state.echoes.minute(moment.now)
    if width < _TWO_KINDS:
        lines = [
            _figures(("p50", figures.percentile(pings, 50)), figures.tail(pings))
            + row((" ms" if width >= 25 else "", "label")),
            _figures(("max", longest)) + row((" ms", "label"), ("  since start" if width >= 26 else "", "dim")),
        ]
    else:
        lines = [
            row(("PING  ", "label")) + _line(width, pings, longest),
            row((f"{echo(moment):6}", "label")) + _line(width, echoes, echoes.max if echoes.count else None),
        ]
    if warning := ping_warning(moment, width):
        lines[-1] = row((warning, "warn"))
    return [fit(line, width) for line in lines]


def _line(width: int, of: Histogram, longest: float | None) -> Row:
    rare = [("p99.9", figures.percentile(of, 99.9))] if width >= _WIDE else []
    return _figures(("p50", figures.percentile(of, 50)), figures.tail(of), *rare, ("max", longest)) + row(
        (" ms", "label")
    )


def _figures(*named: tuple[str, float | None]) -> Row:
    parts: list[Piece] = []
    for name, seconds in named:
        parts += [(f"{'  ' if parts else ''}{name}", "label"), (figures.millis(seconds, 7), "value")]
    return row(*parts)


# -- the keepalive ------------------------------------------------------------------------------------


def ping_warning(moment: Moment, width: int) -> str:
    """In as many words as there is room for; empty while PINGs are answered."""
    if (kept := moment.pings_out) is None:
        return ""
    out, of, rest = kept.outstanding, kept.max_out, stale_in(kept, moment)
    phrases = (
        f"{out} of {of} PINGs out, stale in {rest}",
        f"{out}/{of} PINGs out, stale in {rest}",
        f"{out}/{of} PINGs, stale in {rest}",
        f"stale in {rest}",
    )
    return next((words for words in phrases if len(words) <= width), phrases[-1])


def stale_in(kept: ev.Keepalive, moment: Moment) -> str:
    """Time until the connection is considered stale.

    While all PINGs are answered no event gives it anew: the next PING is due within an interval from now.
    """
    seconds = kept.stale_at - moment.now
    if kept.outstanding == 0 and kept.interval > 0:
        seconds = max(0, kept.max_out) * kept.interval + seconds % kept.interval
    return f"{max(0.0, seconds):.1f} s" if seconds < 60 else figures.span(int(seconds), 0)


def ping_facts(moment: Moment) -> list[tuple[str, str, Role]]:
    """PING interval, PINGs without an answer, and when the connection is considered stale."""
    kept = moment.state.keepalive
    if kept is None or moment.over:
        return []
    role: Role = "warn" if moment.pings_out else "value"
    return [
        ("every", figures.span(kept.interval, 0), "value"),
        ("unanswered", f"{kept.outstanding:,} of {kept.max_out:,}", role),
        ("stale in", f"{stale_in(kept, moment)}, if nothing arrives" if kept.stale_at > 0 else "", role),
    ]
