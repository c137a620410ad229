"""Tables of cells: names, figures and names too long for their column."""

from natsmon.charts.cells import text_of, width_of
from natsmon.charts.columns import Column, header, line, room, shortened, text, widest

COLUMNS: list[Column[int]] = [
    Column("server", 9, lambda n: shortened(f"demo-server-{n}", 9)),
    Column("failed", 6, lambda n: text(f"{n}", "warn"), right=True),
    Column("", 4, lambda n: text("\x1b[2J")),
]


def test_header_stands_above_the_cells() -> None:
    assert text_of(header(COLUMNS, 30, "  ")) == "  server     failed           "
    assert text_of(line(COLUMNS, 7, 30, text("▸ "))).startswith("▸ demo…er-7       7  \\x1…")


def test_line_has_the_width_of_its_table() -> None:
    for width in range(40):
        assert width_of(line(COLUMNS, 7, width)) == width_of(header(COLUMNS, width)) == width


def test_further_column_gets_the_room_that_is_left() -> None:
    assert room(COLUMNS, 40) == 40 - (9 + 6 + 4) - 3 * 2
    assert [widest(["a", "seven chars"], 3, most) for most in (5, 20)] == [5, 11]
    assert widest([], 3, 9) == 3
