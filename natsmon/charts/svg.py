"""Elements of SVG, escaped."""

from collections.abc import Iterable
from html import escape

from natsmon.text.plain_text import printable

STRETCHED = 1000.0
"""How wide the frame is in which lines are drawn, in its own units."""


def safe(text: str) -> str:
    return escape(printable(text), quote=True)


def element(name: str, inside: str = "", /, **attributes: str | float) -> str:
    """An underscore in a name stands for a hyphen, and ``class_`` for class."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{safe(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{told}>{inside}</{name}>" if inside else f"<{name}{told}/>"


def number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def across(share: float) -> str:
    """A position from the left, 0 to 1."""
    return f"{100 * share:.3f}%"


def text(said: str, x: str, y: float, kind: str = "tick", anchor: str = "start") -> str:
    return element("text", safe(said), x=x, y=y, class_=kind, text_anchor=anchor)


def rect(kind: str, start: float, end: float, y: float, height: float, title: str = "") -> str:
    """From one share of the width to another."""
    inside = element("title", safe(title)) if title else ""
    width = across(max(0.0, end - start))
    return element("rect", inside, class_=kind, x=across(start), y=y, width=width, height=height)


def rule(y: float) -> str:
    return element("line", class_="rule", x1="0", x2="100%", y1=y, y2=y)


def frame(y: float, height: float, inside: Iterable[str]) -> str:
    """Where lines are drawn, from 0 to ``STRETCHED`` across and 0 to ``height`` down."""
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
    """Through points of (share of the width, pixels down); a lone point is a dot."""
    if len(points) == 1:
        points = [points[0], (points[0][0] + 1e-5, points[0][1])]
    return element("path", class_=kind, d="M" + "L".join(f"{x * STRETCHED:.2f} {y:.1f}" for x, y in points))


def area(kind: str, upper: list[tuple[float, float]], lower: list[tuple[float, float]]) -> str:
    around = [*upper, *reversed(lower)]
    return element("path", class_=kind, d="M" + "L".join(f"{x * STRETCHED:.2f} {y:.1f}" for x, y in around) + "Z")
