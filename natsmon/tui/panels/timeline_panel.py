"""The last ten minutes as a line of shapes."""

from typing import Literal

from natsmon.state import Stretch
from natsmon.tui.model import silence
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.cells import Piece, Role, Row, row

WINDOW = 600.0

Shade = Literal["connected", "draining", "dialing", "waiting", "closed", "silent", "unknown"]
SHADES: dict[Shade, tuple[str, Role]] = {
    "connected": ("█", "good"),
    "draining": ("▓", "info"),
    "dialing": ("░", "warn"),
    "waiting": ("▒", "warn"),
    "closed": ("▁", "bad"),
    "silent": ("▃", "warn"),
    "unknown": (" ", "dim"),
}


def legend(*left_out: Shade) -> str:
    shades: tuple[Shade, ...] = ("connected", "silent", "dialing", "waiting", "draining", "closed")
    return "  ".join(f"{SHADES[shade][0]} {shade}" for shade in shades if shade not in left_out)


LEGEND = legend()
_ROOMIER = 90
_ROOMY = 70


def title(width: int) -> str:
    if width >= _ROOMIER:
        return f"last 10 minutes  {LEGEND}"
    return f"last 10 minutes  {legend('silent')}" if width >= _ROOMY else f"10 min  {legend('silent', 'draining')}"


def shade_of(stretch: Stretch) -> Shade:
    match stretch.status:
        case "CONNECTED":
            return "connected"
        case "DRAINING":
            return "draining"
        case "CLOSED":
            return "closed"
        case "DISCONNECTED":
            return "waiting" if stretch.waiting or stretch.began > 0 else "unknown"
    return "waiting" if stretch.waiting else "dialing"


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """One line; a cell shows what took most of its time, but never hides an outage, however short.

    Cells lie at fixed times: the picture moves by whole cells, and its past never changes.
    """
    if width <= 0 or height <= 0:
        return []
    cell = WINDOW / width
    oldest = int(moment.now / cell) - width + 1
    spent: list[dict[Shade, float]] = [{} for _ in range(width)]
    lost: list[dict[Shade, float]] = [{} for _ in range(width)]

    def spend(began: float, until: float, shade: Shade, cells: list[dict[Shade, float]]) -> None:
        for number in range(max(oldest, int(began / cell)), min(oldest + width - 1, int(until / cell)) + 1):
            times = cells[number - oldest]
            seconds = min(until, (number + 1) * cell) - max(began, number * cell)
            times[shade] = times.get(shade, 0.0) + max(0.0, seconds)

    until = moment.now
    quiet = silence.Record(moment, oldest * cell)
    for stretch in reversed(moment.state.timeline):
        shade = shade_of(stretch)
        began = max(0.0, stretch.began)
        if shade != "unknown":
            spend(began, until, shade, spent)
        if stretch.status == "RECONNECTING":
            spend(began, until, shade, lost)
        elif stretch.status == "CONNECTED":
            for first, last in quiet.within(began, until):
                spend(first, last, "silent", spent)
        until = min(until, began)
        if until < oldest * cell:
            break
    shades: list[Shade] = [
        _most(outage) or _most(times) or "unknown" for times, outage in zip(spent, lost, strict=True)
    ]
    parts: list[Piece] = []
    for shade in shades:
        glyph, role = SHADES[shade]
        if parts and parts[-1][1] == role and parts[-1][0][-1] == glyph:
            parts[-1] = (parts[-1][0] + glyph, role)
        else:
            parts.append((glyph, role))
    return [row(*parts)]


def _most(times: dict[Shade, float]) -> Shade | None:
    """What took the longest; of silence it is enough that it took half of the time connected."""
    silent = times.get("silent", 0.0)
    if silent and silent * 2 >= times.get("connected", 0.0):
        times = {**times, "connected": 0.0}
    return max(times, key=times.__getitem__, default=None)


def tick(moment: Moment) -> object:
    """The finest cell a screen can have is a second."""
    return int(moment.now), moment.stream
