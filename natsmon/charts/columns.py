"""Tables: columns of a fixed size, two blanks apart, for records of one kind."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from rich.cells import cell_len

from natsmon.charts.cells import Role, Row, fit, left, right, row, shorten, spread
from natsmon.text.plain_text import printable

T = TypeVar("T")
GAP = 2


class Column(NamedTuple, Generic[T]):
    """A column, and what stands in it for a record."""

    name: str
    size: int
    cell: Callable[[T], Row]
    right: bool = False
    """Its name and its figures are at the right edge."""


def text(value: str, role: Role = "value") -> Row:
    return row((value, role))


def shortened(value: str, size: int, role: Role = "value") -> Row:
    """A cell with a name; its middle is left out where it is too long."""
    return row((shorten(value, size), role))


def header(columns: Sequence[Column[T]], width: int, start: str = "") -> Row:
    """The names of the columns, after ``start``."""
    names = ((right if each.right else left)(each.name, each.size) for each in columns)
    return fit(row((start + (" " * GAP).join(names), "dim")), width)


def line(columns: Sequence[Column[T]], record: T, width: int, start: Row = ()) -> Row:
    """A record, after ``start``."""
    cells: Row = start
    for number, each in enumerate(columns):
        cells += ((" " * GAP, "value"),) if number else ()
        cells += spread((), each.cell(record), each.size) if each.right else fit(each.cell(record), each.size)
    return fit(cells, width)


def widest(texts: Iterable[str], least: int, most: int) -> int:
    """The size of a column of texts."""
    return max(least, min(most, max((cell_len(printable(each)) for each in texts), default=0)))


def room(columns: Sequence[Column[T]], width: int) -> int:
    """Cells that the columns leave for another one."""
    return width - sum(each.size + GAP for each in columns)
