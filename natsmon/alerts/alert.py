"""One alert: the health of a connection, and what changed; as JSON and as variables. It holds no secret."""

from typing import Literal

import msgspec

from natsmon.state import OutageRecord, State
from natsmon.state.server_names import named
from natsmon.stream import events as ev
from natsmon.text import dates
from natsmon.wording.health import Health

Kind = Literal["change", "outage_began", "outage_ended"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert command reads. Times are seconds since 1970, durations seconds."""

    kind: Kind
    time: float
    date: str
    """The time as text, UTC."""
    level: str
    """``ok``, ``degraded`` or ``down``."""
    word: str
    phrase: str
    previous: str = ""
    """The word before a change."""
    name: str = ""
    """Of the connection."""
    context: str = ""
    server: str = ""
    """The server it is connected to, or was connected to last."""
    session: str = ""
    conn: int = 0
    outage: int = 0
    """Its number; 0 for a change."""
    downtime: float = 0.0
    cause: str = ""
    """Why the connection was lost."""
    lost: int = 0
    """Messages lost in the outage, as far as they are known."""

    def variables(self) -> dict[str, str]:
        return {f"NATSMON_{name.upper()}": str(value) for name, value in msgspec.structs.asdict(self).items()}


def make_alert(
    kind: Kind, state: State, health: Health, now: float, *, previous: str = "", outage: OutageRecord | None = None
) -> Alert:
    """An alert at a time of the stream's clock: the word of the health before, or the outage that began or ended."""
    connection, connected = state.connection or ev.Connection(), state.connected
    at = state.session.wall(now)
    return Alert(
        kind=kind,
        time=round(at, 3),
        date=dates.stamp(at),
        level=health.level,
        word=health.word,
        phrase=health.phrase,
        previous=previous,
        name=connection.name,
        context=connection.context,
        server=named(connected) if connected is not None else "",
        session=state.session.id,
        conn=state.conn,
        outage=outage.id if outage is not None else 0,
        downtime=round(outage.downtime(now), 6) if outage is not None else 0.0,
        cause=outage.cause if outage is not None else "",
        lost=outage.lost if outage is not None else 0,
    )
