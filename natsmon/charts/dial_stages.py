"""Stages of a dial: their marks and shades, one dial in proportion, and the averages of several servers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from natsmon.charts import svg
from natsmon.charts.cells import Piece, Role, Row, fit, left, row
from natsmon.charts.columns import widest
from natsmon.charts.svg import Chart, Key
from natsmon.state import Dial, DialPart
from natsmon.stream import events as ev
from natsmon.text import units

MARKS: dict[ev.StageOutcome, tuple[str, Role]] = {
    "started": ("◐", "warn"),
    "complete": ("✓", "good"),
    "failed": ("✗", "bad"),
    "cancelled": ("⊘", "warn"),
}
NOT_BEGUN: tuple[str, Role] = ("·", "dim")
NOT_NEEDED: tuple[str, Role] = ("–", "dim")
SHADES: dict[ev.Stage, str] = {"dns": "░", "tcp": "▒", "tls": "▓", "info": "▚", "connect": "█"}
_ROLES: dict[ev.StageOutcome, Role] = {"failed": "bad", "cancelled": "dim"}
_BAR = 20
_NAME = 20
_GAP = 10
"""Pixels."""
_LABELLED = 0.14
"""Of the width; a shorter part has no room for its name."""
_SHOWN = 12


def mark(dial: Dial, stage: ev.Stage) -> tuple[str, Role]:
    record = dial.stages.get(stage)
    if record is not None:
        return MARKS[record.outcome]
    passed = stage == "tls" and "connect" in dial.stages
    return NOT_BEGUN if dial.outcome is None and not passed else NOT_NEEDED


def seconds(part: DialPart, now: float) -> float:
    """How long a stage took, or has taken."""
    return max(0.0, now - part.began) if part.outcome == "started" else part.elapsed


def in_order(dial: Dial) -> list[ev.Stage]:
    """The stages in order of time, since TLS may precede INFO or follow it; those not begun where they would be."""
    order = sorted(dial.stages, key=lambda stage: dial.stages[stage].began)
    for stage in ev.STAGES:
        if stage not in dial.stages:
            before = [order.index(earlier) for earlier in ev.STAGES[: ev.STAGES.index(stage)] if earlier in order]
            order.insert(max(before, default=-1) + 1, stage)
    return order


def proportions(dial: Dial, now: float, width: int, longest: float) -> Row:
    """The stages of one dial, each in its shade; a full line is ``longest`` seconds.

    One too short for a cell has one, in the shade and colour of its last stage.
    """
    total = max(longest, 1e-9)
    parts: list[Piece] = []
    reached = 0.0
    drawn = 0
    for stage, record in dial.stages.items():
        reached += seconds(record, now)
        cells = min(width, round(min(1.0, reached / total) * width)) - drawn
        if cells <= 0:
            continue
        drawn += cells
        parts.append((SHADES[stage] * cells, _ROLES.get(record.outcome, "info")))
    if not parts and dial.stages:
        stage, record = next(reversed(dial.stages.items()))
        parts.append((SHADES[stage], _ROLES.get(record.outcome, "info")))
    return fit(row(*parts), width)


class ServerStages(NamedTuple):
    """The average dial of one server."""

    name: str
    dials: int
    means: Mapping[ev.Stage, float]
    """Seconds of each stage, in wire order."""

    @property
    def total(self) -> float:
        return sum(self.means.values())


def chart(servers: Sequence[ServerStages]) -> Chart | None:
    """One bar for each server; None when no dial connected."""
    dialed = [server for server in servers if server.means][:_SHOWN]
    if not dialed:
        return None
    longest = max(server.total for server in dialed) or 1e-9
    stages = [stage for stage in ev.STAGES if any(stage in server.means for server in dialed)]
    return Chart(
        title="Stages of a dial, on average",
        description=" ".join(map(_sentence, dialed)),
        svg=lambda: _svg(dialed, longest),
        height=(_NAME + _BAR + _GAP) * len(dialed),
        lines=lambda width: _lines(dialed, longest, stages, width),
        legend=tuple(Key(f"stage {stage}", stage) for stage in stages),
    )


def _sentence(server: ServerStages) -> str:
    means = [f"{stage} {units.elapsed(mean)}" for stage, mean in server.means.items()]
    return f"{server.name}: {', '.join(means)}."


def _svg(servers: Sequence[ServerStages], longest: float) -> str:
    drawn: list[str] = []
    y = 0.0
    for server in servers:
        y += _NAME
        title = f"{server.name}  {units.elapsed(server.total)}, {units.plural(server.dials, 'dial')}"
        drawn.append(svg.text(title, "0", y - 6, "name"))
        reached = 0.0
        for stage, mean in server.means.items():
            end = reached + mean / longest
            drawn.append(svg.rect(f"stage {stage}", reached, end, y, _BAR, f"{stage}: {units.elapsed(mean)}"))
            if end - reached >= _LABELLED:
                drawn.append(svg.text(stage, svg.across((reached + end) / 2), y + 14, "inside", "middle"))
            reached = end
        y += _BAR + _GAP
    return "".join(drawn)


def _lines(servers: Sequence[ServerStages], longest: float, stages: Sequence[ev.Stage], width: int) -> list[str]:
    label = widest((server.name for server in servers), 0, 30)
    room = max(10, width - label - 12)
    lines = []
    for server in servers:
        bar, reached = "", 0.0
        for stage, mean in server.means.items():
            reached += mean / longest * room
            bar += SHADES[stage] * (round(reached) - len(bar))
        lines.append(f"{left(server.name, label)}  {bar:<{room}} {units.elapsed(server.total):>8}".rstrip())
    return [*lines, "  ".join(f"{SHADES[stage]} {stage}" for stage in stages)]
