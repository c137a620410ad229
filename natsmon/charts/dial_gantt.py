"""One dial on a scale of time: its stages and, below tcp, the addresses that were raced, side by side."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from natsmon.charts.cells import Role, Row, fit, fold, left, row
from natsmon.charts.dial_stages import MARKS, NOT_NEEDED, SHADES, in_order, mark, seconds
from natsmon.state import AddressDial, Dial, StageRecord
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
    """All bars are on one scale, the length of the dial: those that overlap in time overlap here.

    Args:
        dial: The dial.
        now: Until when a dial in progress has lasted, as ``t``.
        width: Cells of each row.
        scale: Cells of the longest bar, at most.
        addresses: With a bar for each address that was dialed.
        notes: What stands right of the bar of a stage.
    """
    if width <= 0:
        return []
    return _Gantt(dial, now, width, scale, dial.addresses if addresses else [], notes or {}).rows()


class _Gantt:
    def __init__(
        self,
        dial: Dial,
        now: float,
        width: int,
        scale: int,
        addresses: Sequence[AddressDial],
        notes: Mapping[ev.Stage, str],
    ) -> None:
        self._dial, self._now, self._width, self._addresses, self._notes = dial, now, width, addresses, notes
        longest = max((cell_len(printable(tried.address)) + 2 for tried in addresses), default=0)
        numbers = 2 + 2 * (_FIGURE + 1) + 1
        self._name = max(_NAME, min(longest + 1, width - numbers - _LEAST_SCALE))
        self._scale = max(0, min(scale, width - self._name - numbers))
        self._total = dial.elapsed(now)

    def rows(self) -> list[Row]:
        drawn = [self._axis()]
        for stage in in_order(self._dial):
            record = self._dial.stages.get(stage)
            drawn += self._line(stage, mark(self._dial, stage), record, SHADES[stage], self._notes.get(stage, ""))
            if stage == "tcp":
                for tried in self._addresses:
                    drawn += self._address(tried)
        return drawn

    def _axis(self) -> Row:
        end = units.elapsed(self._total)
        rule = "─" * max(0, self._scale - len(end) - 4)
        columns = left("", self._name + 2) + f"{'began':>{_FIGURE}} {'took':>{_FIGURE}}  "
        return fit(row((columns, "dim"), (f"0 {rule} {end}" if rule else "", "dim")), self._width)

    def _line(
        self, title: str, mark: tuple[str, Role], part: StageRecord | AddressDial | None, ink: str, note: str = ""
    ) -> list[Row]:
        start = row((left(title, self._name), "value" if part else "dim"), (f"{mark[0]} ", mark[1]))
        if part is None:
            return self._noted(start, note, "bad")
        began, took = max(0.0, part.began - self._dial.began), seconds(part, self._now)
        first, end = extent(began, began + took, self._total, self._scale)
        start += row(
            (f"{units.elapsed(began):>{_FIGURE}} ", "label"),
            (f"{units.elapsed(took):>{_FIGURE}}  ", "value"),
            (" " * first, "value"),
            (ink * (end - first), _ROLES[part.outcome]),
        )
        return self._noted(start, note, "bad" if part.outcome == "failed" else "label")

    def _noted(self, start: Row, note: str, role: Role) -> list[Row]:
        """A line with its note right of the scale, in as many lines as that needs."""
        column = self._name + 2 * _FIGURE + 5 + self._scale + _GAP
        lines = fold(note, self._width - column) if note else [""]
        return [
            fit(fit(start if number == 0 else (), column) + row((line, role)), self._width)
            if line
            else fit(start, self._width)
            for number, line in enumerate(lines)
        ]

    def _address(self, tried: AddressDial) -> list[Row]:
        """An address too long for its column has a line of its own; so has the way in which it failed."""
        shown = f"  {printable(tried.address)}"
        drawn: list[Row] = []
        if cell_len(shown) >= self._name:
            drawn = [fit(row((f"  {line}", "value")), self._width) for line in fold(tried.address, self._width - 2)]
            shown = ""
        beaten = tried.outcome == "cancelled" and self._dial.outcome != "cancelled"
        drawn += self._line(shown, NOT_NEEDED if beaten else MARKS[tried.outcome], tried, "━")
        ended = _ending(tried, self._dial)
        lines = fold(ended, self._width - 4) if ended else []
        return drawn + [fit(row((f"    {line}", "label")), self._width) for line in lines]


def _ending(tried: AddressDial, dial: Dial) -> str:
    """How an address ended, where its mark does not show it."""
    if tried.outcome == "failed":
        cause = tried.cause.replace("_", " ") or "failed"
        return tried.text if cause in tried.text.casefold() else ": ".join(part for part in (cause, tried.text) if part)
    if tried.outcome == "cancelled" and any(other.outcome == "complete" for other in dial.addresses):
        return "given up: another address was faster"
    return ""
