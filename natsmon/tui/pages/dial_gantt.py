"""One dial on a scale of time: its stages, and beneath tcp the addresses that were raced, side by side."""

from rich.cells import cell_len

from natsmon.state import AddressDial, Dial, StageRecord
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.text.plain_text import printable
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels.dial_rows import GLYPHS, NOT_NEEDED, WATERFALL, stage_mark
from natsmon.tui.widgets.cells import Role, Row, fit, left, row
from natsmon.tui.widgets.prose import fold

ROLES: dict[ev.StageOutcome, Role] = {"started": "warn", "complete": "info", "failed": "bad", "cancelled": "dim"}
_FIGURE = 9
_NAME = 10
_LEAST_SCALE = 20
_MOST_SCALE = 120


def rows(dial: Dial, moment: Moment, width: int) -> list[Row]:
    """All bars are on the same scale, the length of the dial, so those that overlap in time overlap here."""
    if width <= 0:
        return []
    longest = max((cell_len(printable(tried.address)) + 2 for tried in dial.addresses), default=0)
    numbers = 2 + 2 * (_FIGURE + 1) + 1
    name = max(_NAME, min(longest + 1, width - numbers - _LEAST_SCALE))
    scale = max(0, min(_MOST_SCALE, width - name - numbers))
    total = dial.elapsed(moment.now)
    drawn = [_axis(name, scale, total, width)]
    for stage in _order(dial):
        record = dial.stages.get(stage)
        glyph, role = stage_mark(dial, stage)
        drawn.append(_line(stage, name, (glyph, role), record, WATERFALL[stage], dial, moment, scale, width))
        if stage == "tcp":
            for tried in dial.addresses:
                drawn += _address(tried, name, dial, moment, scale, width)
    return drawn


def _order(dial: Dial) -> list[ev.Stage]:
    """As they came: TLS may be before INFO or after it."""
    places = {stage: place for place, stage in enumerate(dial.stages)}
    known = sorted(places, key=lambda stage: (dial.stages[stage].began, places[stage]))
    later = iter(stage for stage in ev.STAGES if stage not in places)
    if not known:
        return list(later)
    order = list(known)
    for stage in later:  # those that were not begun, or not needed, where they would have been
        before = [order.index(earlier) for earlier in ev.STAGES[: ev.STAGES.index(stage)] if earlier in order]
        order.insert(max(before, default=-1) + 1, stage)
    return order


def _axis(name: int, scale: int, total: float, width: int) -> Row:
    end = units.elapsed(total)
    rule = "─" * max(0, scale - len(end) - 4)
    return fit(
        row(
            (left("", name + 2) + f"{'began':>{_FIGURE}} {'took':>{_FIGURE}}  ", "dim"),
            (f"0 {rule} {end}" if scale > len(end) + 4 else "", "dim"),
        ),
        width,
    )


def _line(
    title: str,
    name: int,
    mark: tuple[str, Role],
    part: StageRecord | AddressDial | None,
    ink: str,
    dial: Dial,
    moment: Moment,
    scale: int,
    width: int,
) -> Row:
    start = row((left(title, name), "value" if part else "dim"), (f"{mark[0]} ", mark[1]))
    if part is None:
        return fit(start, width)
    began = max(0.0, part.began - dial.began)
    took = _seconds(part, moment)
    total = max(dial.elapsed(moment.now), 1e-9)
    first = max(0, min(round(min(1.0, began / total) * scale), scale - 1))
    last = min(scale, max(first + 1, round(min(1.0, (began + took) / total) * scale)))
    return fit(
        start
        + row(
            (f"{units.elapsed(began):>{_FIGURE}} ", "label"),
            (f"{units.elapsed(took):>{_FIGURE}}  ", "value"),
            (" " * first, "value"),
            (ink * (last - first), ROLES[part.outcome]),
        ),
        width,
    )


def _seconds(part: StageRecord | AddressDial, moment: Moment) -> float:
    return max(0.0, moment.now - part.began) if part.outcome == "started" else part.elapsed


def _address(tried: AddressDial, name: int, dial: Dial, moment: Moment, scale: int, width: int) -> list[Row]:
    """An address too long for its column has a line of its own; so has the way in which it failed."""
    shown = f"  {printable(tried.address)}"
    drawn: list[Row] = []
    if cell_len(shown) >= name:
        drawn = [fit(row((f"  {line}", "value")), width) for line in fold(tried.address, width - 2)]
        shown = ""
    beaten = tried.outcome == "cancelled" and dial.outcome != "cancelled"
    mark = NOT_NEEDED if beaten else GLYPHS[tried.outcome]
    drawn.append(_line(shown, name, mark, tried, "━", dial, moment, scale, width))
    words = ending(tried, dial)
    drawn += [fit(row(("    " + line, "label")), width) for line in fold(words, width - 4)] if words else []
    return drawn


def ending(tried: AddressDial, dial: Dial) -> str:
    """How an address ended, where its mark does not say it all."""
    if tried.outcome == "failed":
        cause = tried.cause.replace("_", " ") or "failed"
        return tried.text if cause in tried.text.casefold() else ": ".join(part for part in (cause, tried.text) if part)
    if tried.outcome == "cancelled" and any(other.outcome == "complete" for other in dial.addresses):
        return "given up: another address was faster"
    return ""
