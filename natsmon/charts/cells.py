"""What a screen is made of: rows of pieces of text, each with a role, fitted to terminal cells.

Panels are pure functions from what is known to such rows, so that they can be tested without a terminal.
A role names what a piece means; the stylesheet gives it its colour.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from rich.cells import cell_len, chop_cells, set_cell_size

from natsmon.text.plain_text import printable

Role = Literal["value", "label", "good", "bad", "warn", "info", "dim", "strong"]
COMPONENTS = {f"role--{role}" for role in (*get_args(Role), "cursor")}
"""What a screen must name for the stylesheet to colour it; the cursor is a ground, not a role of text."""

Piece = tuple[str, Role]
Row = tuple[Piece, ...]

ELLIPSIS = "…"
LONGEST_TEXT = 4_000
"""Characters of one text that are drawn."""


def row(*parts: Piece) -> Row:
    """The one gate through which every text passes on its way to the screen."""
    return tuple((text if text.isprintable() else printable(text), role) for text, role in parts if text)


def runs_of(cells: Iterable[Piece]) -> Row:
    """A row of single cells; neighbours that look the same are one piece."""
    parts: list[Piece] = []
    for glyph, role in cells:
        if parts and parts[-1][1] == role and parts[-1][0][-1] == glyph:
            parts[-1] = (parts[-1][0] + glyph, role)
        else:
            parts.append((glyph, role))
    return row(*parts)


def width_of(cells: Row) -> int:
    return sum(cell_len(text) for text, _ in cells)


def text_of(cells: Row) -> str:
    return "".join(text for text, _ in cells)


def cut(text: str, width: int) -> str:
    """The text in at most ``width`` cells; what is missing is marked."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def shorten(text: str, width: int) -> str:
    """The text in at most ``width`` cells; its middle is left out, because names differ at their ends."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    if width < 3:
        return set_cell_size(text, max(0, width))
    head = (width - 1) // 2
    tail = text
    while cell_len(tail) > width - 1 - head:
        tail = tail[1:]
    return set_cell_size(text, head).rstrip() + ELLIPSIS + tail


def left(text: str, width: int) -> str:
    """Cut or padded on the right to exactly ``width`` cells."""
    return set_cell_size(cut(text, width), max(0, width))


def right(text: str, width: int) -> str:
    """Cut or padded on the left to exactly ``width`` cells."""
    text = cut(text, width)
    return " " * (width - cell_len(text)) + text


def fold(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` cells, broken at spaces where there are any."""
    if width <= 0:
        return []
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}… and {len(text) - LONGEST_TEXT:,} more characters"
    lines = [""]
    for word in printable(text).split(" "):
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
            continue
        parts = chop_cells(word, width) if cell_len(word) > width else [word]
        lines[-1:] = [lines[-1], *parts] if lines[-1] else parts
    return lines


def fold_briefly(text: str, width: int, most: int) -> list[str]:
    """The text in at most ``most`` lines; what is missing at its end is marked."""
    lines = fold(text, width)
    return lines if len(lines) <= most else [*lines[: most - 1], cut(" ".join(lines[most - 1 :]), width)]


def fit(cells: Row, width: int) -> Row:
    """The row in exactly ``width`` cells."""
    fitted: list[Piece] = []
    room = width
    for text, role in cells:
        size = cell_len(text)
        if size > room:
            shown = cut(text, room)
            if not shown and fitted and room <= 0:
                last, last_role = fitted[-1]
                if not last.endswith(ELLIPSIS):
                    fitted[-1] = (set_cell_size(last, cell_len(last) - 1) + ELLIPSIS, last_role)
            else:
                fitted.append((shown, role))
                room -= cell_len(shown)
            break
        fitted.append((text, role))
        room -= size
    if room > 0:
        fitted.append((" " * room, "value"))
    return tuple(fitted)


def spread(start: Row, end: Row, width: int) -> Row:
    """``start`` at the left edge, ``end`` at the right one; the start gives way, and never touches the end."""
    size = width_of(end)
    if size >= width:
        return fit(end, width)
    gap = 2 if start and end else 0
    return fit(start, max(0, width - size - gap)) + row((" " * min(gap, width - size), "value")) + end


def block(eighths: int, line: int) -> str:
    """The cell of a column so many eighths of a cell high, in a line counted from the bottom."""
    return " ▁▂▃▄▅▆▇█"[max(0, min(8, eighths - 8 * line))]


def bar(part: float, width: int) -> Row:
    """A bar of ``width`` cells, filled in part."""
    filled = max(0, min(width, round(part * width)))
    return row(("█" * filled, "warn"), ("░" * (width - filled), "dim"))
