"""The last line: the most important keys, or for a moment what there is to say about the one just pressed."""

from textual.events import Click

from natsmon.charts.cells import Piece, Role, Row, fit, row
from natsmon.tui.model.decisions import BY_ACTION
from natsmon.tui.model.key_table import Key
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.panel import Panel

_SPARED = (
    "",
    *(
        f"natsmon.{name}"
        for name in ("filter", "servers", "latency", "drain", "upgrade", "open", "next_server", "outages", "pause")
    ),
    *(f"natsmon.{name}" for name in ("step", "go", "faster")),  # a replay has these
)


def label_of(key: Key, moment: Moment) -> str:
    match _action(key):
        case "pause" if moment.state.paused:
            return "resume" if key.label else ""
        case "reconnect" if key.label:
            if moment.state.status == "CLOSED" or (moment.over and moment.can_restart):
                return "start again"
            return "dial now" if moment.state.status in ("DISCONNECTED", "CONNECTING", "RECONNECTING") else key.label
    return key.label


def _action(key: Key) -> str:
    return key.action.removeprefix("app.")


def idle(key: Key, moment: Moment) -> bool:
    """True when pressing the key now would only be told why it does nothing."""
    if _action(key) == "reconnect" and moment.over and moment.can_restart:
        return False
    decide = BY_ACTION.get(_action(key))
    return decide is not None and isinstance(decide(moment), str)


def tick(moment: Moment) -> object:
    state = moment.state
    observing = state.connection is not None and state.connection.observing
    return state.paused, state.status, moment.stream, state.dial is not None, observing


def leaving(moment: Moment) -> str:
    """What is waited for; empty unless it is."""
    if moment.stream != "leaving":
        return ""
    connection, doing = moment.state.connection, "closing…"
    if moment.state.status in ("CONNECTED", "DRAINING"):
        reads = connection is not None and connection.verification == "ack"
        doing = "draining and reading back…" if reads else "draining…"
    return f"{doing} q again leaves at once"


def rows(keys: tuple[Key, ...], moment: Moment, width: int) -> list[Row]:
    return [fit(row(*(part for _, parts in _parts(keys, moment, width) for part in parts)), width)]


def _parts(keys: tuple[Key, ...], moment: Moment, width: int) -> list[tuple[Key, list[Piece]]]:
    """The labels that fit; where they do not, those that can best be found in the help go first."""
    bar = [key for key in keys if key.label and not (moment.unable and _action(key) in BY_ACTION)]
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
        self._keys = keys
        self.notice = ""
        super().__init__(self._line, lambda moment: (tick(moment), self.notice), id="keybar")

    def _line(self, moment: Moment, width: int, height: int) -> list[Row]:
        if told := self.notice or leaving(moment):
            return [fit(row((told, "strong")), width)]
        return rows(self._keys, moment, width)

    def say(self, notice: str) -> None:
        self.notice = notice
        self.redraw()

    async def on_click(self, event: Click) -> None:
        if self._moment is None or self.notice or leaving(self._moment):
            return
        key = key_at(self._keys, self._moment, self.size.width, event.x - self.content_offset.x)
        if key is not None:
            await self.app.run_action(key.action)


class MomentView:
    """A screen that shows the present, with a key bar below."""

    keybar: KeyBar
    of_a_record = False
    """True when it tells of one record, and has nothing to tell without it."""

    def show(self, moment: Moment, revision: int) -> None:
        """Show a moment; whatever looks the same as before is not painted again."""
        raise NotImplementedError
