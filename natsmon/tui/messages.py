"""What became of the messages."""

from natsmon.tui import figures
from natsmon.tui.cells import Piece, Role, Row, fit, left, row
from natsmon.tui.moment import Moment

_ORDER = ("attempted", "sent", "echoed", "in flight", "buffered", "rejected", "lost", "late", "duplicate")
_WORRYING: dict[str, Role] = {"rejected": "bad", "lost": "bad", "late": "warn", "duplicate": "warn", "buffered": "warn"}
_LABEL = 10
_GAP = 2


def title(moment: Moment) -> str:
    session = moment.state.session
    if session is None:
        return "messages"
    pace = "paused" if moment.state.paused else rate(session.interval)
    return f"publishing {session.subject} · {pace}" if session.subject else f"messages · {pace}"


def rate(interval: float) -> str:
    """Messages a second, in the words of a rate."""
    if interval <= 0:
        return "as fast as they are echoed"
    return f"{1 / interval:,.4g}/s" if interval <= 1 else f"one every {figures.seconds(interval)}"


def tick(moment: Moment) -> object:
    return moment.stream


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    tally = moment.state.tally
    sampled = tally.t > 0 or tally.attempted > 0
    if not sampled and not moment.state.ever_connected and height <= 1:
        return [fit(row(("waiting for the first message", "label")), width)]
    columns = max(1, min(3, (width + _GAP) // (_LABEL + 5 + _GAP)))
    cell = (width - _GAP * (columns - 1)) // columns
    number = min(11, cell - _LABEL)
    drawn: list[Row] = []
    for start in range(0, len(_ORDER), columns):
        parts: list[Piece] = []
        for name in _ORDER[start : start + columns]:
            value: int | None = getattr(tally, name.replace(" ", "_")) if sampled else None
            role: Role = _WORRYING.get(name, "value") if value else "value"
            parts += [(" " * (cell - _LABEL - number + _GAP), "value")] if parts else []
            parts += [(left(name, _LABEL), "label"), (figures.count(value, number), role)]
        drawn.append(fit(row(*parts), width))
    if tally.bytes:
        drawn.append(fit(row((left("bytes", _LABEL), "label"), (figures.count(tally.bytes, number), "value")), width))
    return drawn[:height]
