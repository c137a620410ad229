"""The dashboard on a recording: the same screen as live, what could not be read, and the whole program."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from natsmon.charts.cells import text_of
from natsmon.lab.nats_server import NatsServer
from natsmon.recording.reader import Recording
from natsmon.replay.player import Player
from natsmon.replay.recording_index import RecordingIndex
from natsmon.state import State, Tracks
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from natsmon.text.units import LONGEST
from natsmon.tui.app import NatsmonApp
from natsmon.tui.model.viewed_stream import ViewedStream
from natsmon.tui.replay.replay_app import ReplayApp
from natsmon.tui.replay.replay_bar import LOST, UNREAD, cell, track
from natsmon.tui.widgets.panel import Panel
from tests.harness.listening import listening, settings
from tests.harness.terminal import Terminal
from tests.replay.indexed import EVENTS, batch, loaded, written
from tests.state.folding import same
from tests.tui import streams
from tests.tui.drawn import text_on
from tests.tui.fakes import Recorded
from tests.tui.pictures import SIZES
from tests.tui.played import played
from tests.tui.streams import Stream

ROOT = Path(__file__).parent.parent.parent


# -- as it was live --------------------------------------------------------------------------------


async def hurt(server: NatsServer) -> tuple[list[Any], dict[int, State]]:
    """What a probe run while its server was killed twice; and, at some points, what was known live."""
    async with listening(settings(server.url)) as run:
        for _ in range(2):
            await run.events.until_counts(lambda tally: tally.delivered > 3)
            await asyncio.to_thread(server.kill)
            await run.events.until(ev.Waiting)
            await asyncio.to_thread(server.start)
            await run.events.until(ev.Outage)
        run.execute(commands.Close())
        await run.ended()
    known: dict[int, State] = {}
    for number in (*range(10, len(run.events.seen), 15), len(run.events.seen)):
        tracks = Tracks()
        for event in run.events.seen[:number]:
            tracks.apply(event)
        known[number] = tracks.first.state
    return run.events.seen, known


async def live(events: list[Any], size: tuple[int, int], look: Callable[[NatsmonApp], Any]) -> Any:
    """What can be seen of a live dashboard after these events."""
    source = Recorded(cast(Stream, SimpleNamespace(events=events, t=events[-1].t)))
    app = NatsmonApp(source, clock=source.clock, leave_at_end=False)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.draw()
        await pilot.pause()
        seen = look(app)
        app.exit()
    return seen


PANELS = ("dials", "messages", "roundtrip", "outages", "servers", "timeline")


def seen(app: NatsmonApp) -> dict[str, Any]:
    """Every panel but the status as it stands on the screen, and the lines of the log."""
    screen: dict[str, Any] = {name: app.query_one(f"#{name}", Panel)._rows for name in PANELS}
    return screen | {"events": [line.text for line in app.viewed.window.log]}


async def test_every_place_shows_what_was_seen_live(server: NatsServer, tmp_path: Path) -> None:
    events, known = await hurt(server)
    assert sum(isinstance(event, ev.Disconnected) for event in events) == 2
    assert len(known) > 4
    places = sorted(known)
    some = [places[0], places[len(places) // 2], places[-2]]
    async with played(written(tmp_path / "run.jsonl", events)) as replay:
        for number in reversed(places):  # by way of a jump
            replay.player.to_event(number)
            await replay.settle()
            same(replay.app.viewed.state, known[number])
            if number in some:
                assert seen(replay.app) == await live(events[:number], (120, 36), seen), number
        for _ in range(12):  # and step by step
            await replay.press("full_stop")
        number = replay.player.number
        assert number == places[0] + 12
        assert seen(replay.app) == await live(events[:number], (120, 36), seen)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_bar_fits_its_lines(recording: Path, size: tuple[int, int]) -> None:
    def heights(app: NatsmonApp) -> dict[str, int]:
        return {name: app.query_one(f"#{name}").size.height for name in (*PANELS, "events", "keybar")}

    usual = await live(streams.connected().events, size, heights)
    async with played(recording, size=size) as replay:
        bar = replay.app.query_one("#replay").size.height
        assert bar == (2 if size[1] >= 34 else 1)
        assert heights(replay.app) == usual | {"events": usual["events"] - bar}


@pytest.mark.parametrize("width", [1, 7, 40, 118, 400])
def test_shortest_outage_is_visible_on_the_track(width: int) -> None:
    events = [*EVENTS, *streams.connected().lose().events[1:]]  # the last one begins with the last event
    index = loaded(events)
    player = Player(index, playing=False)
    shown = text_of(track(player, 1.0, width))
    assert len(shown) == width
    lost = {n for n, shape in enumerate(shown) if shape == LOST}
    begun = {cell(mark.began, index.length, width) for mark in index.outages}
    assert begun - {0} <= lost
    assert len(lost) < 7 * len(index.outages)
    half = text_of(track(player, 0.5, 40))
    assert half[20] == LOST
    assert half[21:] == UNREAD * 19


def test_note_in_a_pipe_does_not_move_the_clock() -> None:
    viewed = ViewedStream(Recorded(streams.connected()), lambda: 100.0)
    viewed.take(ev.Session(t=0.0, id="one", started=streams.STARTED))
    viewed.take(ev.Paused(t=10.0))
    viewed.take(ev.Note(t=12.0, text="ahead"))
    assert viewed.moment().now == 10.0
    viewed.look()
    _, line = viewed.window.newest(1)[0]
    assert line.at == streams.STARTED + 12.0


# -- what could not be read --------------------------------------------------------------------------


class Endless:
    """A recording a quarter of which has been read, and will have been for ever."""

    read, total = 25, 100
    skipped: tuple[Any, ...] = ()

    def batches(self) -> Iterator[list[tuple[ev.AnyEvent, bytes]]]:
        yield batch([EVENTS[0]])
        for number in count(1):
            yield batch([ev.Published(t=number / 100, seq=number)])


async def test_loading_shows_how_far_it_is_and_esc_stops_it() -> None:
    index = RecordingIndex(cast(Recording, Endless()))
    assert index.begin()
    app = ReplayApp(index, playing=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.draw()
        assert "loading  25% · esc stops" in text_on(app.query_one("#replay", Panel))
        await pilot.press("escape")
        await pilot.pause()
        assert index.stopped
        there = len(index)
        await pilot.pause()
        app.draw()
        assert text_on(app.query_one("#keybar", Panel)).startswith(f"loading stopped: {there:,} events are here")
        await pilot.press("right_curly_bracket")
        await pilot.pause()
        assert app.player.number == there
        assert "loaded to 25%" in text_on(app.query_one("#replay", Panel))


async def test_replay_follows_the_connection_that_was_opened_in_the_place_of_another(tmp_path: Path) -> None:
    events = streams.switched().events
    opened = next(n for n, event in enumerate(events) if event.conn == 1)
    async with played(written(tmp_path / "run.jsonl", events), size=(120, 50)) as replay:
        replay.player.to_event(opened - 3)
        await replay.settle()
        assert "REPLAY CONNECTED" in replay.shown("status")
        await replay.press("enter")
        assert len(replay.app.screen_stack) == 2, "the page of the first connection's dial"
        await replay.press("full_stop", "full_stop", "full_stop")
        assert len(replay.app.screen_stack) == 2
        assert "REPLAY CLOSED" in text_on(replay.app.screen.query_one("#status", Panel))
        await replay.press("full_stop")
        assert (replay.player.number, len(replay.app.screen_stack)) == (opened + 1, 1), "which the next one has not"
        assert "switched to context west" in replay.shown("events")
        assert "REPLAY CONNECTING" in replay.shown("status")
        replay.player.to_event(opened - 3)
        await replay.settle()
        assert "REPLAY CONNECTED" in replay.shown("status")
        assert "switched" not in replay.shown("events")


async def test_unreadable_parts_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a short name, whatever pytest calls its folders
    path = written(Path("run.jsonl"), EVENTS[:50])
    path.write_bytes(path.read_bytes() + b"{no event\n[]\n" + codec.encode(ev.Paused(t=1e6)))
    async with played(path) as replay:
        assert "run.jsonl: line 51 and 1 more: not an event" in replay.shown("keybar")
        assert "2 not read" in replay.shown("replay")
        assert len(replay.player.index) == 51


async def test_recording_with_impossible_times_is_drawn(tmp_path: Path) -> None:
    """Every place of it is drawn, whatever its clocks show."""
    events: list[ev.AnyEvent] = [
        ev.Session(t=-5.0, id="x", started=LONGEST - 1),
        ev.Connection(t=-5.0, name=streams.HOSTILE, servers=[streams.HOSTILE]),
        *streams.hostile().events[2:],
        ev.Paused(t=9e9),
        ev.Disconnected(t=9e9, outage=1 << 40, cause=streams.HOSTILE),
        ev.StatusChanged(t=9e9, status="RECONNECTING", previous="CONNECTED"),
        ev.Session(t=9e9, id="y", started=1 - LONGEST),
        ev.Rtt(t=9e9, seconds=LONGEST - 1),
        ev.Rtt(t=9e9, seconds=1e308),
        ev.Rtt(t=1e308, seconds=1.0),
    ]
    async with played(written(tmp_path / "run.jsonl", events)) as replay:
        assert [note.why for note in replay.player.index.recording.skipped] == ["not an event"]
        for number in (*range(0, len(events), 16), len(events) - 1, len(events) - 2):
            replay.player.to_event(number)
            await replay.settle()
        for key in ("o", "l"):
            await replay.press(key, "escape")
        await replay.press("t")
        await replay.type("1:04")
        await replay.press("enter")
        assert replay.app.is_running


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_replay_at_each_size(snap_compare: Callable[..., bool], recording: Path, size: tuple[int, int]) -> None:
    index = RecordingIndex(Recording([recording]))
    while index.load_slice():
        pass
    app = ReplayApp(index, playing=False)
    assert snap_compare(app, terminal_size=size, press=["right_square_bracket", "right_square_bracket", "plus"])


# -- as a program ----------------------------------------------------------------------------------


@pytest.fixture
def torn(recording: Path) -> Path:
    recording.write_bytes(recording.read_bytes() + b"{no event\n")
    return recording


async def test_replay_seeks_and_plays_in_a_terminal(torn: Path) -> None:
    command = [sys.executable, "-m", "natsmon", "replay", str(torn)]
    async with Terminal(command, env={"PYTHONPATH": str(ROOT)}) as terminal:
        await terminal.until(lambda text: "● REPLAY CONNECTED" in text and f"/{len(EVENTS):,}" in text)
        terminal.send(" ")
        await terminal.until("‖")  # else it plays on through what follows
        terminal.send("]")
        await terminal.until("✗ REPLAY RECONNECTING")
        terminal.send("t")
        await terminal.until("go to 15:04")
        terminal.send("#40\r")
        await terminal.until(lambda text: "● REPLAY CONNECTED" in text and " 40/" in text and "‖" in text)
        terminal.send("+++++++++")
        await terminal.until("‖ 1000×")
        terminal.send(" ")
        await terminal.until(lambda text: f"{len(EVENTS):,}/{len(EVENTS):,}" in text)
        terminal.send("q")
        assert await terminal.ended() == 0
        number = len(EVENTS) + 1
        assert f"natsmon: not read: {torn}: line {number:,}: not an event" in terminal.text.replace("\n", "")
