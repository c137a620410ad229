"""The servers: the panel of the pool, where the next dial may go, and the page with the identity there."""

from collections.abc import Mapping

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Role, Row, fit, row
from natsmon.charts.columns import Column, header, line, room, shortened, text, widest
from natsmon.state import expiry
from natsmon.state.expiry import Expiry
from natsmon.state.server_names import ServerNames, address, named
from natsmon.stream import events as ev
from natsmon.text import dates
from natsmon.text.plain_text import clip_middle
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment

Standing = tuple[str, Role, str]
"""How a server is used now: a shape, its role, and words."""
_FAILED = 6
_LEFT = 13
_STATE = 32


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """The pool; without room for all of it, the servers in use first."""
    if height <= 1 or not moment.state.pool.values():
        return [_summary(moment, width)][:height]
    drawn, omitted = table(moment, width), moment.state.pool_omitted
    if len(drawn) <= height:
        return drawn
    pool = moment.state.pool
    unused = [not standing(server, member, moment)[2] for server, member in pool.items()]
    first = sorted(range(1, len(pool) + 1), key=lambda line: unused[line - 1])[: height - 2]
    more = f"  and {len(pool) - len(first) + omitted:,} more"
    more += f", {omitted:,} of them not kept · s shows the others" if omitted else " · s shows all"
    return [drawn[0], *(drawn[line] for line in first), fit(row((more, "label")), width)]


def worry(expires: Expiry, now: float) -> Role:
    """How credentials and certificates are shown."""
    return "bad" if expires.at < now else "warn" if expires.is_soon(now) else "value"


def validity(expires: Expiry | None, now: float) -> list[tuple[str, str, Role]]:
    """Until when credentials are valid, as a fact of a page; nothing for an unknown end."""
    if expires is None:
        return []
    return [("valid until", f"{dates.stamp(expires.at)} ({figures.until(expires.at - now)})", worry(expires, now))]


def _summary(moment: Moment, width: int) -> Row:
    pool = moment.state.pool.values()
    if not pool:
        return fit(row(("not known yet", "label")), width)
    failing = sum(1 for member in pool if member.failures)
    found = sum(1 for member in pool if member.discovered)
    parts: list[Piece] = [(f"{len(pool) + moment.state.pool_omitted:,} in the pool", "value")]
    parts += [(f", {found:,} discovered", "label")] if found else []
    parts += [(f", {failing:,} failing", "warn")] if failing else []
    return fit(row(*parts, (" · s shows them", "label")), width)


def table(moment: Moment, width: int) -> list[Row]:
    """A header, a line for each server of the pool, and how many more it has; attempts left where there is a limit."""
    pool, names = moment.state.pool, ServerNames(moment.state)
    limited = any(member.attempts_left is not None for member in pool.values())
    known = {server: standing(server, member, moment) for server, member in pool.items()}
    words = {
        server: ", ".join(filter(None, [known[server][2], "discovered" if member.discovered else ""]))
        for server, member in pool.items()
    }

    def called(server: str) -> Row:
        return shortened(names.name(server), size, "strong" if known[server][0] in "●◐◌" else "value")

    def left_over(server: str) -> Row:
        attempts = pool[server].attempts_left
        return text(figures.count(attempts, _LEFT), "bad" if attempts == 0 else "label")

    def failed(server: str) -> Row:
        count = pool[server].failures
        return text(figures.count(count, _FAILED), "warn" if count else "label")

    now = widest(words.values(), 9, _STATE)
    size = width - 2 - (_FAILED + 2) - (_LEFT + 2 if limited else 0) - now - 2
    size = widest(map(names.name, pool), 10, max(10, size))
    columns = [Column("server", size, called), Column("failed", _FAILED, failed, right=True)]
    if limited:
        columns.append(Column("attempts left", _LEFT, left_over))
    columns.append(Column("now", now, lambda server: text(words[server], known[server][1])))
    return server_lines(columns, list(pool), known, names, width, omitted=moment.state.pool_omitted)


