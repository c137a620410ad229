"""The blocks of a report: headings, sentences, figures, tables and charts, the same for every format.

Texts are plain; each format escapes them in its own way.
"""

from dataclasses import dataclass
from typing import Literal

from natsmon.charts.chart import Chart

Kind = Literal["plain", "good", "bad", "warn", "dim", "strong"]
"""Beside words that mean the same; it is never the only sign."""
Align = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    kind: Kind = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading."""

    text: str
    level: int
    """1 is the title; 2 a run, or a part of the only one; 3 below that."""


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: str
    kind: Kind = "plain"
    lead: str = ""
    """Its first words, emphasized."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the summary: its name, its value, and what the value is made of."""

    name: str
    value: Cell
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """The summary of a run."""

    rows: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its first column names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


Block = Heading | Prose | Figures | Table | Chart
