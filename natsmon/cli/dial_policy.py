"""``natsmon info --policy``: the dials against servers that never answer, with the range of the jitter."""

import json
from collections.abc import Iterator

from natsmon.cli.output import aligned
from natsmon.config.settings import Settings
from natsmon.probe.connection.dial_plan import Plan, plan
from natsmon.text import units

_FIRST, _LAST = 10, 3
"""Dials shown of a long plan; and those where the wait changes."""


def as_json(settings: Settings) -> str:
    """The whole plan as one JSON object; times in seconds since the start, as ``[least, most]``."""
    least, most = plan(settings, 0.0), plan(settings, 1.0)
    dials = [
        {
            "attempt": first.attempt,
            "pass": first.pool_pass,
            "server": first.server,
            "at": [round(first.at, 3), round(last.at, 3)],
            "wait": [round(first.base + first.jitter, 3), round(last.base + last.jitter, 3)],
        }
        for first, last in zip(least.dials, most.dials, strict=True)
    ]
    ends = None if least.gave_up is None else [round(least.gave_up, 3), round(most.gave_up or 0.0, 3)]
    return json.dumps({"dials": dials, "gives_up": ends, "reason": least.reason or None}, indent=2) + "\n"


def as_text(settings: Settings) -> str:
    """The plan as a table, shortened where nothing changes."""
    least, most = plan(settings, 0.0), plan(settings, 1.0)
    lines = aligned([("ATTEMPT", "PASS", "SERVER", "DIALED AT", "AFTER A WAIT OF"), *_rows(least, most)])
    head = f"Each dial may take {units.go_duration(settings.connect_timeout)} (--connect-timeout)."
    end = "It never gives up (--max-reconnects -1)."
    if least.gave_up is not None and most.gave_up is not None:
        end = f"It gives up {_range(least.gave_up, most.gave_up)} after the start: {least.reason}."
    return "\n".join([head, "", *lines, "", end]) + "\n"


def _rows(least: Plan, most: Plan) -> Iterator[tuple[str, ...]]:
    pairs = list(zip(least.dials, most.dials, strict=True))
    changes = {at for at in range(1, len(pairs)) if pairs[at][0].base > max(pair[0].base for pair in pairs[:at])}
    shown = {*range(_FIRST), *changes, *range(len(pairs) - _LAST, len(pairs))}
    for at, (first, last) in enumerate(pairs):
        if at in shown:
            wait = _range(first.base + first.jitter, last.base + last.jitter) if last.base or last.jitter else "–"
            yield str(first.attempt), str(first.pool_pass), first.server, _range(first.at, last.at), wait
        elif at - 1 in shown:
            yield "…", "", "", "", ""


def _range(least: float, most: float) -> str:
    texts = [units.go_duration(round(seconds, 3)) for seconds in (least, most)]
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"
