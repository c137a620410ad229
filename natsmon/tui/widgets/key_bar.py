"""The last line: the most important keys, or for a moment a notice."""

from textual.events import Click

from natsmon.charts.cells import Piece, Role, Row, fit, row
from natsmon.stream.commands import AnyCommand
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


def tick(moment: Moment) -> object:
    """Changes when a label, or whether a key has an effect, would."""
    state = moment.state
    return state.paused, state.status, moment.stream, state.waiting is not None, state.observing


def leaving(moment: Moment) -> str:
    """What is waited for before natsmon quits; empty unless it is quitting."""
    if moment.stream != "leaving":
        return ""
    doing = "closing…"
    if moment.state.status in ("CONNECTED", "DRAINING"):
        doing = "draining and reading back…" if moment.state.acknowledged else "draining…"
    return f"{doing} q again quits at once"


def rows(keys: tuple[Key, ...], moment: Moment, width: int) -> list[Row]:
    """One row of labels."""
    return [fit(row(*(part for _, parts in _parts(keys, moment, width) for part in parts)), width)]


def _parts(keys: tuple[Key, ...], moment: Moment, width: int) -> list[tuple[Key, list[Piece]]]:
    """The labels that fit."""
    bar = [key for key in keys if key.label and not (moment.unable and key.action in decisions.ACTIONS)]
    for spared in _SPARED:
        bar = [key for key in bar if key.id != spared]
        labels = [(key, f" {label_of(key, moment)}") for key in bar]
        size = sum(len(key.shown) + len(label) for key, label in labels)
        for gap in (3, 2, 1) if spared == _SPARED[-1] else (3, 2):
            if size + gap * (len(labels) - 1) <= width - (40 if gap == 3 else 0):
                space = " " * gap
                roles: dict[bool, tuple[Role, Role]] = {False: ("info", "label"), True: ("dim", "dim")}
                drawn: list[tuple[Key, list[Piece]]] = []
                for n, (key, label) in enumerate(labels):
                    shown, named = roles[idle(key, moment)]
                    drawn.append((key, [(space if n else "", "label"), (key.shown, shown), (label, named)]))
                return drawn
    return []


def key_at(keys: tuple[Key, ...], moment: Moment, width: int, x: int) -> Key | None:
    """The key whose label stands in this column."""
    end = 0
    for key, parts in _parts(keys, moment, width):
        end += sum(len(text) for text, _ in parts)
        if x < end:
            return key
    return None


class KeyBar(Panel):
    """Clicking a label is pressing its key."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self.keys = keys
        self.notice = ""
        super().__init__(self._line, lambda moment: (tick(moment), self.notice), id="keybar")

    def _line(self, moment: Moment, width: int, height: int) -> list[Row]:
        if notice := self.notice or leaving(moment):
            return [fit(row((notice, "strong")), width)]
        return rows(self.keys, moment, width)

    def show_notice(self, notice: str) -> None:
        """Show a sentence instead of the keys; an empty one shows the keys again."""
        self.notice = notice
        self.redraw()

    async def on_click(self, event: Click) -> None:
        if self._moment is None or self.notice or leaving(self._moment):
            return
        key = key_at(self.keys, self._moment, self.size.width, event.x - self.content_offset.x)
        if key is not None:
            await self.app.run_action(key.action)


class MomentView:
    """A screen that shows the present, with a key bar below."""

    keybar: KeyBar
    of_a_record = False
    """True when it is about one record of a session."""

    def show(self, moment: Moment, revision: int) -> None:
        """Show a moment; whatever looks the same as before is not painted again."""
        raise NotImplementedError


def doing(command: AnyCommand) -> str:
    """The name of a command."""
    return decisions.DOING[type(command)]
