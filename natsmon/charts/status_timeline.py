"""Status over time, by shape first and colour second: a line of cells, or a bar for each connection in SVG."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from natsmon.charts import svg
from natsmon.charts.axis import HEIGHT, TimeAxis, svg_ticks
from natsmon.charts.cells import Role, Row, runs_of
from natsmon.charts.svg import Chart, Key
from natsmon.state import Stretch
from natsmon.text import units
from natsmon.text.dates import RunClock
from natsmon.text.plain_text import NAME_LIMIT, clip

Shade = Literal["connected", "silent", "dialing", "waiting", "interrupted", "draining", "closed"]


class Look(NamedTuple):
    """How a shade is drawn."""

    glyph: str
    role: Role
    height: float
    """Of a bar, from 0 to 1: the lower, the worse."""


LOOKS: dict[Shade, Look] = {
    "connected": Look("█", "good", 1.0),
    "silent": Look("▃", "warn", 0.55),
    "dialing": Look("░", "warn", 0.4),
    "waiting": Look("▒", "warn", 0.25),
    "interrupted": Look("│", "warn", 0.25),
    "draining": Look("▓", "info", 0.8),
    "closed": Look("▁", "bad", 0.1),
}
_BAR = 34
_NAME = 20
_GAP = 10
"""Pixels."""
_ROUNDING = 1e-9
"""Of a cell: a time on its border belongs to it."""
_PIXELS = 1500
"""Of the widest page: stretches that would share a pixel are drawn as one."""


class Part(NamedTuple):
    """A time in one shade, in seconds of the session."""

    began: float
    ended: float
    shade: Shade
    outage: bool = False


class Lane(NamedTuple):
    """The status of one connection over a session."""

    name: str
    clock: RunClock
    timeline: Sequence[Stretch]
    description: str


def legend(*left_out: Shade) -> str:
    return "  ".join(f"{look.glyph} {shade}" for shade, look in LOOKS.items() if shade not in left_out)


def shade_of(stretch: Stretch) -> Shade | None:
    """The shade of a stretch; None before the first dial."""
    match stretch.status:
        case "CONNECTED":
            return "silent" if stretch.silent else "connected"
        case "DRAINING":
            return "draining"
        case "CLOSED":
            return "closed"
        case "DISCONNECTED":
            return "waiting" if stretch.waiting or stretch.began > 0 else None
    return "waiting" if stretch.waiting else "dialing"


def parts(timeline: Sequence[Stretch], now: float, since: float = 0.0) -> Iterator[Part]:
    """The parts of a timeline that end after ``since``, newest first."""
    until = now
    for stretch in reversed(timeline):
        shade = shade_of(stretch)
        began = max(0.0, stretch.began)
        if shade is not None and (began < until or until == now):
            yield Part(began, until, shade, stretch.status == "RECONNECTING")
        until = min(until, began)
        if until < since:
            return


def cells(parts: Iterable[Part], start: float, seconds: float, width: int) -> list[Shade | None]:
    """The shade of each cell of so many seconds: what took most of it, and ``interrupted`` by a shorter outage."""
    spent: list[dict[Shade, float]] = [{} for _ in range(width)]
    outages: list[dict[Shade, float]] = [{} for _ in range(width)]
    for part in parts:
        if part.ended < start:
            continue
        first, last = (max(0, min(width - 1, int((at - start) / seconds + _ROUNDING))) for at in part[:2])
        for number in range(first, last + 1):
            left = start + number * seconds
            inside = max(0.0, min(part.ended, left + seconds) - max(part.began, left))
            times = (outages if part.outage else spent)[number]
            times[part.shade] = times.get(part.shade, 0.0) + inside
    return [_shade(outage, times) for outage, times in zip(outages, spent, strict=True)]


def _shade(outage: dict[Shade, float], rest: dict[Shade, float]) -> Shade | None:
    if not outage:
        return _most(rest)
    return _most(outage) if sum(outage.values()) >= sum(rest.values()) else "interrupted"


def _most(times: dict[Shade, float]) -> Shade | None:
    """What took longest; silence wins when it took half of the time connected."""
    if (silent := times.get("silent", 0.0)) and silent * 2 >= times.get("connected", 0.0):
        times = {**times, "connected": 0.0}
    return max(times, key=times.__getitem__, default=None)


def row(shades: Iterable[Shade | None]) -> Row:
    return runs_of([(LOOKS[shade].glyph, LOOKS[shade].role) if shade else (" ", "dim") for shade in shades])


# -- as a chart of a page -----------------------------------------------------------------------------


def chart(lanes: Sequence[Lane]) -> Chart:
    """One bar for each connection, on one time axis; named where there are several."""
    drawn = [list(parts(lane.timeline, lane.clock.seconds))[::-1] for lane in lanes]
    if len(lanes) > 1:
        drawn = [list(_on_the_wall(of_lane, lane.clock)) for of_lane, lane in zip(drawn, lanes, strict=True)]
        lanes = [lane._replace(clock=lane.clock.without_steps()) for lane in lanes]
    axis = TimeAxis.over(lane.clock for lane in lanes)
    shades = {part.shade for lane in drawn for part in lane}
    names = len(lanes) > 1
    return Chart(
        title="Status over time" + (", side by side" if names else ""),
        description=" ".join(f"{lane.name}: {lane.description}" if names else lane.description for lane in lanes),
        svg=lambda: _svg(lanes, drawn, axis),
        height=_step(lanes) * len(lanes) + HEIGHT,
        over_time=True,
        lines=lambda width: _lines(lanes, drawn, axis, width),
        legend=tuple(Key(f"bar {shade}", shade, look.height) for shade, look in LOOKS.items() if shade in shades),
    )


def _on_the_wall(parts: Iterable[Part], clock: RunClock) -> Iterator[Part]:
    """Parts on the wall clock, as that of other machines; nothing is drawn while the machine was suspended."""
    for part in parts:
        inside = [since for since, _ in clock.steps if part.began < since < part.ended]
        for began, ended in pairwise([part.began, *inside, part.ended]):
            at = clock.wall(began) - clock.started
            yield part._replace(began=at, ended=at + ended - began)


def _step(lanes: Sequence[Lane]) -> int:
    """Pixels from one bar to the next; where there are several, each has its name above it."""
    return _BAR + _GAP + (_NAME if len(lanes) > 1 else 0)


def _svg(lanes: Sequence[Lane], drawn: list[list[Part]], axis: TimeAxis) -> str:
    step = _step(lanes)
    elements = list(svg_ticks(axis.ticks(), step * len(lanes) - _GAP + 4))
    for number, (lane, of_lane) in enumerate(zip(lanes, drawn, strict=True), 1):
        y = number * step - _BAR - _GAP
        if len(lanes) > 1:
            elements.append(svg.text(clip(lane.name, NAME_LIMIT), "0", y - 6, "name"))
        visible = _visible(of_lane, (axis.end - axis.start) / _PIXELS)
        for part in sorted(visible, key=lambda part: part.outage):  # the others would cover the edges of a short one
            height = LOOKS[part.shade].height * _BAR
            title = f"{part.shade} from {lane.clock.at(part.began)} for {units.elapsed(part.ended - part.began)}"
            ends = axis.place(lane.clock.started + part.began), axis.place(lane.clock.started + part.ended)
            if part.outage:
                elements.append(svg.rect("cut", *ends, y, _BAR))
            elements.append(svg.rect(f"bar {part.shade}", *ends, y + _BAR - height, height, title))
    return "".join(elements)


def _visible(parts: list[Part], least: float) -> list[Part]:
    """Parts so short that they share a pixel are merged; the worst shade is kept."""
    visible: list[Part] = []
    for part in parts:
        if visible and part.ended - visible[-1].began <= least:
            before = visible.pop()
            shade = min(before.shade, part.shade, key=lambda shade: LOOKS[shade].height)
            visible.append(Part(before.began, part.ended, shade, before.outage or part.outage))
        else:
            visible.append(part)
    return visible


def _lines(lanes: Sequence[Lane], drawn: list[list[Part]], axis: TimeAxis, width: int) -> list[str]:
    lines: list[str] = []
    seen: set[Shade | None] = set()
    for lane, of_lane in zip(lanes, drawn, strict=True):
        shades = cells(of_lane, axis.start - lane.clock.started, (axis.end - axis.start) / width, width)
        seen.update(shades)
        if len(lanes) > 1:
            lines.append(clip(lane.name, width - 1))
        lines.append("".join(LOOKS[shade].glyph if shade else " " for shade in shades).rstrip())
    return [*lines, axis.line(width), legend(*(shade for shade in LOOKS if shade not in seen))]
