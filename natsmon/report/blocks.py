"""The blocks of a report: headings, sentences, figures, tables and charts, the same for every format.

Texts are plain; each format escapes them in its own way.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from natsmon.charts.svg import Chart

Kind = Literal["plain", "good", "bad", "warn", "dim", "strong"]
"""Beside words that mean the same; it is never the only sign."""


class Cell(NamedTuple):
    text: str
    kind: Kind = "plain"


class Column(NamedTuple):
    name: str
    align: Literal["left", "right"]


class Heading(NamedTuple):
    text: str
    level: int
    """1 is the title; 2 a run, or a part of the only one; 3 below that."""


class Prose(NamedTuple):
    text: str
    kind: Kind = "plain"
    lead: str = ""
    """Its first words, emphasized."""


class Figure(NamedTuple):
    """One figure of the summary: its name, its value, and what the value is made of."""

    name: str
    value: Cell
    note: str = ""


class Figures(NamedTuple):
    """The summary of a run."""

    rows: tuple[Figure, ...]


class Table(NamedTuple):
    """A table; its first column names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


Cells = tuple[Cell | str, ...]
"""A text is a plain cell."""


def table(caption: str, names: Sequence[str], rows: Iterable[Cells], *, right: Collection[str] = ()) -> Table:
    """A table with columns of these names, some of them aligned right."""
    columns = tuple(Column(name, "right" if name in right else "left") for name in names)
    cells = (tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows)
    return Table(caption, columns, tuple(cells))


Block = Heading | Prose | Figures | Table | Chart
