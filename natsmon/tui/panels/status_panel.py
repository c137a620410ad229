"""The top of the screen: the health in a word, where and since when, and the reason."""

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Role, Row, fit, left, row, shorten, spread, width_of
from natsmon.state import availability, expiry
from natsmon.state.server_names import ServerNames, address, named
from natsmon.text import dates, units
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels.server_panel import worry

SHAPES: dict[str, tuple[str, Role]] = {"ok": ("●", "good"), "degraded": ("▲", "warn"), "down": ("✗", "bad")}
"""By level of health."""
_NO_HEALTH: tuple[str, Role] = ("○", "dim")
_WIDE = 110
_WIDER = 140
_RECORDED = 78
"""Cells from which on there is room for the size of a recording."""
_WORD = 12
_MOST_NAME = 24


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    if width < 20:
        return []
    return [_first(moment, width), _second(moment, width)][:height]


def _first(moment: Moment, width: int) -> Row:
    state, health = moment.state, moment.health
    (shape, role), word, since, fresh = _NO_HEALTH, "REPLAY" if moment.replay else "STARTING", "", False
    if health is not None:
        (shape, role), word = SHAPES[health.level], health.headline
        since = figures.clock(moment.now - state.since) if moment.stream != "stopped" else ""
        live = state.status == "CONNECTED" and not moment.over and health.level != "down"
        fresh = live and not health.lasting
        if live and health.word != "CONNECTED":
            since = f"up {since}"
    if _ended(moment):
        (shape, role), word = _NO_HEALTH, "ENDED"
    start = row((f"{shape} ", role), (left(word, max(_WORD, len(word))), "strong"), (f" {since:8}  ", "value"))
    end = row(("rtt ", "label"), (figures.millis(state.rtts[-1][1] if state.rtts and fresh else None), "value"))
    end += row((" ms", "label"))
    if moment.recording:
        size = f" rec {moment.recording}" if width >= _RECORDED else " rec"
        end = row(("●", "bad"), (size, "label"), ("   ", "label")) + end
    if width >= _WIDE and state.connection is not None and state.connection.name:
        end = row((state.connection.name, "label"), ("   ", "label")) + end
    room = width - width_of(start) - width_of(end) - 2
    return spread(start + _server(moment, width, room), end, width)


def _ended(moment: Moment) -> bool:
    """Whether the stream ended normally; a replay goes on."""
    return moment.stream == "ended" and not moment.replay


def _server(moment: Moment, width: int, room: int) -> Row:
    """The server it is connected to, was connected to, or will be; of the facts about it, those that fit whole."""
    state, server = moment.state, moment.state.connected
    names = ServerNames(state)
    if moment.stream == "stopped" or _ended(moment):
        name = shorten(names.name(server.server), _MOST_NAME) if server is not None else ""
        return row((f"last seen {state.status}", "label"), (f"  {name}" if name else "", "label"))
    if server is not None and state.status in ("CONNECTED", "DRAINING"):
        facts = [("context ", state.connection.context if state.connection is not None else ""), ("", server.version)]
        facts += [("cid ", f"{server.cid or ''}"), ("", server.tls), ("cluster ", server.cluster)]
        facts += [("account ", state.account)] if width >= _WIDE else []
        facts += [("user ", state.identity.user)] if width >= _WIDER and state.identity is not None else []
        known = [name + fact for name, fact in facts if fact]
        called = row((shorten(named(server), _MOST_NAME), "strong"))
        while known and width_of(called) + 2 + cell_len(" · ".join(known)) > room:
            known.pop()
        return called + row((f"  {' · '.join(known)}" if known else "", "label"))
    servers = state.connection.servers if state.connection else []
    if state.status in ("CONNECTING", "RECONNECTING", "DISCONNECTED") and servers:
        first = shorten(names.name(servers[0]), _MOST_NAME)
        return row((first, "value"), (units.and_more(len(servers) - 1), "label"))
    if state.status == "CLOSED" and server is not None:
        return row(("was on ", "label"), (shorten(named(server), _MOST_NAME), "value"))
    return ()


def _second(moment: Moment, width: int) -> Row:
    """The reason, and the figures of the run; where both do not fit, the reason. One too long loses its last phrase."""
    state = moment.state
    reason = _reason(moment)
    if not state.ever_connected or moment.over:
        return fit(reason, width)
    if width_of(reason) > width:
        reason = row(*((words.rpartition("; ")[0] or words, role) for words, role in reason))
    if width_of(reason) > width and state.status == "RECONNECTING":  # why the dials fail, rather than the loss
        reason = row(*((f"  {words.rpartition('; ')[2].lstrip()}", role) for words, role in reason))
    share = figures.percent(availability.share_of_run(state, moment.now)).strip()
    end = row(("availability ", "label"), (share, "value"))
    short = row((share, "value"), (" up", "label"))
    outages = row((f"  {state.outage_count:,}", "value"), (f" outage{'' if state.outage_count == 1 else 's'}", "label"))
    for figures_ in (end + outages, end, short):
        if (left_over := width - width_of(reason) - width_of(figures_) - 2) >= 0:
            return spread(reason + _further(moment, left_over), figures_, width)
    return fit(reason, width)


def _reason(moment: Moment) -> Row:
    """The phrase of the health; credentials and certificates that end soon go before all is well."""
    state, health = moment.state, moment.health
    if health is None:
        return row(("  starting…", "label"))
    if _ended(moment):
        from natsmon.wording.narration import end_reason  # not needed before the first event

        why = end_reason(state.end.reason) if state.end is not None and state.end.reason else "normally"
        closed = f"; {health.phrase}" if health.phrase and state.status == "CLOSED" else ""
        return row((f"  ended: {why}", "value"), (closed, "label"))
    if health.level == "ok" and (first := expiry.earliest(state)) is not None:
        left_over = first.at - state.wall(moment.now)
        if (role := worry(first, state.wall(moment.now))) != "value":
            ends = "ended" if left_over < 0 else "end" if first.what.endswith("s") else "ends"
            return row((f"  {first.what} {ends} {figures.until(left_over)}", role), (f"  {health.phrase}", "label"))
    return row((f"  {health.phrase}", "label" if health.level == "ok" else SHAPES[health.level][1]))


def _further(moment: Moment, room: int) -> Row:
    """What else there is room for: the address, and until when the credentials and certificates are good."""
    state, server = moment.state, moment.state.connected
    if state.status != "CONNECTED" or server is None:
        return ()
    phrases: list[Piece] = []
    if named(server) != address(server.server):
        phrases.append((f"  {address(server.server)}", "label"))
    if (first := expiry.earliest(state)) is not None:
        left_over = first.at - state.wall(moment.now)
        if worry(first, state.wall(moment.now)) == "value":
            phrases.append((f"  {first.what} good until {dates.day(first.at)} ({figures.until(left_over)})", "label"))
    while width_of(row(*phrases)) > room:
        phrases.pop()
    return row(*phrases)
