"""A report as one HTML file. It loads nothing and runs nothing."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

from natsmon.charts.svg import Chart, Key, element, safe
from natsmon.report.blocks import Block, Cell, Figures, Heading, Prose, Table

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
"""Light and dark, on a screen and on paper."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_KEY = 14
"""Pixels of a key in a legend."""
_SHORT = 28
"""Letters."""


def render(blocks: Iterable[Block], title: str) -> str:
    charts = count(1)
    body = "\n".join(
        _chart(block, f"chart{next(charts)}") if isinstance(block, Chart) else _block(block) for block in blocks
    )
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{safe(title)}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _block(block: Heading | Prose | Figures | Table) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{safe(block.text)}</h{block.level}>"
        case Prose():
            lead = f"<strong>{safe(block.lead)}</strong> " if block.lead else ""
            return f'<p class="{block.kind}">{lead}{safe(block.text)}</p>'
        case Figures():
            return _figures(block)
        case Table():
            return _table(block)


def _figures(figures: Figures) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{safe(row.name)}</th>{_cell(row.value, "value")}<td>{safe(row.note)}</td></tr>'
        for row in figures.rows
    )
    return f'<table class="figures"><caption class="unseen">Summary</caption>\n{rows}\n</table>'


def _cell(cell: Cell, *classes: str) -> str:
    kinds = " ".join((*classes, *([cell.kind] if cell.kind != "plain" else []), *_short(cell)))
    return f'<td class="{kinds}">{safe(cell.text)}</td>' if kinds else f"<td>{safe(cell.text)}</td>"


def _short(cell: Cell) -> tuple[str, ...]:
    """A short text is not broken into lines, not even at a hyphen."""
    return ("short",) if len(cell.text) <= _SHORT else ()


def _table(table: Table) -> str:
    heads = "".join(
        f'<th scope="col" class="{column.align}">{safe(column.name)}</th>' if column.name else "<td></td>"
        for column in table.columns
    )
    rows = []
    for row in table.rows:
        first, *rest = row
        align = table.columns[0].align
        cells = "".join(_cell(cell, column.align) for cell, column in zip(rest, table.columns[1:], strict=True))
        kinds = " ".join((align, *_short(first)))
        rows.append(f'<tr><th scope="row" class="{kinds}">{safe(first.text)}</th>{cells}</tr>')
    body = "\n".join(rows)
    # A table too wide for the page is scrolled, also by keys.
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{safe(table.caption)}"><table>'
        f"<caption>{safe(table.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def _chart(chart: Chart, name: str) -> str:
    title = (
        f'<title id="{name}-title">{safe(chart.title)}</title><desc id="{name}-desc">{safe(chart.description)}</desc>'
    )
    legend = "".join(f"<li>{_key(key)}{safe(key.name)}</li>" for key in chart.legend)
    kind = ' class="over-time"' if chart.over_time else ""
    return (
        f"<figure{kind}>"
        f"<figcaption>{safe(chart.title)}</figcaption>"
        f'<svg role="img" aria-labelledby="{name}-title {name}-desc" width="100%" height="{chart.height}">'
        f"{title}{chart.svg()}</svg>" + (f'<ul class="legend">{legend}</ul>' if legend else "") + "</figure>"
    )


def _key(key: Key) -> str:
    height = max(2.0, _KEY * key.height)
    if key.kind in ("median", "longest"):
        shape = element("path", class_=key.kind, d=f"M0 {_KEY / 2}H{_KEY}")
    else:
        shape = element("rect", class_=key.kind, x=0, y=_KEY - height, width=_KEY, height=height)
    return f'<svg class="key" width="{_KEY}" height="{_KEY}" aria-hidden="true">{shape}</svg>'
