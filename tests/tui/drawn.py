"""What panels show for a stream of events, without a terminal."""

from natsmon.charts.cells import Row, text_of
from natsmon.state import Tracks
from natsmon.tui.model.moment import Moment, Stream
from natsmon.tui.panels import dial_rows
from natsmon.tui.widgets.panel import Panel
from tests.tui import streams

STREAMS = (
    streams.Stream,
    streams.connected,
    streams.dialing,
    streams.countdown,
    streams.outage,
    streams.cancelled,
    streams.gave_up,
    streams.hostile,
)


def moment_of(stream: streams.Stream, now: float | None = None, how: Stream = "live") -> Moment:
    tracks = Tracks()
    for event in stream.events:
        tracks.apply(event)
    state = tracks.first.state
    return Moment(state, max(state.now, stream.t) if now is None else now, how, "killed by SIGKILL", "r")


MOMENTS = [moment_of(build(), how=how) for build in STREAMS for how in ("live", "stopped")]


def text_on(panel: Panel) -> str:
    """As it stands on the screen."""
    return "\n".join(texts(panel._rows))


def texts(rows: list[Row]) -> list[str]:
    return [text_of(cells) for cells in rows]


def dial_table(moment: Moment, width: int, height: int) -> list[Row]:
    """The panel of dials, without a cursor or a filter."""
    above = dial_rows.lines_above(moment, height, marked=False)
    return dial_rows.rows(moment, width, height, dial_rows.DialSelection().view(moment.state, height - above), "")
