"""Durations, sizes and counts, as people write them and as people read them.

Durations are Go's, because every NATS flag that takes one is; sizes are the nats CLI's, for which ``K``, ``KB``
and ``KiB`` are all 1024 bytes. Text that is not understood raises ValueError with the reason, without
the value: the caller quotes it.
"""

import math
import re
from fractions import Fraction

LONGEST = 290 * 365 * 86_400
"""Seconds; a little under what Go's int64 of nanoseconds holds."""
LARGEST = 2**53
"""Bytes; what every JSON reader holds exactly."""

_TEXT_LIMIT = 64
_SECONDS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "μs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_BARE_NUMBER = re.compile(_NUMBER)

_BYTES = {"": 1, "b": 1}
_BYTES |= {letter + tail: 1024**power for power, letter in enumerate("kmgt", start=1) for tail in ("", "b", "ib")}
_SIZE = re.compile(rf"({_NUMBER}) ?([a-z]*)")


def parse_duration(text: str) -> float:
    """Seconds of ``500ms``, ``2s``, ``1m30s``, ``1.5h`` or ``0``."""
    text = text.strip()
    negative = text.startswith("-")
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0.0
    if len(body) > _TEXT_LIMIT or not _DURATION.fullmatch(body):
        if _BARE_NUMBER.fullmatch(body) and len(body) <= _TEXT_LIMIT:
            raise ValueError("has no unit (try 500ms, 2s or 1m30s)")
        raise ValueError("is not a duration (try 500ms, 2s or 1m30s)")
    seconds = sum((Fraction(number) * _SECONDS[unit] for number, unit in _PART.findall(body)), Fraction(0))
    if negative:
        raise ValueError("is negative")
    if seconds > LONGEST:
        raise ValueError("is too long")
    return float(seconds)


def parse_size(text: str) -> int:
    """Bytes of ``8MiB``, ``64KB``, ``1024`` or ``0``; a fraction of a byte is dropped."""
    text = text.strip().lower()
    if len(text) > _TEXT_LIMIT:
        raise ValueError("is not a size (try 1024, 64KB or 8MiB)")
    if text.startswith("-") and _SIZE.fullmatch(text[1:]):
        raise ValueError("is negative")
    match = _SIZE.fullmatch(text)
    if match is None or match[2] not in _BYTES:
        raise ValueError("is not a size (try 1024, 64KB or 8MiB)")
    size = int(Fraction(match[1]) * _BYTES[match[2]])
    if size > LARGEST:
        raise ValueError("is too large")
    return size


def go_duration(seconds: float) -> str:
    """A setting the way it could have been typed: ``1m30s``, ``500ms``, ``0s``. Exact to the nanosecond."""
    nanoseconds = round(Fraction(seconds) * 10**9)
    if nanoseconds < 10**9:
        for unit, per in (("ms", 10**6), ("µs", 10**3)):
            if nanoseconds >= per:
                return f"{_decimal(nanoseconds, per)}{unit}"
        return f"{nanoseconds}ns" if nanoseconds else "0s"
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if minutes else ""
    return text + (f"{_decimal(rest, 10**9)}s" if rest else "")


def _decimal(amount: int, per: int) -> str:
    whole, part = divmod(amount, per)
    digits = f"{part:0{len(str(per)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def elapsed(seconds: float) -> str:
    """A measured time, three figures or so: ``0.64 ms``, ``23.1 ms``, ``231 ms``, ``2.31 s``, ``12m41s``, ``4d04h``."""
    seconds = min(max(0.0, seconds), LONGEST)
    if seconds < 0.9995:
        return f"{milliseconds(seconds)} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours < 100:
        return f"{hours}h{minutes:02d}m{left:02d}s" if hours else f"{minutes}m{left:02d}s"
    return f"{hours // 24}d{hours % 24:02d}h"


def milliseconds(seconds: float) -> str:
    """The same in milliseconds, without the unit: ``0.64``, ``23.1``, ``231``, ``2310``."""
    value = max(0.0, seconds) * 1000
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def brief(seconds: float) -> str:
    """``elapsed`` without trailing zeros: ``2 s``, ``70 ms``."""
    number, space, unit = elapsed(seconds).partition(" ")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return number + space + unit


def size(count: int) -> str:
    """Bytes for people: ``8 MiB``, ``1.5 KiB``, ``512 B``."""
    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        amount /= 1024
        if amount < 1023.95 or unit == "TiB":
            break
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def go_size(count: int) -> str:
    """A setting the way it could have been typed: ``8MiB``, or plain bytes where no unit divides it."""
    for unit, per in (("TiB", 1024**4), ("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count and count % per == 0:
            return f"{count // per}{unit}"
    return str(count)


def a_second(interval: float) -> str:
    """A rate from the seconds between two: ``200``, ``22.5``, ``20,000``."""
    return rate(1 / max(interval, _SHORTEST))


def rate(a_second: float) -> str:
    """A number of times each second, as it was measured: ``0.95``, ``47.3``, ``120``, ``20,000``."""
    digits = 2 if a_second < 10 else 3 if a_second < 100 else 4
    return f"{a_second:,.{digits}g}" if a_second < 1_000 else f"{round(a_second):,}"


def pace(interval: float) -> str:
    """``every 2 s``, and of what is more often ``200 a second``; without an interval ``at full speed``."""
    if interval <= 0:
        return "at full speed"
    return f"every {brief(interval)}" if interval >= _OFTEN else f"{a_second(interval)} a second"


_SHORTEST = 1e-9
"""Seconds; the shortest that Go has. A stream may contain any number."""
_OFTEN = 0.1
"""Seconds; more than ten a second are given as a rate."""


def plural(number: int, noun: str, ending: str = "s") -> str:
    """``1 outage``, ``1,204 outages``."""
    return f"{number:,} {noun}{'' if number == 1 else ending}"


def and_more(number: int) -> str:
    """`` and 3 more``, behind the first of a list; empty where there is no more."""
    return f" and {number:,} more" if number > 0 else ""


def counts(*counted: tuple[int, str]) -> list[str]:
    """``1,204 lost``, … of what there is: a count of 0 is left out."""
    return [f"{count:,} {what}" for count, what in counted if count > 0]


def part(count: int, of: int) -> str:
    """A share of a count: ``12.91 %``, ``<0.01 %``, ``>99.99 %``; all is ``100 %``, and nothing ``0 %``."""
    if count <= 0 or of <= 0:
        return "0 %"
    if count >= of:
        return "100 %"
    percent = 100 * count / of
    return "<0.01 %" if percent < 0.01 else f"{percent:.2f} %" if percent < 99.99 else ">99.99 %"


def availability(share: float) -> str:
    """Rounded down to ``99.98 %``; closer to 100 % with up to four decimals. 100 % was never interrupted."""
    if share >= 1.0:
        return "100 %"
    decimals = next((d for d in (2, 3) if f"{share * 100:.{d}f}" != f"{100:.{d}f}"), 4)
    return percent(share, decimals)


def percent(share: float, decimals: int = 2) -> str:
    """Rounded down: 100 % was never interrupted."""
    share = min(1.0, max(0.0, share))
    return f"{math.floor(share * 10 ** (decimals + 2) + 1e-9) / 10**decimals:.{decimals}f} %"
