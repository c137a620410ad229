"""The keys of a replay: those of the dashboard, and in the place of what acts on a connection those that play."""

from msgspec.structs import replace

from natsmon.tui.model.key_table import KEYS, RECORD_KEYS, Key

_ALWAYS = "always"
_RECORD, _ELSEWHERE = "one dial or outage", "the other pages"
_PLAYING: tuple[Key, ...] = (
    Key(
        "space", "play", "space", "play/pause", "Play or pause",
        ((_ALWAYS, "plays or pauses; at the end plays again from the start"),),
        "natsmon.play", priority=True,
    ),
    Key(
        "plus,equals_sign,greater_than_sign", "faster(1)", "+ -", "speed", "Faster",
        ((_ALWAYS, "faster or slower, from 1× to 1000×; > and <, too"),),
        "natsmon.faster", priority=True,
    ),
    Key("minus,less_than_sign", "faster(-1)", "", "", "", (), "natsmon.slower", priority=True),
    Key(
        "full_stop", "step(1)", ". ,", "step", "One event on",
        ((_ALWAYS, "one event on, or back"),),
        "natsmon.step", priority=True,
    ),
    Key("comma", "step(-1)", "", "", "", (), "natsmon.step_back", priority=True),
    Key(
        "right_square_bracket", "outage(1)", "] [", "outage", "To the next outage",
        ((_ALWAYS, "to the loss of the next outage, or of the one before"),),
        "natsmon.next_outage", priority=True,
    ),
    Key("left_square_bracket", "outage(-1)", "", "", "", (), "natsmon.previous_outage", priority=True),
    Key(
        "right", "scrub(1)", "← →", "", "",
        (
            (_ALWAYS, "back or on by a hundredth of the recording, with shift by a tenth"),
            ("the pointer", "a click on the line, or drawing along it, goes there"),
        ),
        "natsmon.scrub", priority=True,
    ),
    Key("left", "scrub(-1)", "", "", "", (), "natsmon.scrub_back", priority=True),
    Key("shift+right", "scrub(10)", "", "", "", (), "natsmon.scrub_far", priority=True),
    Key("shift+left", "scrub(-10)", "", "", "", (), "natsmon.scrub_far_back", priority=True),
    Key(
        "left_curly_bracket,ctrl+home", "to_end(-1)", "{ }", "", "",
        ((_ALWAYS, "to the beginning or to the end of the recording"),),
        "natsmon.beginning", priority=True,
    ),
    Key("right_curly_bracket,ctrl+end", "to_end(1)", "", "", "", (), "natsmon.ending", priority=True),
    Key(
        "g", "go", "g", "time", "Go to a time",
        ((_ALWAYS, "to a time of day, a date and a time, +30s or -5m from here, or an event: #1200"),),
        "natsmon.go", priority=True,
    ),
)  # fmt: skip

_ACTING = ("cancel", "reconnect", "next_server", "pause", "drain", "record")


def _in_a_replay(key: Key) -> Key:
    match key.action.removeprefix("app."):
        case "leave":
            return replace(key, when=((_ALWAYS, "leaves"),))
        case "interrupt":
            return replace(key, when=((_ALWAYS, "as q"),))
        case "screen.drop_filter":
            return replace(key, shown="esc", when=(("while it is loading", "stops that; what is there stays"),))
        case action if action in _ACTING:  # they say why they do nothing, and stand nowhere
            return replace(key, keys=key.keys.removesuffix(",space"), label="", shown="", title="", when=())
    return key


REPLAY_KEYS: tuple[Key, ...] = (
    *_PLAYING,
    *(_in_a_replay(key) for key in KEYS if key.action != "sandbox"),
)


def _on_a_page(key: Key) -> Key:
    """The pointer has nothing to draw along there; some keys walk the records where one is told whole."""
    does = key.when[0][1] if key.when else ""
    match key.action:
        case "screen.step(1)":
            return replace(key, when=((_RECORD, "the one before it, as the table lists them"),))
        case "screen.step(-1)":
            return replace(key, when=((_RECORD, does),))
        case "outage(1)" | "scrub(1)":
            return replace(key, when=((_ELSEWHERE, does),))
    return key


REPLAY_PAGE_KEYS: tuple[Key, ...] = tuple(
    _on_a_page(key) for key in (*map(_in_a_replay, RECORD_KEYS), *_PLAYING) if key.id != "natsmon.lab"
)
"""What the help says of the pages."""
