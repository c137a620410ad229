"""The page of the servers: identity, and every server of the pool."""

from natsmon.charts.cells import Role, Row, fit, row
from natsmon.state.server_names import address, named
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels.server_panel import good_until, table, validity
from natsmon.tui.widgets.prose import facts, heading


def rows(moment: Moment, width: int) -> list[Row]:
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
    dial = next((dial for dial in reversed(state.dials) if dial.outcome == "connected"), None)
    used = dial.connect.credentials or "none" if dial is not None and dial.connect is not None else ""
    found: list[tuple[str, str, Role]] = [
        ("server", " at ".join(dict.fromkeys((named(server), address(server.server)))) if server else "", "strong"),
        ("account", state.account, "value"),
        ("user", user.user if user else "", "value"),
        ("credentials", used, "value"),
        *validity(good_until(state), state.wall(moment.now)),
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
