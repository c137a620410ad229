"""The top of the screen: connected or not, to what, since when, and the worst thing known."""

from natsmon.charts.cells import Role, Row, fit, left, row, spread, width_of
from natsmon.state import availability
from natsmon.state.server_names import address
from natsmon.stream import events as ev
from natsmon.text import dates
from natsmon.tui.model import silence
from natsmon.tui.model.attempts import before as series_before
from natsmon.tui.model.attempts import under_way
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels.server_panel import good_until, named, worry
from natsmon.tui.widgets import figures

SHAPES: dict[ev.Status, tuple[str, Role]] = {
    "DISCONNECTED": ("○", "dim"),
    "CONNECTING": ("◔", "warn"),
    "CONNECTED": ("●", "good"),
    "RECONNECTING": ("◑", "warn"),
    "DRAINING": ("◕", "info"),
    "CLOSED": ("■", "bad"),
}
_WIDE = 110
_RECORDED = 78
"""Cells from which on there is room for the size of a recording."""
_COUNTED = 300
_WIDER = 140
_WORD = max(len(word) for word in SHAPES)


def tick(moment: Moment) -> object:
    """Changes when the drawing would, though no event came."""
    quiet = silence.seconds(moment)
    since = moment.state.status_since
    return int(moment.now - since), int(moment.now), moment.stream, quiet is not None and int(quiet), moment.recording


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    if width < 20:
        return []
    return [_first(moment, width), _second(moment, width)][:height]


def _first(moment: Moment, width: int) -> Row:
    state = moment.state
    shape, role = SHAPES[state.status]
    word: str = state.status
    if moment.stream == "died":
        shape, role, word = "✗", "bad", "NO PROBE"
    here = state.status == "CONNECTED" and not moment.over
    rtt = state.rtts[-1][1] if state.rtts and here and silence.seconds(moment) is None else None
    series = under_way(moment)
    began = series.began if series is not None else state.status_since
    time_in_it = "" if moment.stream == "died" else figures.elapsed(moment.now - began)
    start = row(
        (f"{shape} ", role),
        (left(word, _WORD), role if role in ("dim",) else "strong"),
        (" ", "value"),
        (f"{time_in_it:8}", "value"),
        ("  ", "value"),
    )
    end = row(("rtt ", "label"), (figures.millis(rtt), "value"), (" ms", "label"))
    if moment.recording:
        size = f" rec {moment.recording}" if width >= _RECORDED else " rec"
        end = row(("●", "bad"), (size, "label"), ("   ", "label")) + end
    if width >= _WIDE:
        end = row((state.connection.name if state.connection else "", "label"), ("   ", "label")) + end
    return spread(start + _identity(moment, width), end, width)


def _identity(moment: Moment, width: int) -> Row:
    """Who is at the other end, or who might be."""
    state = moment.state
    server = state.connected
    if moment.stream == "died":
        name = named(server) if server is not None else ""
        return row((f"last seen {state.status}", "label"), (f"  {name}", "label"))
    if server is not None and state.status in ("CONNECTED", "DRAINING"):
        facts = [server.version, f"cid {server.cid}" if server.cid else ""]
        facts += [server.tls, f"cluster {server.cluster}" if server.cluster else ""]
        if width >= _WIDE:
            facts.append(f"account {state.account}" if state.account else "")
            facts.append(
                f"user {state.identity.user}" if width >= _WIDER and state.identity and state.identity.user else ""
            )
        known = " · ".join(fact for fact in facts if fact)
        return row((named(server), "strong"), (f"  {known}" if known else "", "label"))
    servers = state.connection.servers if state.connection else []
    if state.status in ("CONNECTING", "RECONNECTING", "DISCONNECTED") and servers:
        more = f" and {len(servers) - 1} more" if len(servers) > 1 else ""
        return row((address(servers[0]), "value"), (more, "label"))
    if state.status == "CLOSED" and server is not None:
        return row(("was on ", "label"), (named(server), "value"))
    return ()


def _second(moment: Moment, width: int) -> Row:
    state = moment.state
    names = ("availability ", "reconnects ") if width >= 78 else ("up ", "reconn ")
    end = row(
        (names[0], "label"),
        (figures.percent(availability.share_of_run(state, moment.now)), "value"),
        (f"  {names[1]}", "label"),
        (figures.count(state.reconnects if state.ever_connected else None, 4), "value"),
    )
    if moment.stream == "died" or (moment.over and moment.can_restart):
        return fit(_account(moment, width), width)
    if not state.ever_connected:  # there are no figures yet: they give way to the reason
        told = _account(moment, width)
        return spread(told, end, width) if width_of(told) + 2 + width_of(end) <= width else fit(told, width)
    return spread(_account(moment, width - width_of(end) - 2), end, width)


