"""Numbers, times and names as a report says them."""

from natsmon.report.facts import Run
from natsmon.text import dates, units
from natsmon.text.plain_text import NAME_LIMIT, clip

NONE = "–"
_DAY = 86_400.0
_DECIMALS = 4
"""Of a share, at most."""


def name(text: str) -> str:
    """As much of a name as has room in a sentence or a column."""
    return clip(text, NAME_LIMIT)


def join(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def server(url: str) -> str:
    """Without the scheme that goes without saying."""
    return name(url.removeprefix("nats://")) or NONE


def cause(word: str) -> str:
    return name(word.replace("_", " ")) or "unknown"


def share(value: float | None) -> str:
    """``99.98 %``, rounded down as on the screen; next to all with more decimals, to show how little is missing."""
    if value is None:
        return NONE
    if value >= 1.0:
        return "100 %"
    decimals = 2
    while decimals < _DECIMALS and f"{value * 100:.{decimals}f}" == f"{100:.{decimals}f}":
        decimals += 1
    return units.percent(value, decimals)


def part(count: int, of: int) -> str:
    """A share of a count: ``12.9 %``, ``0.02 %``, ``under 0.01 %``."""
    percent = 100 * min(count, of) / of if of > 0 else 0.0
    if 0 < percent < 0.01:
        return "under 0.01 %"
    return f"{percent:.3g} %" if percent < 99.95 or count >= of else "over 99.9 %"


def elapsed(seconds: float | None) -> str:
    return NONE if seconds is None else units.elapsed(seconds)


class Clock:
    """The times of one run, on the wall where its beginning is known: in UTC, with the day where there are several."""

    def __init__(self, run: Run) -> None:
        self._started = run.started
        self._days = run.started > 0 and run.started // _DAY != (run.started + run.seconds) // _DAY

    def at(self, t: float) -> str:
        """``16:26:16``, ``11-22 16:26:16``, or ``+1m15s`` where no wall clock is known."""
        if self._started <= 0:
            return f"+{units.elapsed(t)}"
        return dates.utc("%m-%d %H:%M:%S" if self._days else "%H:%M:%S", self._started + t)

    def span(self, seconds: float) -> str:
        """``2026-11-22 16:26:09 to 16:27:24 UTC``."""
        if self._started <= 0:
            return "at a time that is not known"
        end = "%Y-%m-%d %H:%M:%S UTC" if self._days else "%H:%M:%S UTC"
        return f"{dates.utc('%Y-%m-%d %H:%M:%S', self._started)} to {dates.utc(end, self._started + seconds)}"


def moment(at: float) -> str:
    return dates.stamp(at) if at > 0 else NONE
