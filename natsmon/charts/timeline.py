"""Status over time: one bar for each run, told by shape first and colour second."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from natsmon.charts import svg
from natsmon.charts.axis import HEIGHT, Axis
from natsmon.report import words
from natsmon.report.blocks import Chart, Key
from natsmon.report.facts import Run, Stretch
from natsmon.text import units
from natsmon.text.plain_text import clip

Shade = Literal["connected", "silent", "dialing", "waiting", "draining", "closed"]
_TOLD: dict[Shade, tuple[str, str]] = {
    "connected": ("█", "connected"),
    "silent": ("▃", "connected, but silent"),
    "dialing": ("░", "dialing"),
    "waiting": ("▒", "waiting to dial"),
    "draining": ("▓", "draining"),
    "closed": ("▁", "closed"),
}
_TALL: dict[Shade, float] = {
    "connected": 1.0,
    "silent": 0.55,
    "dialing": 0.4,
    "waiting": 0.25,
    "draining": 0.8,
    "closed": 0.1,
}
"""Of the height of a bar: the lower, the worse."""
_SILENCE = 2.0
"""Seconds without a sign of life; less is the rest between two PINGs."""
_BAR = 34
_NAME = 20
_GAP = 10
_PIXELS = 1500
"""A page is not wider; stretches that would share a pixel are drawn as one."""


class Part(NamedTuple):
    """Seconds of the run."""

    began: float
    ended: float
    shade: Shade
    lost: bool = False
    """A connection had been there, and was wanted."""


def chart(run: Run) -> Chart:
    return _chart("Status over time", (run,), Axis.of(run), names=False)


def common(runs: tuple[Run, ...]) -> Chart:
    """Every run on one axis of time."""
    return _chart("Status over time, side by side", runs, Axis.common(runs), names=True)


def _chart(title: str, runs: tuple[Run, ...], axis: Axis, *, names: bool) -> Chart:
    parts = [_parts(run) for run in runs]
    shades = {part.shade for of_run in parts for part in of_run}
    return Chart(
        title=title,
        told=" ".join(_sentence(run, names=names) for run in runs),
        svg=lambda: _draw(runs, parts, axis, names=names),
        height=(_BAR + _GAP + (_NAME if names else 0)) * len(runs) + HEIGHT,
        over_time=True,
        letters=lambda width: _letters(runs, parts, axis, width, names=names),
        legend=tuple(Key(f"bar {shade}", said, _TALL[shade]) for shade, (_, said) in _TOLD.items() if shade in shades),
    )


def _sentence(run: Run, *, names: bool) -> str:
    outages = run.outages
    clock = words.Clock(run)
    whose = f"{run.label}: " if names else ""
    if not outages:
        return f"{whose}No outage in {units.elapsed(run.watched)}."
    told = [f"{clock.at(o.began)} for {units.elapsed(o.seconds)}" for o in outages[:10]]
    more = f", and {len(outages) - 10} more" if len(outages) > 10 else ""
    return f"{whose}{units.plural(len(outages), 'outage')}: {', '.join(told)}{more}."


def _shade(stretch: Stretch) -> Shade | None:
    match stretch.status:
        case "CONNECTED":
            return "connected"
        case "DRAINING":
            return "draining"
        case "CLOSED":
            return "closed"
        case "DISCONNECTED":
            return "waiting" if stretch.waiting else None
    return "waiting" if stretch.waiting else "dialing"


def _parts(run: Run) -> list[Part]:
    """Stretches in order, those of silence cut out of the time connected."""
    parts: list[Part] = []
    silences = sorted({*run.silences, *_unnoticed(run)})
    at = 0
    for stretch in run.timeline:
        shade = _shade(stretch)
        if shade is None:
            continue
        began = stretch.began
        while at < len(silences) and silences[at][1] <= began:
            at += 1
        if shade == "connected":
            for since, until in _before(stretch.ended, silences, at):
                first, last = max(began, since), min(stretch.ended, until)
                if first < last:
                    parts += [Part(began, first, "connected"), Part(first, last, "silent")]
                    began = last
        parts.append(Part(began, stretch.ended, shade, stretch.status == "RECONNECTING"))
    return [part for part in parts if part.ended > part.began]


def _before(end: float, silences: list[tuple[float, float]], first: int) -> Iterable[tuple[float, float]]:
    for number in range(first, len(silences)):
        if silences[number][0] >= end:
            return
        yield silences[number]


def _unnoticed(run: Run) -> Iterable[tuple[float, float]]:
    """Silence that was not told as such, and ended in a loss."""
    for outage in run.outages:
        if outage.cause != "manual" and outage.detected_after >= _SILENCE and not outage.silent:
            yield max(0.0, outage.began - outage.detected_after), outage.began


def _cells(run: Run, parts: list[Part], axis: Axis, width: int) -> list[Shade | None]:
    """What took most of the time of each cell; but an outage, however short, is never hidden."""
    spent: list[dict[Shade, float]] = [{} for _ in range(width)]
    lost: list[dict[Shade, float]] = [{} for _ in range(width)]
    cell = (axis.end - axis.start) / width
    for part in parts:
        began, ended = run.started + part.began, run.started + part.ended
        first, last = (max(0, min(width - 1, int((at - axis.start) / cell))) for at in (began, ended))
        for number in range(first, last + 1):
            left = axis.start + number * cell
            inside = max(0.0, min(ended, left + cell) - max(began, left))
            for times in (spent[number], lost[number]) if part.lost else (spent[number],):
                times[part.shade] = times.get(part.shade, 0.0) + inside
    return [_most(outage) or _most(times) for outage, times in zip(lost, spent, strict=True)]


def _most(times: dict[Shade, float]) -> Shade | None:
    """What took the longest; of silence it is enough that it took half of the time connected."""
    if (silent := times.get("silent", 0.0)) and silent * 2 >= times.get("connected", 0.0):
        times = {**times, "connected": 0.0}
    return max(times, key=times.__getitem__, default=None)


def _draw(runs: tuple[Run, ...], parts: list[list[Part]], axis: Axis, *, names: bool) -> str:
    drawn: list[str] = []
    y = 0.0
    bottom = (_BAR + _GAP + (_NAME if names else 0)) * len(runs) - _GAP + 4
    drawn += axis.svg(bottom)
    for run, of_run in zip(runs, parts, strict=True):
        if names:
            y += _NAME
            drawn.append(svg.text(words.name(run.label), "0", y - 6, "name"))
        visible = list(_visible(of_run, (axis.end - axis.start) / _PIXELS))
        for part in sorted(visible, key=lambda part: part.lost):  # the others would cover the edges of a short one
            drawn += _bar(run, part, axis, y)
        y += _BAR + _GAP
    return "".join(drawn)


def _bar(run: Run, part: Part, axis: Axis, y: float) -> Iterable[str]:
    tall = _TALL[part.shade] * _BAR
    said = f"{_TOLD[part.shade][1]} from {words.Clock(run).at(part.began)} for {units.elapsed(part.ended - part.began)}"
    ends = axis.place(run.started + part.began), axis.place(run.started + part.ended)
    if part.lost:
        yield svg.rect("cut", *ends, y, _BAR)
    yield svg.rect(f"bar {part.shade}", *ends, y + _BAR - tall, tall, said)


def _visible(parts: list[Part], least: float) -> Iterable[Part]:
    """Parts so short that they share a pixel as one, and of them the worst."""
    short: Part | None = None
    for part in parts:
        if short is not None and (part.ended - part.began >= least or part.ended - short.began > least):
            yield short
            short = None
        if part.ended - part.began >= least:
            yield part
        elif short is None:
            short = part
        else:
            shade = min(short.shade, part.shade, key=_TALL.__getitem__)
            short = Part(short.began, part.ended, shade, short.lost or part.lost)
    if short is not None:
        yield short


def _letters(runs: tuple[Run, ...], parts: list[list[Part]], axis: Axis, width: int, *, names: bool) -> list[str]:
    lines: list[str] = []
    shades: set[Shade] = set()
    for run, of_run in zip(runs, parts, strict=True):
        cells = _cells(run, of_run, axis, width)
        shades |= {shade for shade in cells if shade}
        if names:
            lines.append(clip(run.label, width - 1))
        lines.append("".join(_TOLD[shade][0] if shade else " " for shade in cells).rstrip())
    lines.append(axis.letters(width))
    lines.append("  ".join(f"{glyph} {said}" for shade, (glyph, said) in _TOLD.items() if shade in shades))
    return lines
