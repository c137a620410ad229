"""The last line: the most important keys, or for a moment a notice."""

from textual.events import Click

from natsmon.charts.cells import Role, Row, fit, row, width_of
from natsmon.tui.model import decisions
from natsmon.tui.model.key_table import Key
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.panel import Panel

_SPARED = (
    "", "filter", "servers", "latency", "drain", "upgrade", "open", "next-server", "outages", "pause",
    "step", "time", "faster", "copy", "up", "older", "play",
)  # fmt: skip
"""Ids of keys that give way where the line is short, first ones first."""


def label_of(key: Key, moment: Moment) -> str:
    """The label of a key, as its command is called now."""
    match key.id:
        case "pause" if moment.state.paused:
            return "resume"
        case "reconnect" if moment.state.status == "CLOSED" or (moment.over and moment.restart):
            return "start again"
        case "reconnect" if moment.state.status in ("DISCONNECTED", "CONNECTING", "RECONNECTING"):
            return "dial now"
    return key.label


def idle(key: Key, moment: Moment) -> bool:
    """True when the key would have no effect now."""
    if key.action not in decisions.ACTIONS or (key.id == "reconnect" and moment.over and moment.restart):
        return False
    return isinstance(decisions.decide(key.action, moment), str)


def leaving(moment: Moment) -> str:
    """What is waited for before natsmon quits; empty unless it is quitting."""
    if moment.stream != "leaving":
        return ""
    doing = "closing…"
    if moment.state.status in ("CONNECTED", "DRAINING"):
        doing = "draining and reading back…" if moment.state.acknowledged else "draining…"
    return f"{doing} q again quits at once"


def labels(keys: tuple[Key, ...], moment: Moment, width: int) -> list[tuple[Key, Row]]:
    """The keys that fit, each with its label."""
    bar = [key for key in keys if key.label and not (moment.unable and key.action in decisions.ACTIONS)]
    for spared in _SPARED:
        bar = [key for key in bar if key.id != spared]
        named = [f" {label_of(key, moment)}" for key in bar]
        size = sum(map(len, (*named, *(key.shown for key in bar))))
        for gap in (3, 2, 1) if spared == _SPARED[-1] else (3, 2):
            if size + gap * (len(bar) - 1) <= width - (40 if gap == 3 else 0):
                drawn: list[tuple[Key, Row]] = []
                for key, name in zip(bar, named, strict=True):
                    roles: tuple[Role, Role] = ("dim", "dim") if idle(key, moment) else ("info", "label")
                    space = " " * gap if drawn else ""
                    drawn.append((key, row((space, "label"), (key.shown, roles[0]), (name, roles[1]))))
                return drawn
    return []


class KeyBar(Panel):
    """Clicking a label is pressing its key."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self.keys = keys
        self.notice = ""
        self._labels: list[tuple[Key, Row]] = []
        super().__init__(self._line, id="keybar")

    def _line(self, moment: Moment, width: int, height: int) -> list[Row]:
        notice = self.notice or leaving(moment)
        self._labels = [] if notice else labels(self.keys, moment, width)
        return [fit(sum((parts for _, parts in self._labels), row((notice, "strong"))), width)]

    def show_notice(self, notice: str) -> None:
        """Show a sentence instead of the keys; an empty one shows the keys again."""
        self.notice = notice
        self.redraw()

    async def on_click(self, event: Click) -> None:
        end = self.content_offset.x
        for key, parts in self._labels:
            end += width_of(parts)
            if event.x < end:
                await self.app.run_action(key.action)
                return
