"""What panels show for a stream of events, without a terminal."""

from natsmon.charts.cells import Row, text_of
from natsmon.state import State, Tracks
from natsmon.tui.model.moment import Moment, Stream
from natsmon.tui.model.row_list import R, RecordList
from natsmon.tui.panels import dial_rows
from natsmon.tui.widgets.list_panel import Drawing
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
    return table_of(dial_rows, moment, width, height)


def table_of(drawing: Drawing[R], moment: Moment, width: int, height: int, needle: str = "") -> list[Row]:
    """A table of records with a filter, and without a cursor."""
    records = records_of(drawing, moment.state, needle)
    above = drawing.lines_above(moment, height, marked=False)
    return drawing.rows(moment, width, height, records, in_view(records, height - above))


def records_of(drawing: Drawing[R], state: State, needle: str = "") -> RecordList[R]:
    records = RecordList(drawing.records, drawing.matches)
    records.attach(state)
    records.filter(needle)
    return records


def in_view(records: RecordList[R], fitting: int) -> list[R]:
    return records.view(fitting)
