"""The dashboard on a recording: the same screen as live, and the keys that move it in time."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Static

from natsmon import events as ev
from natsmon.recording.reader import Batch, Recording
from natsmon.replay.loading import Loading
from natsmon.replay.player import Player
from natsmon.sandbox.server import NatsServer
from natsmon.state import State
from natsmon.tui import log
from natsmon.tui.app import NatsmonApp
from natsmon.tui.dials.page import DialPage
from natsmon.tui.drawing.cells import text_of
from natsmon.tui.drawing.panel import Panel
from natsmon.tui.page import Page
from natsmon.tui.replay.app import ReplayApp
from natsmon.tui.replay.bar import LOST, UNREAD, cell, track
from natsmon.tui.watch import Watch
from tests.listening import listening, settings
from tests.replay.test_replay import EVENTS, batch, loaded, written
from tests.state.test_snapshot import same
from tests.terminal import Terminal
from tests.tui import streams
from tests.tui.fakes import Recorded
from tests.tui.streams import Stream
from tests.tui.test_keys import run_by_name

ROOT = Path(__file__).parent.parent.parent
SIZES = [(80, 24), (120, 36), (200, 60)]


class Played:
    """A replay under test, and its clock."""

    def __init__(self, app: ReplayApp, pilot: Pilot[int], clock: SimpleNamespace) -> None:
        self.app = app
        self.player = app.player
        self._pilot = pilot
        self._clock = clock

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self.settle()

    async def wait(self, seconds: float) -> None:
        self._clock.now += seconds
        await self.settle()

    async def settle(self) -> None:
        await self._pilot.pause()
        if self.app.is_running:
            self.app.draw()
            await self._pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*(_KEY.get(letter, letter) for letter in text))

    async def click(self, x: int, y: int = 0) -> None:
        await self._pilot.click("#replay", offset=(x, y))
        await self.settle()

    def shown(self, panel: str) -> str:
        return text(self.app.query_one(f"#{panel}", Panel))


_KEY = {"#": "number_sign", ":": "colon", "+": "plus", ".": "full_stop", "-": "minus", " ": "space"}


def text(panel: Panel) -> str:
    return "\n".join(text_of(row) for row in panel._rows)


@asynccontextmanager
async def played(path: Path, *, size: tuple[int, int] = (120, 36), playing: bool = False) -> AsyncIterator[Played]:
    loading = Loading(Recording([path]))
    assert loading.begin()
    clock = SimpleNamespace(now=100.0)
    app = ReplayApp(loading, playing=playing, clock=lambda: clock.now)
    async with app.run_test(size=size) as pilot:
        while not loading.done:
            await pilot.pause()
        played = Played(app, pilot, clock)
        await played.settle()
        yield played


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return written(tmp_path / "run.jsonl", EVENTS)


# -- as it was live --------------------------------------------------------------------------------


async def hurt(server: NatsServer) -> tuple[list[Any], dict[int, State]]:
    """What a probe told while its server was killed twice; and, at some points, what was known live."""
    wanted = settings(server.url, connect_timeout=0.5)
    async with listening(wanted) as told:
        for _ in range(2):
            await told.events.until_counts(lambda tally: tally.echoed > 3)
            await asyncio.to_thread(server.kill)
            await told.events.until(ev.Waiting)
            await asyncio.to_thread(server.start)
            await told.events.until(ev.Outage)
        told.obey(ev.Close())
        await told.ended()
    known: dict[int, State] = {}
    for number in (*range(10, len(told.events.seen), 15), len(told.events.seen)):
        known[number] = State()
        for event in told.events.seen[:number]:
            known[number].apply(event)
    return told.events.seen, known


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


PANELS = ("status", "dials", "messages", "roundtrip", "outages", "servers", "timeline")


def seen(app: NatsmonApp) -> dict[str, Any]:
    """Every panel as it stands on the screen; of the log, whose height is another in a replay, the lines."""
    screen: dict[str, Any] = {name: app.query_one(f"#{name}", Panel)._rows for name in PANELS}
    return screen | {"events": log.rows(app.watched.book, 100, 60)}


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
            same(replay.app.watched.state, known[number])
            if number in some:
                assert seen(replay.app) == await live(events[:number], (120, 36), seen), number
        for _ in range(12):  # and step by step
            await replay.press("full_stop")
        number = replay.player.number
        assert number == places[0] + 12
        assert seen(replay.app) == await live(events[:number], (120, 36), seen)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_bar_takes_no_more_than_its_lines(recording: Path, size: tuple[int, int]) -> None:
    def heights(app: NatsmonApp) -> dict[str, int]:
        return {name: app.query_one(f"#{name}").size.height for name in (*PANELS, "events", "keybar")}

    usual = await live(streams.connected().events, size, heights)
    async with played(recording, size=size) as replay:
        bar = replay.app.query_one("#replay").size.height
        assert bar == (2 if size[1] >= 34 else 1)
        assert heights(replay.app) == usual | {"events": usual["events"] - bar}


@pytest.mark.parametrize("width", [1, 7, 40, 118, 400])
def test_no_outage_is_too_short_for_the_track(width: int) -> None:
    events = [*EVENTS, *streams.connected().lose().events[1:]]  # the last one begins with the last event
    tape = loaded(events)
    player = Player(tape, playing=False)
    shown = text_of(track(player, 1.0, width))
    assert len(shown) == width
    lost = {n for n, shape in enumerate(shown) if shape == LOST}
    begun = {cell(mark.began, tape.length, width) for mark in tape.outages}
    assert begun - {0} <= lost
    assert len(lost) < 7 * len(tape.outages)
    half = text_of(track(player, 0.5, 40))
    assert half[20] == LOST
    assert half[21:] == UNREAD * 19


def test_a_note_in_a_pipe_moves_no_clock() -> None:
    watched = Watch(Recorded(streams.connected()), lambda: 100.0)
    watched.take(ev.Session(t=0.0, id="one", started=streams.STARTED))
    watched.take(ev.Paused(t=10.0))
    watched.take(ev.Note(t=12.0, text="ahead"))
    assert watched.moment().now == 10.0
    assert watched.book.newest(1)[0].wall == streams.STARTED + 12.0


# -- the keys --------------------------------------------------------------------------------------


async def test_play_pause_and_speed(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.wait(5.0)
        assert replay.player.at == 0.0
        await replay.press("space", "plus", "plus")
        await replay.wait(4.0)
        assert replay.player.at == pytest.approx(20.0)
        assert "▶    5×" in replay.shown("replay")
        await replay.press("minus", "space")
        await replay.wait(4.0)
        assert replay.player.at == pytest.approx(20.0)
        assert "‖    2×" in replay.shown("replay")


async def test_stepping_and_jumping(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("right_square_bracket")
        assert "RECONNECTING" in replay.shown("status")
        assert "outage 1 of" in replay.shown("replay")
        number = replay.player.number
        await replay.press("full_stop", "full_stop", "comma")
        assert replay.player.number == number + 1
        await replay.press("left_square_bracket")
        assert replay.player.number == number
        await replay.press("left_square_bracket")
        assert replay.shown("keybar").startswith("there is no outage before this")
        await replay.press("right_curly_bracket")
        assert replay.player.at_end
        await replay.press("right_square_bracket")
        assert replay.shown("keybar").startswith("there is no further outage")
        assert "session 3 of 3" in replay.shown("replay")
        await replay.press("left_curly_bracket", "shift+right", "right", "left")
        assert replay.player.at == pytest.approx(replay.player.tape.length / 10)


async def test_going_to_a_place_that_is_typed(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("g")
        await replay.type("#30")
        assert replay.player.number != 30
        await replay.press("enter")
        assert (replay.player.number, replay.app.query_one("#keybar").display) == (30, True)
        await replay.press("g")
        await replay.type("+1")
        await replay.press("escape")
        assert replay.player.number == 30
        await replay.press("g")
        await replay.type("x")
        await replay.press("enter")
        assert replay.shown("keybar").startswith("“x” is no time; try 15:04")
        await replay.press("slash")
        await replay.type(".+")
        assert replay.app.watched.book.needle == ".+"
        assert replay.player.number == 30


async def test_a_click_on_the_track_goes_there(recording: Path) -> None:
    async with played(recording) as replay:
        width = replay.app.query_one("#replay").size.width
        await replay.click(1 + (width - 1) // 2)
        assert replay.player.at == pytest.approx(replay.player.tape.length / 2, rel=0.02)
        await replay.click(width)
        assert replay.player.at_end
    async with played(recording, size=(80, 24)) as replay:
        await replay.click(3)  # on the figures
        assert replay.player.at == 0.0


@pytest.mark.parametrize("key", ["o", "l"])
async def test_on_the_pages_one_moves_in_time_as_on_the_dashboard(recording: Path, key: str) -> None:
    async with played(recording) as replay:
        replay.player.seek(replay.player.tape.length / 2)  # in the session with the most to see
        await replay.settle()
        await replay.press(key)
        page = replay.app.screen
        assert isinstance(page, Page)
        first, second = (mark.began for mark in replay.player.tape.outages[:2])

        async def at(key: str, at: float, said: str) -> None:
            await replay.press(key)
            assert replay.app.screen is page
            assert replay.player.at == pytest.approx(at)
            assert text(page.keybar).startswith(said)

        length = replay.player.tape.length
        await at("left_curly_bracket", 0.0, "15:06:40.000")
        await at("left_square_bracket", 0.0, "there is no outage before this")
        await at("right_square_bracket", first, "outage 1 of 4")
        await at("right_square_bracket", second, "outage 2 of 4")
        await at("left_square_bracket", first, "outage 1 of 4")
        await at("right", first + length / 100, "15:")
        await at("left", first, "15:")
        await at("shift+right", first + length / 10, "15:")
        await at("shift+left", first, "15:")
        await at("right_curly_bracket", length, "15:")
        await replay.press("g")
        await replay.type("x[")
        await replay.press("left")
        assert replay.player.at == pytest.approx(length), "what is typed goes nowhere by itself"
        await replay.press("escape", "g")
        await replay.type("#30")
        await replay.press("enter")
        assert replay.player.number == 30
        assert (replay.app.screen, page.keybar.display) == (page, True)


async def test_on_the_page_of_a_record_they_walk(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("right_square_bracket", "right_square_bracket", "enter")
        page, at = replay.app.screen, replay.player.at
        assert isinstance(page, DialPage)
        newest = page.record
        await replay.press("left_square_bracket")
        older = page.record
        assert older is not newest
        await replay.press("right", "left", "shift+left")
        assert page.record is older
        assert replay.player.at == at


async def test_the_help_names_what_works_on_a_page_of_a_replay(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("question_mark")
        shown_there = replay.app.screen.query_one("_Text", Static).render()
        assert isinstance(shown_there, Content)
        lines = shown_there.plain.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("on a page"))
    section = lines[begin + 1 : lines.index("", begin)]
    shown = [line[:11].strip() for line in section if line[:11].strip()]
    moving = ["space", "+ -", ". ,", "] [", "← →", "{ }", "g"]
    assert {*moving, "esc", "←", "→", "S", "?", "ctrl+p", "q"} <= set(shown)
    assert not {"c", "r", "n", "p", "p space", "d", "k", "R"} & set(shown)
    assert "drain" not in " ".join(section)


async def test_there_is_no_connection_to_act_on(recording: Path) -> None:
    async with played(recording) as replay:
        for key in ("c", "r", "n", "p", "d"):
            replay.app.say("")
            await replay.press(key)
            assert replay.shown("keybar").rstrip() == "a recording: there is no connection to act on"


@pytest.mark.parametrize("size", [(48, 16), (60, 16), *SIZES], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_key_bar_has_the_keys_that_work_here(recording: Path, size: tuple[int, int]) -> None:
    async with played(recording, size=size) as replay:
        assert replay.shown("keybar").startswith("space play/pause")
        assert replay.shown("keybar").rstrip().endswith("q quit")
        await replay.press("o")
        page = replay.app.screen
        assert isinstance(page, Page)
        assert "esc back" in text(page.keybar)
        assert "cancel" not in text(page.keybar)


async def test_a_page_stays_on_what_it_shows(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("right_square_bracket", "right_square_bracket", "enter")
        page = replay.app.screen
        assert isinstance(page, DialPage)
        dial = page.record
        await replay.press("comma", "full_stop", "comma")
        assert replay.app.screen is page
        assert page.record is not dial
        assert page.record is replay.app.watched.state.find_dial(dial.id)
        replay.player.seek(0.0)
        await replay.settle()
        assert not isinstance(replay.app.screen, DialPage)
        await replay.press("space")
        assert replay.player.playing


@pytest.mark.parametrize("keys", [("s",), ("right_square_bracket", "right_square_bracket", "enter")])
async def test_the_palette_opens_on_a_page_and_moves_in_time(recording: Path, keys: tuple[str, ...]) -> None:
    async with played(recording) as replay:
        await replay.press(*keys, "ctrl+p")
        assert type(replay.app.screen).__name__ == "CommandPalette"
        await replay.press("left_square_bracket", "left", "escape")
        assert isinstance(replay.app.screen, Page)
        number = replay.player.number
        await run_by_name(replay.app, replay._pilot, "One event on")
        assert replay.player.number == number + 1
        assert isinstance(replay.app.screen, Page)


class Endless:
    """A recording a quarter of which has been read, and will have been for ever."""

    read, total = 25, 100
    skipped: tuple[Any, ...] = ()

    def batches(self) -> Iterator[Batch]:
        yield batch([EVENTS[0]])
        for number in count(1):
            yield batch([ev.Published(t=number / 100, seq=number)])


async def test_loading_shows_how_far_it_is_and_esc_stops_it() -> None:
    loading = Loading(cast(Recording, Endless()))
    assert loading.begin()
    app = ReplayApp(loading, playing=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.draw()
        assert "loading  25% · esc stops" in text(app.query_one("#replay", Panel))
        await pilot.press("escape")
        await pilot.pause()
        assert loading.stopped
        there = len(loading.tape)
        await pilot.pause()
        app.draw()
        assert text(app.query_one("#keybar", Panel)).startswith(f"loading stopped: {there:,} events are here")
        await pilot.press("right_curly_bracket")
        await pilot.pause()
        assert app.player.number == there
        assert "loaded to 25%" in text(app.query_one("#replay", Panel))


async def test_what_could_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a short name, whatever pytest calls its folders
    path = written(Path("run.jsonl"), EVENTS[:50])
    path.write_bytes(path.read_bytes() + b"{no event\n[]\n" + ev.encode(ev.Paused(t=1e6)))
    async with played(path) as replay:
        assert "run.jsonl: line 51 and 1 more: is no event" in replay.shown("keybar")
        assert "2 not read" in replay.shown("replay")
        assert len(replay.player.tape) == 51


async def test_a_file_that_claims_what_cannot_be(tmp_path: Path) -> None:
    """Every place of it is drawn, whatever its clocks say."""
    events: list[ev.AnyEvent] = [
        ev.Session(t=-5.0, id="x", started=1e300, name=streams.HOSTILE, servers=[streams.HOSTILE]),
        *streams.hostile().events[1:],
        ev.Paused(t=9e9),
        ev.Disconnected(t=9e9, cause=streams.HOSTILE),
        ev.StatusChanged(t=9e9, status="RECONNECTING", previous="CONNECTED"),
        ev.Session(t=9e9, id="y", started=-1e300),
        ev.Rtt(t=9e9, seconds=1e308),
        ev.Rtt(t=1e308, seconds=1.0),
    ]
    async with played(written(tmp_path / "run.jsonl", events)) as replay:
        assert [note.why for note in replay.app.loading.skipped] == ["happened at no time there is"]
        for number in (*range(0, len(events), 16), len(events) - 1, len(events) - 2):
            replay.player.to_event(number)
            await replay.settle()
        for key in ("o", "l"):
            await replay.press(key, "escape")
        await replay.press("g")
        await replay.type("1:04")
        await replay.press("enter")
        assert "is in no calendar" in replay.shown("keybar")


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(snap_compare: Callable[..., bool], recording: Path, size: tuple[int, int]) -> None:
    loading = Loading(Recording([recording]))
    while loading.go_on():
        pass
    app = ReplayApp(loading, playing=False)
    assert snap_compare(app, terminal_size=size, press=["right_square_bracket", "right_square_bracket", "plus"])


# -- as a program ----------------------------------------------------------------------------------


@pytest.fixture
def torn(recording: Path) -> Path:
    recording.write_bytes(recording.read_bytes() + b"{no event\n")
    return recording


async def test_in_a_terminal(torn: Path) -> None:
    command = [sys.executable, "-m", "natsmon", "replay", str(torn)]
    async with Terminal(command, env={"PYTHONPATH": str(ROOT)}) as terminal:
        await terminal.until("● CONNECTED")
        terminal.send("]")
        await terminal.until("◑ RECONNECTING")
        terminal.send(" g")
        await terminal.until("go to 15:04")
        terminal.send("#40\r")
        await terminal.until(lambda text: "● CONNECTED" in text and " 40/" in text and "‖" in text)
        terminal.send("+++++++++ ")
        await terminal.until(lambda text: "▶ 1000×" in text)
        await terminal.until(lambda text: f"{len(EVENTS):,}/{len(EVENTS):,}" in text)
        terminal.send("q")
        assert await terminal.ended() == 0
        number = len(EVENTS) + 1
        assert f"natsmon: not read: {torn}: line {number:,}: is no event" in terminal.text.replace("\n", "")