def _account(moment: Moment, width: int) -> Row:
    """Why it is as it is, in words, and in as many as there is room for."""
    if (quiet := silence.seconds(moment)) is not None:
        in_flight = moment.state.tally.in_flight
        unsettled = f" · {in_flight:,} in flight" if in_flight else ""
        return row((f"  nothing heard for {_lasts(quiet)}{unsettled}", "warn"))
    if moment.state.status == "CONNECTED" and not moment.over and not moment.state.lame_duck:
        return _connected(moment, width)
    told = _told(moment, in_full=True)
    return told if width_of(told) <= width else _told(moment, in_full=False)


def _told(moment: Moment, *, in_full: bool) -> Row:
    state = moment.state
    if moment.stream == "died":
        how = f" ({moment.exit_reason})" if moment.exit_reason else ""
        again = "r starts a new one" if moment.can_restart else "q leaves"
        at = f" at {figures.wall(state.wall(moment.now))}" if state.connection else ""
        return row((f"  the probe died{at}{how}", "bad"), (f" · {again}", "value"))
    if moment.stream == "ended":
        why = state.end.reason if state.end and state.end.reason else "the stream is over"
        again = " · r starts again" if moment.can_restart else ""
        return row((f"  ended: {why}", "value"), (f"{again} · q leaves", "label"))
    if state.connection is None and not state.now:  # a stream may begin in the middle
        return row(("  waiting for the probe's first word", "label"))
    if state.lame_duck:
        return row(("  ! the server is shutting down (lame duck)", "warn"))
    if (series := under_way(moment)) is not None:
        if (failed := series.failed) is None:
            return row(("  waiting for the first connection", "label"))
        lasts, dials = _lasts(moment.now - series.began), series.dials
        return row(
            (f"  not connected for {lasts}, {dials:,} {'dial' if dials == 1 else 'dials'}: ", "label"),
            (_reason(failed.cause, failed.text if in_full else ""), "warn"),
        )
    if state.status == "RECONNECTING" and (lost := state.last_disconnect) is not None:
        return row(("  lost ", "label"), (_reason(lost.cause, (lost.reason or lost.text) if in_full else ""), "warn"))
    if state.status == "DRAINING":
        return row(("  handing over what is in flight, then closing", "label"))
    if state.status == "CLOSED":
        cause = state.closed.cause if state.closed else state.status_cause
        text = state.closed.text if state.closed and in_full else ""
        last = series_before(state).failed if cause == "gave_up" else None
        why = _reason(last.cause, last.text if in_full else "") if last is not None else ""
        return row(
            ("  ", "label"),
            (_reason(cause, text), "value"),
            (f": {why}" if why else "", "bad"),
            (" · r connects again", "label"),
        )
    return row((f"  {state.status_cause}", "label"))


def _connected(moment: Moment, width: int) -> Row:
    """Since when, where, and until when the credentials are good; that they soon end goes before all else."""
    state = moment.state
    server = state.connected
    since = row((f"  since {figures.wall(state.wall(state.status_since))}", "label"))
    paused = row(("  ‖ publishing paused", "warn")) if state.paused else ()
    at = address(server.server) if server is not None and named(server) != address(server.server) else ""
    where = row((f"  {at}" if at else "", "label"))
    expires = good_until(state)
    if not expires:
        return since + paused + where
    left_over = expires - state.wall(moment.now)
    role = worry(left_over)
    good = row(("  credentials good until ", "label"), (f"{dates.day(expires)} ({figures.until(left_over)})", role))
    soon = row((f"  credentials {'ended' if left_over < 0 else 'end'} {figures.until(left_over)}", role))
    brief = since + paused + where if role == "value" else soon + paused
    return next(
        (told for told in (since + paused + where + good, since + paused + good) if width_of(told) <= width), brief
    )


def _lasts(seconds: float) -> str:
    """Whole seconds while they are worth counting; the clock above has them all."""
    return f"{int(seconds)} s" if seconds < _COUNTED else f"{int(seconds / 60):,} min"


def _reason(cause: str, text: str) -> str:
    """A cause in words; the text that came with it only where it adds something."""
    words = cause.replace("_", " ") or "for no known reason"
    if not text:
        return words
    return text if words.lower() in text.lower() else f"{words}: {text}"
