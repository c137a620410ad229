"""Rich renderables as lines of text: wide characters align, colour is optional, markup is not interpreted."""

import io
from collections.abc import Iterable, Mapping

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

STYLES: Mapping[str, Style] = {
    name: Style.parse(style)
    for name, style in {
        "good": "green", "bad": "red", "warn": "yellow", "info": "cyan", "dim": "dim", "label": "dim", "strong": "bold",
        "title": "bold", "value": "", "plain": "",
    }.items()
}  # fmt: skip
"""By the role, or the kind, of a text."""


def styled(text: str, *kinds: str) -> Text:
    """A text in the styles of these kinds."""
    return Text(text, style=Style.combine(STYLES[kind] for kind in kinds) if kinds else "")


def lines(renderable: RenderableType, width: int, *, colour: bool) -> list[str]:
    """The lines of a renderable in at most ``width`` cells, without trailing blanks."""
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, highlight=False, emoji=False)
    return [_line(line, colour=colour) for line in console.render_lines(renderable, pad=False)]


def _line(segments: Iterable[Segment], *, colour: bool) -> str:
    kept = list(segments)
    while kept and not kept[-1].text.rstrip():
        kept.pop()
    if not kept:
        return ""
    kept[-1] = Segment(kept[-1].text.rstrip(), kept[-1].style)
    system = ColorSystem.STANDARD if colour else None
    return "".join(
        segment.style.render(segment.text, color_system=system)
        if segment.style and segment.text.strip()
        else segment.text
        for segment in kept
    )


def painted(row: Iterable[tuple[str, str]], *, colour: bool) -> str:
    """A row of texts, each with its role, as one line without trailing blanks."""
    return _line((Segment(text, STYLES[role]) for text, role in row), colour=colour)
