"""One line of the table per promise, and the figures that stand in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

_COLUMNS = (("what", 46), ("this", 14), ("baseline", 26), ("ratio", 7), ("must reach", 11), ("met", 3))


@dataclass
class Row:
    what: str
    this: str
    must: str
    met: bool
    baseline: str = "–"
    ratio: str = "–"
    notes: list[str] = field(default_factory=list)
    """What the figures are made of."""


def heading() -> str:
    return _cells([name for name, _ in _COLUMNS]) + "\n" + "  ".join("─" * width for _, width in _COLUMNS)


def line(row: Row) -> str:
    cells = [row.what, row.this, row.baseline, row.ratio, row.must, "yes" if row.met else "NO"]
    return "\n".join([_cells(cells), *(f"    {note}" for note in row.notes)])


def _cells(cells: Sequence[str]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True)).rstrip()


def percentile(samples: Sequence[float], wanted: float) -> float:
    """``wanted`` is 0 to 100; the nearest sample there is."""
    ordered = sorted(samples)
    return ordered[round((len(ordered) - 1) * wanted / 100)]


def median(samples: Sequence[float]) -> float:
    return percentile(samples, 50)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def in_ms(samples: Sequence[float], decimals: int = 0) -> str:
    """Every one of a few."""
    return " ".join(f"{seconds * 1000:.{decimals}f}" for seconds in samples) + " ms"


def mb(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def rate(number: float) -> str:
    return f"{number / 1000:,.0f}k/s"


def spread(samples: Sequence[float]) -> str:
    """``p50 1.00, p99 2.00, max 3.00 ms (100 samples)``."""
    p50, p99, most = (percentile(samples, wanted) * 1000 for wanted in (50, 99, 100))
    return f"p50 {p50:.2f}, p99 {p99:.2f}, max {most:.2f} ms ({len(samples)} samples)"
