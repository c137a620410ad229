"""One dial on a scale of time: its stages and, below tcp, the addresses that were raced, side by side."""

from collections.abc import Mapping

from rich.cells import cell_len

from natsmon.charts.cells import Role, Row, fit, fold, left, row
from natsmon.charts.dial_stages import MARKS, NOT_NEEDED, SHADES, in_order, mark, seconds
from natsmon.state import Dial, DialPart
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.text.plain_text import printable

_ROLES: dict[ev.StageOutcome, Role] = {"started": "warn", "complete": "info", "failed": "bad", "cancelled": "dim"}
_FIGURE = 9
_NAME = 10
_LEAST_SCALE = 20
_MOST_SCALE = 120
_GAP = 2


def extent(began: float, ended: float, total: float, width: int) -> tuple[int, int]:
    """First cell, and the one after the last, of a time on a scale of ``width`` cells for ``total`` seconds."""
    total = max(total, 1e-9)
    first = max(0, min(round(min(1.0, began / total) * width), width - 1))
    return first, min(width, max(first + 1, round(min(1.0, ended / total) * width)))


def rows(
    dial: Dial,
    now: float,
    width: int,
    *,
    scale: int = _MOST_SCALE,
    addresses: bool = True,
    notes: Mapping[ev.Stage, str] | None = None,
) -> list[Row]:
    """All bars are on one scale, the length of the dial until ``now``: those that overlap in time overlap here.

    Each address that was dialed has a bar, too. ``scale`` is the most cells of a bar; a note stands right of its stage.
    """
    if width <= 0:
        return []
    raced = dial.addresses if addresses else []
    longest = max((cell_len(printable(tried.name)) + 2 for tried in raced), default=0)
    numbers = 2 + 2 * (_FIGURE + 1) + 1
    name = max(_NAME, min(longest + 1, width - numbers - _LEAST_SCALE))
    scale = max(0, min(scale, width - name - numbers))
    column = name + numbers + scale + _GAP
    """Where the notes begin."""
    total = dial.elapsed(now)

    def bar(title: str, mark: tuple[str, Role], part: DialPart | None, ink: str, note: str = "") -> list[Row]:
        """A line with its note right of the scale, in as many lines as that needs."""
        start = row((left(title, name), "value" if part else "dim"), (f"{mark[0]} ", mark[1]))
        if part is not None:
            began, took = max(0.0, part.began - dial.began), seconds(part, now)
            first, end = extent(began, began + took, total, scale)
            start += row(
                (f"{units.elapsed(began):>{_FIGURE}} ", "label"),
                (f"{units.elapsed(took):>{_FIGURE}}  ", "value"),
                (" " * first, "value"),
                (ink * (end - first), _ROLES[part.outcome]),
            )
        if not note:
            return [fit(start, width)]
        role: Role = "bad" if part is None or part.outcome == "failed" else "label"
        lines = fold(note, width - column)
        return [fit(fit(start if n == 0 else (), column) + row((line, role)), width) for n, line in enumerate(lines)]

    def address(tried: DialPart) -> list[Row]:
        """An address too long for its column has a line of its own; so has the way in which it failed."""
        shown = f"  {printable(tried.name)}"
        drawn: list[Row] = []
        if cell_len(shown) >= name:
            drawn = [fit(row((f"  {line}", "value")), width) for line in fold(tried.name, width - 2)]
            shown = ""
        beaten = tried.outcome == "cancelled" and dial.outcome != "cancelled"
        drawn += bar(shown, NOT_NEEDED if beaten else MARKS[tried.outcome], tried, "━")
        ended = _ending(tried, dial)
        lines = fold(ended, width - 4) if ended else []
        return drawn + [fit(row((f"    {line}", "label")), width) for line in lines]

    ends = units.elapsed(total)
    rule = "─" * max(0, scale - len(ends) - 4)
    columns = left("", name + 2) + f"{'began':>{_FIGURE}} {'took':>{_FIGURE}}  "
    drawn = [fit(row((columns, "dim"), (f"0 {rule} {ends}" if rule else "", "dim")), width)]
    for stage in in_order(dial):
        drawn += bar(stage, mark(dial, stage), dial.stages.get(stage), SHADES[stage], (notes or {}).get(stage, ""))
        if stage == "tcp":
            for tried in raced:
                drawn += address(tried)
    return drawn


def _ending(tried: DialPart, dial: Dial) -> str:
    """How an address ended, where its mark does not show it."""
    if tried.outcome == "failed":
        cause = tried.cause.replace("_", " ") or "failed"
        return tried.text if cause in tried.text.casefold() else ": ".join(part for part in (cause, tried.text) if part)
    if tried.outcome == "cancelled" and any(other.outcome == "complete" for other in dial.addresses):
        return "given up: another address was faster"
    return ""
