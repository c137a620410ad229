"""The stages of dials that connected, one bar a server: how long each took on average."""

from natsmon.charts import svg
from natsmon.report import words
from natsmon.report.blocks import Chart, Key
from natsmon.report.facts import Server
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.text.plain_text import clip

_BAR = 20
_NAME = 20
_GAP = 10
_LABELLED = 0.14
"""Of the width; a shorter part has no room for its name."""
_SHOWN = 12
_GLYPHS: dict[str, str] = {"dns": "░", "tcp": "▒", "tls": "▓", "info": "▞", "connect": "█"}


def chart(servers: tuple[Server, ...]) -> Chart | None:
    """None where no dial connected."""
    dialed = tuple(server for server in servers if server.stages)[:_SHOWN]
    if not dialed:
        return None
    longest = max(_total(server) for server in dialed) or 1e-9
    stages = [stage for stage in ev.STAGES if any(s.stage == stage for server in dialed for s in server.stages)]
    return Chart(
        title="Stages of a dial, on average",
        told=" ".join(_sentence(server) for server in dialed),
        svg=lambda: _draw(dialed, longest),
        height=(_NAME + _BAR + _GAP) * len(dialed),
        letters=lambda width: _letters(dialed, longest, stages, width),
        legend=tuple(Key(f"stage {stage}", stage) for stage in stages),
    )


def _total(server: Server) -> float:
    return sum(stage.mean for stage in server.stages)


def _sentence(server: Server) -> str:
    told = [f"{stage.stage} {units.elapsed(stage.mean)}" for stage in server.stages]
    return f"{words.server(server.server)}: {', '.join(told)}."


def _draw(servers: tuple[Server, ...], longest: float) -> str:
    drawn: list[str] = []
    y = 0.0
    for server in servers:
        y += _NAME
        dials = units.plural(server.connected, "dial")
        said = f"{words.server(server.server)}  {units.elapsed(_total(server))}, {dials}"
        drawn.append(svg.text(said, "0", y - 6, "name"))
        reached = 0.0
        for stage in server.stages:
            end = reached + stage.mean / longest
            title = f"{stage.stage}: {units.elapsed(stage.mean)}"
            drawn.append(svg.rect(f"stage {stage.stage}", reached, end, y, _BAR, title))
            if end - reached >= _LABELLED:
                drawn.append(svg.text(stage.stage, svg.across((reached + end) / 2), y + 14, "inside", "middle"))
            reached = end
        y += _BAR + _GAP
    return "".join(drawn)


def _letters(servers: tuple[Server, ...], longest: float, stages: list[ev.Stage], width: int) -> list[str]:
    names = [clip(words.server(server.server), 30) for server in servers]
    label = max(map(len, names))
    room = max(10, width - label - 12)
    lines = []
    for name, server in zip(names, servers, strict=True):
        bar, reached = "", 0.0
        for stage in server.stages:
            reached += stage.mean / longest * room
            bar += _GLYPHS[stage.stage] * (round(reached) - len(bar))
        lines.append(f"{name:<{label}}  {bar:<{room}} {units.elapsed(_total(server)):>8}".rstrip())
    return [*lines, "  ".join(f"{_GLYPHS[stage]} {stage}" for stage in stages)]
