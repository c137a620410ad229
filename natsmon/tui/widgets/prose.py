"""Text on a page: folded where a panel would cut it, and facts by name in two columns."""

from collections.abc import Iterable

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Role, Row, fit, fold, left, row
from natsmon.text.plain_text import printable

_WIDEST_NAME = 24
_INDENT = 2

Fact = tuple[str, str] | tuple[str, str, Role]
"""A name, what is known by it, and how that is to be taken."""


def heading(title: str, width: int) -> list[Row]:
    """A blank line, and a title on a rule."""
    rule = "─" * max(0, width - cell_len(title) - 1)
    return [fit((), width), fit(row((f"{title} ", "strong"), (rule, "dim")), width)]


def widest(known: Iterable[Fact]) -> int:
    return max((cell_len(printable(fact[0])) for fact in known), default=0)


def facts(known: Iterable[Fact], width: int, *, names: int = 0) -> list[Row]:
    """One below the other, what is known of each beside its name; those of which nothing is known are left out.

    ``names`` is the least width of the names, to align several such lists.
    """
    listed = [fact for fact in known if fact[1]]
    names = min(max(names, widest(listed)), _WIDEST_NAME, max(1, width // 3))
    room = max(1, width - _INDENT - names - 2)
    drawn: list[Row] = []
    for name, text, *given in listed:
        role: Role = given[0] if given else "value"
        for number, line in enumerate(fold(text, room)):
            shown = left(name if number == 0 else "", names)
            start: Piece = (" " * _INDENT + shown + "  ", "label")
            drawn.append(fit(row(start, (line, role)), width))
    return drawn


def plain(text: str, width: int, role: Role = "label") -> list[Row]:
    return [fit(row((" " * _INDENT + line, role)), width) for line in fold(text, width - _INDENT)]


def beside(first: list[Row], second: list[Row], width: int, gap: int = 4) -> list[Row]:
    """Two columns, the first of ``width`` cells."""
    blank: Row = ((" " * width, "value"),)
    lines = max(len(first), len(second))
    padded = [*first, *[blank] * (lines - len(first))]
    return [line + ((" " * gap, "value"),) + (second[y] if y < len(second) else ()) for y, line in enumerate(padded)]
