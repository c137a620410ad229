"""The keepalive: PING interval, PINGs without an answer, and when the connection is considered stale."""

from natsmon.charts.cells import Role
from natsmon.stream import events as ev
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment


def warning(moment: Moment, width: int) -> str:
    """In as many words as there is room for; empty while PINGs are answered."""
    if (kept := moment.pings_out) is None:
        return ""
    out, of, rest = kept.outstanding, kept.max_out, left(kept, moment)
    phrases = (
        f"{out} of {of} PINGs out, stale in {rest}",
        f"{out}/{of} PINGs out, stale in {rest}",
        f"{out}/{of} PINGs, stale in {rest}",
        f"stale in {rest}",
    )
    return next((words for words in phrases if len(words) <= width), phrases[-1])


def left(kept: ev.Keepalive, moment: Moment) -> str:
    """Time until the connection is considered stale."""
    seconds = _seconds_left(kept, moment)
    return f"{seconds:.1f} s" if seconds < 60 else figures.span(int(seconds), 0)


def _seconds_left(kept: ev.Keepalive, moment: Moment) -> float:
    """While all PINGs are answered no event gives it anew: the next PING is due within an interval from now."""
    seconds = kept.stale_at - moment.now
    if kept.outstanding == 0 and kept.interval > 0:
        return max(0, kept.max_out) * kept.interval + seconds % kept.interval
    return max(0.0, seconds)


def arithmetic(moment: Moment) -> list[tuple[str, str, Role]]:
    kept = moment.state.keepalive
    if kept is None or moment.over:
        return []
    role: Role = "warn" if moment.pings_out else "value"
    return [
        ("every", figures.span(kept.interval, 0), "value"),
        ("unanswered", f"{kept.outstanding:,} of {kept.max_out:,}", role),
        ("stale in", f"{left(kept, moment)}, if nothing arrives" if kept.stale_at > 0 else "", role),
    ]
