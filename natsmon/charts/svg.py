"""Elements of SVG, escaped; and a chart of a page, as SVG and as lines of text."""

from collections.abc import Callable, Iterable

import msgspec

from natsmon.text.plain_text import printable

STRETCHED = 1000.0
"""Width of the frame in which lines are drawn, in its own units."""


def safe(text: str) -> str:
    from html import escape  # the screen, which starts with charts, draws no SVG

    return escape(printable(text), quote=True)


def element(name: str, inside: str = "", /, **attributes: str | float) -> str:
    """An element; underscores in attribute names become hyphens, and ``class_`` is class."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{safe(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{shown}>{inside}</{name}>" if inside else f"<{name}{shown}/>"


def number(value: float) -> str:
    """At most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def across(share: float) -> str:
    """A position from the left, 0 to 1."""
    return f"{100 * share:.3f}%"


def text(content: str, x: str, y: float, kind: str = "tick", anchor: str = "start") -> str:
    return element("text", safe(content), x=x, y=y, class_=kind, text_anchor=anchor)


def rect(kind: str, start: float, end: float, y: float, height: float, title: str = "") -> str:
    """A rectangle from one share of the width to another."""
    inside = element("title", safe(title)) if title else ""
    width = across(max(0.0, end - start))
    return element("rect", inside, class_=kind, x=across(start), y=y, width=width, height=height)


def rule(y: float) -> str:
    return element("line", class_="rule", x1="0", x2="100%", y1=y, y2=y)


def frame(y: float, height: float, inside: Iterable[str]) -> str:
    """A frame for lines, 0 to ``STRETCHED`` across and 0 to ``height`` down."""
    return element(
        "svg",
        "".join(inside),
        x="0",
        y=y,
        width="100%",
        height=height,
        viewBox=f"0 0 {number(STRETCHED)} {number(height)}",
        preserveAspectRatio="none",
    )


def line(kind: str, points: list[tuple[float, float]]) -> str:
    """A line through points of (share of the width, pixels down); a single point is a dot."""
    if len(points) == 1:
        points = [points[0], (points[0][0] + 1e-5, points[0][1])]
    return element("path", class_=kind, d="M" + "L".join(f"{x * STRETCHED:.2f} {y:.1f}" for x, y in points))


def area(kind: str, upper: list[tuple[float, float]], lower: list[tuple[float, float]]) -> str:
    around = [*upper, *reversed(lower)]
    return element("path", class_=kind, d="M" + "L".join(f"{x * STRETCHED:.2f} {y:.1f}" for x, y in around) + "Z")


class Key(msgspec.Struct, frozen=True):
    """One entry of a legend."""

    kind: str
    """CSS class of what it stands for in the SVG."""
    name: str
    height: float = 1.0
    """Of the height of a bar, where that distinguishes it from others."""


class Chart(msgspec.Struct, frozen=True):
    """A chart with its title and its meaning in a sentence."""

    title: str
    description: str
    """What it shows, for readers who cannot see it."""
    svg: Callable[[], str]
    """Elements to stand in an ``<svg>`` as wide as the page, without the title."""
    height: int
    """Of the SVG, in pixels."""
    lines: Callable[[int], list[str]]
    """Lines of at most that many terminal cells."""
    legend: tuple[Key, ...] = ()
    over_time: bool = False
    """Shares its time axis with other charts of the page; labels left of it are outside."""
