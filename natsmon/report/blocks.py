"""What a report is written in: headings, sentences, tables and charts, the same for every format.

Texts are plain, with whatever a server or a file said in them; each format makes them safe in its own way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["plain", "good", "bad", "warn", "dim", "strong"]
"""Stands beside words that say the same; it is never the only sign."""
Align = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    kind: Kind = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int
    """1 is the title; 2 a run, or a part of the only one; 3 below that."""


@dataclass(frozen=True, slots=True)
class Prose:
    text: str
    kind: Kind = "plain"
    lead: str = ""
    """The words it begins with, set apart."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the summary: what it is, its value, and what that is made of."""

    name: str
    value: Cell
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    rows: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    columns: tuple[Column, ...]
    """The first one names the row."""
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend."""

    kind: str
    """The class of what it stands for in the picture."""
    said: str
    tall: float = 1.0
    """Of the height of a bar, where that tells it from others."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, and how it is told where there are only letters."""

    title: str
    told: str
    """What it shows, in a sentence, for who cannot see it."""
    svg: Callable[[], str]
    """The picture, without its title: elements to stand in an ``<svg>`` as wide as the page."""
    height: int
    """Pixels of it."""
    letters: Callable[[int], list[str]]
    """Lines of at most that many columns."""
    legend: tuple[Key, ...] = ()
    over_time: bool = False
    """It shares its axis with others above and below, and what stands left of it is outside of that."""


Block = Heading | Prose | Figures | Table | Chart