def server_lines(
    columns: list[Column[str]],
    listed: list[str],
    known: Mapping[str, Standing],
    names: ServerNames,
    width: int,
    omitted: int,
) -> list[Row]:
    """A header, a line for each server, and how many are ``omitted``.

    With the addresses of those that have a name, where there is room.
    """
    named = {address(server) for server in listed if names.name(server) != address(server)}
    longest = max(map(cell_len, named), default=0)
    if 0 < longest <= room(columns, width - 2):
        columns = [
            *columns,
            Column("", longest, lambda server: text(address(server) if address(server) in named else "", "label")),
        ]
    marks = {server: row((f"{known[server][0]} ", known[server][1])) for server in listed}
    more = [fit(row((f"  and {omitted:,} more, not kept", "label")), width)] if omitted else []
    return [header(columns, width, "  "), *(line(columns, server, width, marks[server]) for server in listed), *more]


def standing(server: str, member: ev.PoolMember | None, moment: Moment) -> Standing:
    """No words for one that only waits in the pool; no ``member`` for one that is no longer in it."""
    state, here = moment.state, address(server)
    leaving = member is not None and member.lame_duck
    if not moment.over:
        if (period := state.period) is not None and address(period.server) == here:
            gone = leaving or bool(state.lame_duck)
            return ("!", "warn", "connected, lame duck") if gone else ("●", "good", "connected")
        if state.dial is not None and address(state.dial.server) == here:
            return "◐", "warn", "dialing"
        if state.waiting is not None and address(state.waiting.server) == here:
            return "◌", "warn", "next"
    if leaving:
        return "!", "warn", "lame duck"
    return (" ", "label", "") if member is not None else ("–", "dim", "gone")


# -- the page -----------------------------------------------------------------------------------------


def page_rows(moment: Moment, width: int) -> list[Row]:
    from natsmon.tui.widgets.prose import facts, heading  # not needed before a page is opened

    state = moment.state
    here = state.status in ("CONNECTED", "DRAINING") and not moment.over
    earlier = state.connected is not None and not here
    drawn = heading("identity on the last connection" if earlier else "identity", width)[1:]
    known = identity(moment)
    drawn += facts(known, width) if known else [fit(row(("  not known yet", "label")), width)]
    drawn += heading("server pool", width)
    if not state.pool.values():
        return [*drawn, fit(row(("  not known yet", "label")), width)]
    drawn += table(moment, min(width, 120))
    return [fit(line, width) for line in drawn]


def identity(moment: Moment) -> list[tuple[str, str, Role]]:
    """Server, account, user, credentials and permissions, as far as they are known."""
    state, user, server = moment.state, moment.state.identity, moment.state.connected
    dial = state.connected_dial
    names = dict.fromkeys((clip_middle(named(server)), address(server.server))) if server else ()
    used = dial.connect.credentials or "none" if dial is not None and dial.connect is not None else ""
    found: list[tuple[str, str, Role]] = [
        ("server", " at ".join(names), "strong"),
        ("account", state.account, "value"),
        ("user", user.user if user else "", "value"),
        ("credentials", used, "value"),
        *validity(expiry.of_credentials(state), state.wall(moment.now)),
    ]
    if user is not None:
        bounds = (
            ("may publish to", user.publish_allow, "publish_allow"),
            ("may not publish to", user.publish_deny, "publish_deny"),
            ("may subscribe to", user.subscribe_allow, "subscribe_allow"),
            ("may not subscribe to", user.subscribe_deny, "subscribe_deny"),
        )
        for name, subjects, field in bounds:
            omitted = user.omitted.get(field, 0)
            more = f" and {omitted:,} more, not kept" if omitted else ""
            found.append((name, ", ".join(subjects) + more, "value"))
    return [fact for fact in found if fact[1]]
