"""A report as GitHub's Markdown. Text from servers and files cannot become markup, a link or a mention."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from natsmon.charts.svg import Chart
from natsmon.report.blocks import Block, Figures, Heading, Prose, Table
from natsmon.text.plain_text import printable

_WIDTH = 78
_WORD = re.compile(r"[^\s<>|`\\&]+|.", re.DOTALL)
_LINK = re.compile(r"://|www\.|@|#\d", re.IGNORECASE)
"""GitHub links these also behind a backslash, but not between backticks."""
_MARK = re.compile(r"([\\`*_\[\]#|~$])")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def escape(text: str) -> str:
    """Text that is shown as it is, in a line or in a cell of a table."""
    return "".join(map(_escaped, _WORD.findall(printable(text))))


def _escaped(word: str) -> str:
    if _LINK.search(word):
        return f"`{word}`"
    return _ENTITIES.get(word) or _MARK.sub(r"\\\1", word)


def render(blocks: Iterable[Block]) -> str:
    return "\n\n".join(_block(block, before) for before, block in pairwise([None, *blocks]) if block) + "\n"


def _block(block: Block, before: Block | None) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {escape(block.text)}"
        case Prose():
            return f"**{escape(block.lead)}** {escape(block.text)}" if block.lead else escape(block.text)
        case Figures():
            rows = ((escape(row.name), f"**{escape(row.value.text)}**", escape(row.note)) for row in block.rows)
            return _table([""] * 3, ["---"] * 3, *rows)
        case Table():
            names = [escape(column.name) for column in block.columns]
            marks = ["--:" if column.align == "right" else "---" for column in block.columns]
            cells = ([escape(cell.text) for cell in row] for row in block.rows)
            caption = "" if isinstance(before, Heading) else f"{escape(block.caption)}:\n\n"
            return caption + _table(names, marks, *cells)
        case Chart():
            lines = "\n".join(printable(line) for line in block.lines(_WIDTH))
            fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", lines))])
            return f"{escape(block.title)}:\n\n{fence}text\n{lines}\n{fence}"


def _table(*rows: Sequence[str]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
