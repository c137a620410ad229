"""A report for a terminal, laid out by Rich."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from natsmon.charts.svg import Chart
from natsmon.report.blocks import Block, Cell, Column, Figures, Heading, Prose, Table
from natsmon.text.console_text import lines, styled
from natsmon.text.plain_text import printable

NARROW, WIDE = 80, 140
"""Columns where no terminal is known, and at most: longer lines are hard to read."""
_GAP = 2
_LEAST = 10
"""Cells that a text column keeps; a table with less room is split."""


def render(blocks: Iterable[Block], *, width: int = NARROW, colour: bool = False) -> str:
    """The report for a terminal of this width in cells, with or without ANSI colours."""
    width = min(max(width, 40), WIDE)
    drawn: list[str] = []
    before: Block | None = None
    for block in blocks:
        continues = isinstance(block, Prose) and isinstance(before, Prose) and block.kind == "strong"
        if before is not None and not continues:
            drawn.append("")
        for part in _parts(block, before, width):
            drawn += lines(part, width, colour=colour)
        before = block
    return "\n".join(drawn) + "\n"


def _parts(block: Block, before: Block | None, width: int) -> Iterator[RenderableType]:
    match block:
        case Heading(level=2):
            yield Rule(styled(printable(block.text), "strong"), align="left", style="dim")
        case Heading():
            yield styled(printable(block.text), "strong")
        case Prose():
            lead = styled(f"{printable(block.lead)} ", "strong") if block.lead else Text()
            yield Text.assemble(lead, styled(printable(block.text), block.kind))
        case Figures():
            yield _figures(block)
        case Table():
            if not isinstance(before, Heading):  # a heading is caption enough
                yield styled(printable(block.caption), "dim")
            for number, columns in enumerate(_that_fit(block, width)):
                yield from ("",) * bool(number)
                yield _grid(block, columns)
        case Chart():
            yield styled(printable(block.title), "dim")
            yield Text("\n".join(map(printable, block.lines(width))), no_wrap=True, overflow="crop")


def _figures(figures: Figures) -> Grid:
    grid = Grid.grid(padding=(0, _GAP, 0, 0))
    for row in figures.rows:
        value = styled(printable(row.value.text), row.value.kind)
        value.no_wrap = True
        grid.add_row(styled(row.name, "dim"), value, Text(printable(row.note), overflow="fold"))
    return grid


def _grid(table: Table, columns: Sequence[int]) -> RenderableType:
    grid = Grid(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim", show_edge=False)
    for at in columns:
        column = table.columns[at]
        least = _least(column, table, at)
        grid.add_column(printable(column.name), justify=column.align, no_wrap=column.align == "right", min_width=least)
    for row in table.rows:
        grid.add_row(*(_text(row[at]) for at in columns))
    return Padding(grid, (0, 0), expand=False)


def _text(cell: Cell) -> Text:
    text = styled(printable(cell.text), cell.kind)
    text.overflow = "fold"
    return text


def _least(column: Column, table: Table, at: int) -> int:
    """The cells that a column needs: all of a number, some of a text."""
    widest = max((cell_len(printable(row[at].text)) for row in table.rows), default=0)
    name = cell_len(printable(column.name))
    return max(name, widest if column.align == "right" else min(widest, _LEAST))


def _that_fit(table: Table, width: int) -> Iterator[list[int]]:
    """Which columns fit side by side; the first one names the row in each part."""
    least = [_least(column, table, at) for at, column in enumerate(table.columns)]
    fitting = [0]
    for at in range(1, len(least)):
        if len(fitting) > 1 and sum(least[i] + _GAP for i in [*fitting, at]) - _GAP > width:
            yield fitting
            fitting = [0]
        fitting.append(at)
    yield fitting
