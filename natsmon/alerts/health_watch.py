"""Turns changes of health and outages into alerts: commands, and the title, bell and notifications of the terminal."""

import time
from collections.abc import Callable, Sequence

from natsmon.alerts.alert import Alert, Kind, make_alert
from natsmon.config.settings import ViewSettings
from natsmon.dial.causes import Cause
from natsmon.state import State
from natsmon.state.server_names import address, named
from natsmon.text import units
from natsmon.text.plain_text import clip, printable
from natsmon.wording.health import Health

Submit = Callable[[str, Sequence[str], Alert], None]

_MARKS = {"ok": "●", "degraded": "▲", "down": "✗"}
_ON_REQUEST = (Cause.CLOSED, Cause.DRAINED, Cause.CANCELLED)
_LONGEST = 120
_PAST = 3600.0
"""Seconds before the watch began: what is older is a recording. The clocks of two machines differ by less."""
_BELL = "\a"
_SAVE_TITLE = "\x1b[22;2t"
_RESTORE_TITLE = "\x1b[23;2t"


class HealthWatch:
    """Compares the health of one connection with the one before, for the alerts that ``view`` asks for.

    ``write`` writes control sequences to the terminal; ``submit`` runs a command, as ``AlertCommands.submit`` does.
    """

    def __init__(self, view: ViewSettings, write: Callable[[str], None], submit: Submit) -> None:
        self._view = view
        self._write = write
        self._submit = submit
        self._word = ""
        self._title = ""
        self._oldest = time.time() - _PAST
        self._seen: dict[tuple[str, int, int], bool] = {}
        """Outages by session, connection and number, and whether their end was reported."""

    def end(self) -> None:
        """Restore the title that the terminal had; the next update saves it again."""
        if self._title:
            self._write(_RESTORE_TITLE)
        self._title = ""

    def update(self, state: State, health: Health, now: float) -> None:
        """Look at the health once more, at a time of the stream's clock; cheap where nothing changed."""
        name = _server(state)
        title = _title(health, name, now - state.since)
        if self._view.title and title != self._title:
            if not self._title:
                self._write(_SAVE_TITLE)
            self._write(title)
            self._title = title
        if health.word != self._word and not self._is_past(state, now) and not _asked_for(state, health):
            previous, self._word = self._word, health.word
            if previous:
                if self._view.bell:
                    self._write(_BELL)
                if self._view.notify:
                    self._write(_notification(health, name))
                alert = make_alert("change", state, health, now, previous=previous)
                self._submit("--on-change", self._view.on_change, alert)
        self.outages(state, health, now)

    def outages(self, state: State, health: Health, now: float) -> None:
        """Report outages that began or ended, of this connection or of one that was replaced."""
        if not self._view.on_outage:
            return
        for outage in state.outages:
            which = state.session.id, state.conn, outage.id
            if outage.manual or self._seen.get(which) or self._is_past(state, outage.began):
                continue
            kinds: list[Kind] = ["outage_began"] if which not in self._seen else []
            self._seen[which] = outage.after != "" and outage.settled  # one that only natsmon's end cut short goes on
            kinds += ["outage_ended"] if self._seen[which] else []
            for kind in kinds:
                alert = make_alert(kind, state, health, now, outage=outage)
                self._submit("--on-outage", self._view.on_outage, alert)

    def _is_past(self, state: State, t: float) -> bool:
        """Whether a time of the stream is long over: a pipe may carry a recording."""
        return state.session.started > 0 and state.wall(t) < self._oldest


def _asked_for(state: State, health: Health) -> bool:
    """Whether the user ends the connection, or reconnects; why it is closed may be known a moment later."""
    match health.word:
        case "CLOSED":
            return state.closed is None or state.closed.cause in _ON_REQUEST
        case "RECONNECTING":
            return state.outage is not None and state.outage.manual
    return health.word == "DRAINING"


def _server(state: State) -> str:
    """The name of the server it is or was connected to, else the address of the first that is dialed."""
    if state.connected is not None:
        return named(state.connected)
    servers = state.connection.servers if state.connection is not None else []
    return address(next(iter(servers), ""))


def _title(health: Health, name: str, seconds: float) -> str:
    """The sequence that sets the title: ``● natsmon east-1``, ``✗ RECONNECTING 12 s east-1``.

    ``name`` is the server's; the seconds since the status changed are shown while there is no connection.
    """
    word = "natsmon" if health.headline == "CONNECTED" else health.headline
    if health.word in ("CONNECTING", "RECONNECTING"):
        word += f" {max(0, int(seconds))} s" if seconds < 60 else f" {units.elapsed(seconds)}"
    return f"\x1b]2;{_plain(f'{_MARKS[health.level]} {word} {name}')}\a"


def _notification(health: Health, name: str) -> str:
    """The sequences of a desktop notification: OSC 9 (iTerm2, Windows Terminal) and OSC 777 (rxvt, foot, VTE)."""
    heading, text = _plain(f"natsmon {name}"), _plain(f"{health.headline} {health.phrase}")
    return f"\x1b]9;{heading}: {text}\a\x1b]777;notify;{heading.replace(';', ',')};{text.replace(';', ',')}\a"


def _plain(text: str) -> str:
    return clip(printable(" ".join(text.split())), _LONGEST)
