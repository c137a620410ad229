"""The help page: every key, what it does when, and what the words and shapes on the screen mean."""

from natsmon.charts import dial_stages, status_timeline
from natsmon.charts.cells import Row, fit, fold, row, width_of
from natsmon.tui.model.key_table import Key
from natsmon.tui.panels import status_panel
from natsmon.tui.widgets.prose import heading

TERMS: tuple[tuple[str, str], ...] = (
    ("dial", "one attempt to connect to one server, from DNS to PONG"),
    ("stages", "dns, tcp, tls, info, connect: the parts of a dial, with the milliseconds of each"),
    ("attempt", "the ordinal of a dial since the loss, or since the start"),
    ("pass", "every server of the pool dialed once"),
    ("reason", "initial: the first connection; reconnect: after a loss; manual: by a key"),
    ("jitter", "a random part of the wait, so that not all clients return at once"),
    ("outage", "the time from the loss of a connection to the next CONNECTED"),
    ("manual", "a reconnect that the user asked for: an outage only if its first dial fails"),
    ("failed", "dials of a server that failed since the last connection"),
    ("up", "for how long it is CONNECTED, where the headline shows another word"),
    ("lame duck", "a server that sends clients away, as before it shuts down"),
    ("detected", "seconds from the last data received until the loss was detected"),
    ("silent", "an answer is due and has not arrived; other data may"),
    ("availability", "time connected over time that should have been, since the first connection"),
    ("attempted", "= sent + buffered + rejected"),
    ("sent", "= delivered + in flight + undelivered + lost + unverified"),
    ("delivered", "the echo, or the acknowledgement of the stream, arrived"),
    ("undelivered", "the server answered a later PING, and the echo did not arrive"),
    ("lost", "the connection ended before the echo arrived, and it never came"),
    ("unverified", "sent while natsmon could not listen, or in flight when it closed the connection"),
    ("buffered", "made during an outage, kept to be sent after it"),
    ("rejected", "refused by the server, or not sent: the buffer was full, or it would be refused"),
    ("late, duplicate", "delivered after being counted as lost; delivered twice"),
    ("round trip", "PING to PONG; the echo is a message's way out and back"),
    ("percentiles", "p99: 99 of 100 took no longer; shown with 100 samples or more"),
    ("stale", "so many PINGs without a PONG that the connection is given up"),
    ("MTBF, MTTR", "mean time between outages; mean time to recover"),
)
_KEYS = 14
_TITLE = 28
_TERM = 16


def rows(keys: tuple[Key, ...], record_keys: tuple[Key, ...], width: int) -> list[Row]:
    """Every line of the help. Each stands alone, so that a filter finds it with what it means."""
    drawn = heading("keys", width)[1:]
    for key in (*keys, *record_keys):
        if key.cases:
            drawn += _key(key, width)
    drawn += heading("words", width)
    for term, meaning in TERMS:
        drawn += _entry(term, meaning, width)
    drawn += heading("shapes", width)
    levels = [f"{shape} {level}" for level, (shape, _) in status_panel.SHAPES.items()]
    stages = [f"{glyph} {word}" for word, (glyph, _) in dial_stages.MARKS.items()]
    stages = [f"{dial_stages.NOT_BEGUN[0]} not begun", *stages, f"{dial_stages.NOT_NEEDED[0]} not needed"]
    for name, shapes in (
        ("level", levels),
        ("stage", stages),
        ("stages drawn", [f"{shade} {stage}" for stage, shade in dial_stages.SHADES.items()]),
        ("timeline", status_timeline.legend().split("  ")),
    ):
        drawn += _entry(name, "   ".join(shapes), width)
    return drawn


def _key(key: Key, width: int) -> list[Row]:
    """A line for each case; the name of the action with the first."""
    drawn: list[Row] = []
    shown, name = key.all_shown, key.title or key.id.replace("-", " ").capitalize()
    for when, does in key.cases:
        text = does if when == "always" else f"{when}: {does}"
        start = row((f"{shown:<{_KEYS}} ", "strong"))
        if width >= 76:
            start += row((f"{name:<{_TITLE}} ", "value"))
        elif name:
            text = f"{name}: {text}"
        drawn += _folded(start, text, width)
        shown = name = ""
    return drawn


def _entry(name: str, meaning: str, width: int) -> list[Row]:
    return _folded(row((f"{name:<{_TERM}} ", "strong")), meaning, width)


def _folded(start: Row, text: str, width: int) -> list[Row]:
    names = width_of(start)
    first, *others = fold(text, max(10, width - names))
    return [
        fit(line, width)
        for line in (start + row((first, "label")), *(row((" " * names, "value"), (each, "label")) for each in others))
    ]
