"""A report for a terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from natsmon.report.blocks import Block, Cell, Chart, Column, Figures, Heading, Kind, Prose, Table
from natsmon.text.plain_text import printable

NARROW, WIDE = 80, 140
"""Columns, where nothing is known of the terminal, and at most: longer lines are hard to read."""
_GAP = "  "
_LEAST = 10
"""Columns a text column keeps when there is no room; beyond that a table is cut into several."""
_CODES: dict[Kind, str] = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "strong": "1", "plain": ""}


class _Page:
    def __init__(self, width: int, *, colour: bool) -> None:
        self._width = width
        self._colour = colour

    def block(self, block: Block, before: Block | None) -> Iterator[str]:
        match block:
            case Heading():
                yield from self._heading(block)
            case Prose():
                yield from self._prose(block)
            case Figures():
                yield from self._figures(block)
            case Table():
                if not isinstance(before, Heading):  # which says it
                    yield self._pen(printable(block.caption), "dim")
                yield from self._table(block)
            case Chart():
                yield self._pen(printable(block.title), "dim")
                yield from map(printable, block.letters(self._width))

    def _pen(self, text: str, kind: Kind) -> str:
        code = _CODES[kind]
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code and text.strip() else text

    def _heading(self, heading: Heading) -> Iterator[str]:
        text = printable(heading.text)
        if heading.level == 2:
            room = max(0, self._width - len(text) - 1)
            yield f"{self._pen(text, 'strong')} {self._pen('─' * room, 'dim')}"
        else:
            yield from (self._pen(line, "strong") for line in textwrap.wrap(text, self._width))

    def _prose(self, prose: Prose) -> Iterator[str]:
        lead, kind = printable(prose.lead), prose.kind
        lines = textwrap.wrap(f"{lead} {printable(prose.text)}" if lead else printable(prose.text), self._width)
        for number, line in enumerate(lines):
            if lead and number == 0 and line.startswith(lead):
                yield self._pen(lead, "strong") + self._pen(line[len(lead) :], kind)
            else:
                yield self._pen(line, kind)

    def _figures(self, figures: Figures) -> Iterator[str]:
        names = max(len(row.name) for row in figures.rows)
        values = max(len(printable(row.value.text)) for row in figures.rows)
        at = names + values + 2 * len(_GAP)
        for row in figures.rows:
            first, *rest = textwrap.wrap(printable(row.note), max(_LEAST, self._width - at)) or [""]
            value = self._pen(f"{printable(row.value.text):<{values}}", row.value.kind)
            yield f"{self._pen(f'{row.name:<{names}}', 'dim')}{_GAP}{value}{_GAP}{first}".rstrip()
            yield from (" " * at + more for more in rest)

    def _table(self, table: Table) -> Iterator[str]:
        columns = [Column(printable(column.name), column.align) for column in table.columns]
        rows = [[Cell(printable(cell.text), cell.kind) for cell in row] for row in table.rows]
        chunks = list(self._chunks(columns, rows))
        for number, chunk in enumerate(chunks):
            if number:
                yield ""
            yield from self._part([columns[at] for at in chunk], [[row[at] for at in chunk] for row in rows])

    def _chunks(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Iterator[list[int]]:
        """Which columns stand together; the first one names the row in each part."""
        least = [min(width, _floor(column)) if column.align == "left" else width
                 for column, width in zip(columns, _widths(columns, rows), strict=True)]  # fmt: skip
        chunk = [0]
        for at in range(1, len(columns)):
            if len(chunk) > 1 and sum(least[i] for i in [*chunk, at]) + len(_GAP) * len(chunk) > self._width:
                yield chunk
                chunk = [0]
            chunk.append(at)
        yield chunk

    def _part(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
        widths = self._fitted(columns, _widths(columns, rows))
        heads = [
            f"{c.name:>{w}}" if c.align == "right" else f"{c.name:<{w}}" for c, w in zip(columns, widths, strict=True)
        ]
        yield self._pen(_GAP.join(heads).rstrip(), "dim")
        for row in rows:
            wrapped = [textwrap.wrap(cell.text, width) or [""] for cell, width in zip(row, widths, strict=True)]
            for number in range(max(map(len, wrapped))):
                cells = []
                for cell, lines, column, width in zip(row, wrapped, columns, widths, strict=True):
                    line = lines[number] if number < len(lines) else ""
                    padded = f"{line:>{width}}" if column.align == "right" else f"{line:<{width}}"
                    cells.append(self._pen(padded, cell.kind))
                yield _GAP.join(cells).rstrip()

    def _fitted(self, columns: Sequence[Column], widths: list[int]) -> list[int]:
        """The widest text columns give way first."""
        over = sum(widths) + len(_GAP) * (len(widths) - 1) - self._width
        while over > 0:
            texts = [at for at, column in enumerate(columns) if widths[at] > _floor(column)]
            if not texts:
                break
            widths[max(texts, key=lambda at: (columns[at].align == "left", widths[at]))] -= 1
            over -= 1
        return widths


def _floor(column: Column) -> int:
    return max(_LEAST, len(column.name))


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    return [max(1, len(column.name), *(len(row[at].text) for row in rows)) for at, column in enumerate(columns)]


def render(blocks: Sequence[Block], *, width: int = NARROW, colour: bool = False) -> str:
    page = _Page(min(max(width, 40), WIDE), colour=colour)
    lines: list[str] = []
    before: Block | None = None
    for block in blocks:
        told = isinstance(block, Prose) and isinstance(before, Prose) and block.kind == "strong"
        if before is not None and not told:
            lines.append("")
        lines += page.block(block, before)
        before = block
    return "\n".join(lines) + "\n"
