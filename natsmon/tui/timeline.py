"""The last ten minutes as a line of shapes."""

from typing import Literal

from natsmon.state import Stretch
from natsmon.tui.cells import Piece, Role, Row, row
from natsmon.tui.moment import Moment

WINDOW = 600.0

Shade = Literal["connected", "draining", "dialing", "waiting", "closed", "unknown"]
SHADES: dict[Shade, tuple[str, Role]] = {
    "connected": ("█", "good"),
    "draining": ("▓", "info"),
    "dialing": ("░", "warn"),
    "waiting": ("▒", "warn"),
    "closed": ("▁", "bad"),
    "unknown": (" ", "dim"),
}
_WORST: tuple[Shade, ...] = ("unknown", "connected", "draining", "dialing", "waiting", "closed")


def legend(left_out: Shade | None = None) -> str:
    shades: tuple[Shade, ...] = ("connected", "dialing", "waiting", "draining", "closed")
    return "  ".join(f"{SHADES[shade][0]} {shade}" for shade in shades if shade != left_out)


LEGEND = legend()
_ROOMY = 70


def title(width: int) -> str:
    return f"last 10 minutes  {LEGEND}" if width >= _ROOMY else f"10 min  {legend('draining')}"


def shade_of(stretch: Stretch) -> Shade:
    match stretch.status:
        case "CONNECTED":
            return "connected"
        case "DRAINING":
            return "draining"
        case "CLOSED":
            return "closed"
        case "DISCONNECTED":
            return "unknown"
    return "waiting" if stretch.waiting else "dialing"


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """One line; where a cell saw several states, the worst is shown, so that no outage is too short to see.

    Cells lie at fixed times: the picture moves by whole cells, and its past never changes.
    """
    if width <= 0 or height <= 0:
        return []
    cell = WINDOW / width
    newest = int(moment.now / cell)
    shades: list[Shade] = ["unknown"] * width
    until = moment.now
    for stretch in reversed(moment.state.timeline):
        shade = shade_of(stretch)
        first = width - 1 - (newest - int(max(0.0, stretch.began) / cell))
        last = width - 1 - (newest - int(until / cell))
        if last < 0:
            break
        for place in range(max(0, first), min(width - 1, last) + 1):
            if _WORST.index(shade) > _WORST.index(shades[place]):
                shades[place] = shade
        until = min(until, stretch.began)
    parts: list[Piece] = []
    for shade in shades:
        glyph, role = SHADES[shade]
        if parts and parts[-1][1] == role and parts[-1][0][-1] == glyph:
            parts[-1] = (parts[-1][0] + glyph, role)
        else:
            parts.append((glyph, role))
    return [row(*parts)]


def tick(moment: Moment) -> object:
    """The finest cell a screen can have is a second."""
    return int(moment.now), moment.stream
