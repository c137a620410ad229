"""Numbers as they stand on the screen: each in a fixed number of cells, so that none moves its neighbours.

A figure without a sample is a dash, never a zero.
"""

from typing import TYPE_CHECKING

from natsmon.text import dates, units

if TYPE_CHECKING:
    from natsmon.state.histogram import Histogram

NONE = "–"
_MOST = 10**18
"""No counter gets there; a stream may claim it."""


def count(number: int | None, width: int = 9) -> str:
    """A whole number with thousands separators, right-aligned; shortened when it outgrows its place."""
    if number is None:
        return NONE.rjust(width)
    number = min(max(number, -_MOST), _MOST)
    text = f"{number:,}"
    if len(text) > width:
        power = min(4, (len(str(number)) - 1) // 3)
        scaled, unit = number / 1000**power, "kMGT"[power - 1]
        text = next(t for d in (2, 1, 0) if len(t := f"{scaled:.{d}f}{unit}") <= width or d == 0)
    return text.rjust(width)


def millis(seconds: float | None, width: int = 6) -> str:
    """Milliseconds, right-aligned; whole seconds where they outgrow their place."""
    text = NONE if seconds is None else units.milliseconds(seconds)
    return (text if len(text) <= width or seconds is None else f"{seconds:.0f}s").rjust(width)


def percentile(of: "Histogram", p: float) -> float | None:
    """A percentile in seconds; None with so few samples that it would be the longest of them."""
    return of.percentile(p) if of.count * (100 - p) >= 100 else None


def tail(of: "Histogram") -> tuple[str, float | None]:
    """The highest of p99 and p90 that there are enough samples for, with its name."""
    p = 99 if of.count >= 100 else 90
    return f"p{p}", percentile(of, p)


def span(seconds: float | None, width: int = 8) -> str:
    """A measured time; without its seconds where they outgrow its place."""
    text = NONE if seconds is None else units.elapsed(seconds)
    minutes, found, _ = text.rpartition("m")
    return (f"{minutes}m" if found and len(text) > width > 0 else text).rjust(width)


def between(first: float | None, then: float | None) -> str:
    """The time from one moment to another; a dash where one is unknown."""
    return span(max(0.0, then - first) if first is not None and then is not None else None)


def clock(value: float) -> str:
    """Running time as HH:MM:SS, from 100 hours on days: always eight cells."""
    whole = int(min(max(0.0, value), units.LONGEST))
    hours, rest = divmod(whole, 3600)
    if hours < 100:
        return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    return f"{hours // 24}d {hours % 24:02}h".rjust(8)


def percent(share: float | None) -> str:
    """Two decimals, rounded down."""
    if share is None:
        return f"{NONE:>6} %"
    return units.percent(share).rjust(8)


def wall(epoch: float) -> str:
    """The local time of day, to the second."""
    return dates.local("%H:%M:%S", epoch, "--:--:--")


def wall_millis(epoch: float) -> str:
    """The local time of day to the millisecond, rounded as in the plain log."""
    epoch = round(epoch, 6)
    return f"{wall(epoch)}.{dates.milliseconds(epoch)}"


def apart(seconds: float) -> str:
    """How far off a moment is, in the largest unit of which there are two: 12 days, 3 hours, 90 minutes."""
    distance = abs(seconds)
    for unit, per in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if distance >= 2 * per:
            return f"{distance // per:,.0f} {unit}" if distance < 1e13 else "ages"
    return f"{distance:.0f} seconds"


def until(seconds: float) -> str:
    """The same, seen from now: in 12 days, 3 hours ago."""
    return f"in {apart(seconds)}" if seconds >= 0 else f"{apart(seconds)} ago"
