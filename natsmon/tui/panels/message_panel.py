"""What became of the messages."""

from natsmon.charts.cells import Piece, Role, Row, fit, left, row, shorten
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment

_COUNTED = ("attempted", "sent", "delivered", "in flight", "buffered", "rejected", "lost")
_ECHOED = (*_COUNTED, "late", "duplicate")
_ACKNOWLEDGED = (*_COUNTED, "resent", "suppressed", "late", "duplicate")
_UNVERIFIED = ("attempted", "sent", "buffered", "rejected")
_OBSERVED = ("messages", "publishers", "missing", "duplicate", "out of order")
_REORDERED = ("out of order", "reordered")
"""The word, and the one where it would cost a column."""
_FIELDS = {"reordered": "out_of_order"}
_WORRYING: dict[str, Role] = {
    **dict.fromkeys(("rejected", "undelivered", "lost", "missing"), "bad"),
    **dict.fromkeys(("late", "duplicate", "buffered", "unverified", *_REORDERED, "resent", "suppressed"), "warn"),
}
_LABEL = 10
_GAP = 2
_LEAST_SUBJECT = 12


def title(moment: Moment, width: int, height: int) -> str:
    """The subject, shortened where it would hide the rate, and the rate."""
    connection = moment.state.connection
    if connection is None:
        return "messages"
    delivered = None if moment.state.unverified else moment.state.delivery_rate(moment.now)
    rate = "" if delivered is None else units.rate(delivered)
    if connection.observing:
        return f"observing {connection.subject}" + (f" · {rate}/s" if rate else "")
    pace = "paused" if moment.state.paused else publish_rate(connection)
    pace += f", {rate}/s delivered" if rate else ""
    what = connection.subject or f"to {connection.stream}"
    room = width - len(f" · {pace}") - 2
    act = "publishing " if room >= len("publishing ") + _LEAST_SUBJECT else ""
    return f"{act}{shorten(what, max(_LEAST_SUBJECT, room - len(act)))} · {pace}"


def publish_rate(connection: ev.Connection) -> str:
    interval = connection.interval
    if interval <= 0:
        return "at full speed"
    return f"{units.a_second(interval)}/s" if interval <= 1 else f"one every {units.brief(interval)}"


def tick(moment: Moment) -> object:
    """The counts of single messages, too: no other panel is drawn again for one. The rate goes down without any."""
    return moment.tick, moment.state.tally


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    state = moment.state
    if state.observing:
        return _table(_OBSERVED, state.observed, width, height)
    tally = state.tally if state.tally.t > 0 or state.tally.attempted > 0 else None
    if tally is None and not state.ever_connected and height <= 1:
        return [fit(row(("waiting for the first message", "label")), width)]
    names = _ACKNOWLEDGED if state.acknowledged else _echoed(tally, width)
    below: Row = ()
    if state.unverified:
        below = row(("delivery not verified: ", "warn"), (state.unverified, "value"))
        names = _echoed(tally, width) if tally is not None and (tally.delivered or tally.lost) else _UNVERIFIED
    elif state.acknowledged and state.audit is not None:
        below = _stored(state.audit)
    if not below:
        return _table(names, tally, width, height)
    return [*_table(names, tally, width, height - 1), fit(below, width)][:height]


def _echoed(tally: ev.Tally | None, width: int) -> tuple[str, ...]:
    """The counters shown; rare ones are added once they are not 0."""
    if tally is None:
        return _ECHOED
    names = (*_ECHOED, *(name for name in ("undelivered", "unverified") if getattr(tally, name)))
    if not tally.out_of_order:
        return names
    long, short = ((*names, word) for word in _REORDERED)
    return short if _columns(long, width) < _columns(short, width) else long


def _stored(found: ev.Audit) -> Row:
    """Whether the stream kept what it acknowledged."""
    name: Piece = (left("stored", _label(_ACKNOWLEDGED)), "label")
    if found.stored is None:
        return row(name, (found.text or "not read back", "warn"))
    counts: list[Piece] = [(f"{found.stored:,} of {found.acknowledged:,}", "value")]
    wrong = ((found.missing, "missing"), (found.twice, "twice"))
    counts += [(f", {count:,} {what}", "bad") for count, what in wrong if count]
    return row(name, *counts, ("" if found.complete else ", not read to its end", "warn"))


def _label(names: tuple[str, ...]) -> int:
    return max(_LABEL, *map(len, names))


def _columns(names: tuple[str, ...], width: int) -> int:
    return max(1, min(3, (width + _GAP) // (_label(names) + 5 + _GAP)))


def _value(name: str, totals: ev.Event | None) -> int | None:
    value: int | None = getattr(totals, _FIELDS.get(name, name.replace(" ", "_")), None)
    return value


def _first(names: list[str], totals: ev.Event | None, room: int) -> list[str]:
    """Those there is room for, in their order: what went wrong stands always, what did not is left out first."""

    def rank(name: str) -> int:
        if name not in _WORRYING:
            return 4 if name == "bytes" else 1
        if not _value(name, totals):
            return 3
        return 0 if _WORRYING[name] == "bad" else 2

    kept = sorted(names, key=rank)[:room]
    return [name for name in names if name in kept]


def _table(names: tuple[str, ...], totals: ev.Event | None, width: int, height: int) -> list[Row]:
    """In as many columns as there is room for; bytes are last, and shown once there are any."""
    label, columns = _label(names), _columns(names, width)
    cell = (width - _GAP * (columns - 1)) // columns
    number = min(11, cell - label)
    known = [*names, "bytes"] if getattr(totals, "bytes", 0) else [*names]
    counted = _first(known, totals, columns * max(0, height))
    drawn: list[Row] = []
    for start in range(0, len(counted), columns):
        parts: list[Piece] = []
        for name in counted[start : start + columns]:
            value = _value(name, totals)
            role: Role = _WORRYING.get(name, "value") if value else "value"
            parts += [(" " * (cell - label - number + _GAP), "value")] if parts else []
            parts += [(left(name, label), "label"), (figures.count(value, number), role)]
        drawn.append(fit(row(*parts), width))
    return drawn
