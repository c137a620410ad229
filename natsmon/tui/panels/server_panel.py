"""Who we are to the server, and where we can go next: the pool."""

from natsmon.charts.cells import Piece, Role, Row, fit, left, right, row
from natsmon.state import State
from natsmon.state.server_names import address
from natsmon.stream import events as ev
from natsmon.text import dates
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets import figures

SOON = 86_400
"""Seconds before credentials end from which on it is a warning."""
_NUMBERS = 10 + 2 + 6 + 2 + 4 + 2
_STATE = 15


def tick(moment: Moment) -> object:
    return moment.stream, int(moment.state.wall(moment.now) / 60)


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """The pool alone, the servers that matter now first when there is no room for all."""
    if height <= 1 or not moment.state.pool.values():
        return [_summary(moment, width)][:height]
    drawn = _table(moment, width)
    if len(drawn) > height:
        here = [
            line for member, line in zip(moment.state.pool.values(), drawn[1:], strict=True) if _mark(member, moment)[2]
        ]
        others = [line for line in drawn[1:] if line not in here]
        more = len(drawn) - height + 1
        kept = [*here, *others][: height - 2]
        return [drawn[0], *kept, fit(row((f"  and {more:,} more · s shows all", "label")), width)]
    return drawn


def page(moment: Moment, width: int) -> list[Row]:
    from natsmon.tui.widgets.prose import facts, heading  # pages are loaded when opened

    state = moment.state
    here = state.status in ("CONNECTED", "DRAINING") and not moment.over
    told_of_the_last = state.connected is not None and not here
    drawn = heading("who we were on the last connection" if told_of_the_last else "who we are", width)[1:]
    told = identity(moment)
    drawn += facts(told, width) if told else [fit(row(("  not known yet", "label")), width)]
    drawn += heading("where we can go", width)
    if not state.pool.values():
        return [*drawn, fit(row(("  not known yet", "label")), width)]
    drawn += _table(moment, min(width, 120))
    return [fit(line, width) for line in drawn]


def identity(moment: Moment) -> list[tuple[str, str, Role]]:
    """Account, user and until when, as far as the server told."""
    state, user, server = moment.state, moment.state.identity, moment.state.connected
    dial = next((dial for dial in reversed(state.dials) if dial.outcome == "connected"), None)
    used = dial.connect.credentials or "none were given" if dial is not None and dial.connect is not None else ""
    told: list[tuple[str, str, Role]] = [
        ("server", " at ".join(dict.fromkeys((named(server), address(server.server)))) if server else "", "strong"),
        ("account", state.account, "value"),
        ("user", user.user if user else "", "value"),
        ("credentials", used, "value"),
    ]
    if expires := good_until(state):
        left_over = expires - state.wall(moment.now)
        told.append(("good until", f"{dates.stamp(expires)} ({figures.until(left_over)})", worry(left_over)))
    if user is not None:
        bounds = (
            ("publishes only to", user.publish_allow),
            ("publishes not to", user.publish_deny),
            ("subscribes only to", user.subscribe_allow),
            ("subscribes not to", user.subscribe_deny),
        )
        told += [(name, ", ".join(subjects), "value") for name, subjects in bounds]
    return [fact for fact in told if fact[1]]


def named(server: ev.Connected) -> str:
    """A server's name, or its address: one without a name calls itself by its long id."""
    nameless = server.server_name in ("", server.server_id)
    return address(server.server) if nameless else server.server_name


def good_until(state: State) -> float:
    """When the credentials in use end, seconds since the epoch; 0 when they do not, or that is not known."""
    if state.identity is not None and state.identity.expires:
        return state.identity.expires
    dial = next((dial for dial in reversed(state.dials) if dial.outcome == "connected"), None)
    return dial.connect.expires if dial is not None and dial.connect is not None else 0.0


def worry(seconds_left: float) -> Role:
    return "bad" if seconds_left < 0 else "warn" if seconds_left < SOON else "value"


def _summary(moment: Moment, width: int) -> Row:
    pool = moment.state.pool.values()
    if not pool:
        return fit(row(("not known yet", "label")), width)
    failing = sum(1 for member in pool if member.failures)
    found = sum(1 for member in pool if member.discovered)
    parts: list[Piece] = [(f"{len(pool):,} in the pool", "value")]
    parts += [(f", {found:,} discovered", "label")] if found else []
    parts += [(f", {failing:,} failing", "warn")] if failing else []
    return fit(row(*parts, (" · s shows them", "label")), width)


def _table(moment: Moment, width: int) -> list[Row]:
    members = moment.state.pool.values()
    longest = max(len(address(member.server)) for member in members)
    server = max(10, min(max(longest, 16), width - 2 - 2 - _NUMBERS - _STATE))
    header = row(
        ("  " + left("server", server) + "  ", "dim"),
        (left("from", 10) + "  ", "dim"),
        (f"{'failed':>6}  {'left':>4}  ", "dim"),
        ("", "dim"),
    )
    return [fit(header, width), *(_line(member, moment, server, width) for member in members)]


def _line(member: ev.PoolMember, moment: Moment, server: int, width: int) -> Row:
    glyph, role, word = _mark(member, moment)
    left_over = "∞" if member.attempts_left is None else figures.count(member.attempts_left, 4)
    spent = member.attempts_left == 0
    return fit(
        row(
            (f"{glyph} ", role),
            (left(address(member.server), server) + "  ", "strong" if glyph in "●◐▸" else "value"),
            (left("discovered" if member.discovered else "given", 10) + "  ", "label"),
            (figures.count(member.failures, 6) + "  ", "warn" if member.failures else "label"),
            (right(left_over, 4) + "  ", "bad" if spent else "label"),
            (word or ("no attempts left" if spent else ""), role if word else "bad"),
        ),
        width,
    )


def _mark(member: ev.PoolMember, moment: Moment) -> tuple[str, Role, str]:
    """What this server is to us right now: a shape, and a word."""
    state = moment.state
    server = address(member.server)
    if not moment.over:
        if state.connected is not None and state.status in ("CONNECTED", "DRAINING"):
            if server == address(state.connected.server):
                leaving = member.lame_duck or bool(state.lame_duck)
                return ("!", "warn", "here, lame duck") if leaving else ("●", "good", "here")
        elif state.dial is not None and server == address(state.dial.server):
            return "◐", "warn", "dialing"
        elif state.waiting is not None and server == address(state.waiting.server):
            return "▸", "warn", "next"
    if member.lame_duck:
        return "!", "warn", "lame duck"
    return " ", "label", ""
