"""Every kind of event with harm in every text of it: nothing of that reaches a terminal, a page or a document."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from natsmon.report import build
from natsmon.state import Tracks
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.tui import screenshot
from natsmon.wording.plain_log import PlainLog
from natsmon.wording.session_summary import summary
from tests.tui.driven import driven
from tests.tui.played import played
from tests.tui.streams import Stream

HARM = "\x1b]52;c;aGk=\x1b\\\x07\x9b31m\r\n\u202e\u2028\x00<script>x()</script>[red]x[/]`a`|b ![i](http://e.x/) @all"
ACTS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
KEYS = "m tab enter end escape o enter escape escape u escape l escape s escape slash a enter question_mark escape"
"""Through every page."""
KINDS = Path(__file__).parents[1] / "recording" / "schema-1.jsonl"


def decoded(event: dict[str, Any]) -> ev.AnyEvent | None:
    try:
        return codec.decode_event(msgspec.json.encode(event))
    except msgspec.DecodeError:
        return None


def harmful(event: dict[str, Any]) -> ev.AnyEvent:
    """The event with harm wherever it takes any text."""
    for place, key in list(texts(event)):
        if key == "type" or (place is event and key == "conn"):
            continue
        before, place[key] = place[key], HARM
        if decoded(event) is None:
            place[key] = before  # one of a few words
    found = decoded(event)
    assert found is not None
    return found


def texts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where texts are: the list or dict, and the place in it."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(inner, str):
            yield value, key
        elif isinstance(inner, dict | list):
            yield from texts(inner)


@pytest.fixture(scope="module")
def events() -> list[ev.AnyEvent]:
    return [harmful(msgspec.json.decode(line)) for line in KINDS.read_bytes().splitlines()]


@pytest.fixture
def stream(events: list[ev.AnyEvent]) -> Stream:
    stream = Stream()
    stream.events = list(events)
    stream.t = events[-1].t
    return stream


def test_on_the_log_and_in_what_a_terminal_keeps(events: list[ev.AnyEvent]) -> None:
    log, tracks = PlainLog(), Tracks()
    logged = [line.decode().removesuffix("\n") for event in events if (line := log.line(event)) is not None]
    lines = [line for text in logged for line in text.split("\n")]
    for event in events:
        tracks.apply(event)
    state = tracks.first.state
    kept = summary(state, state.now, stopped=HARM, recordings=[HARM])
    assert any("aGk=" in line for line in lines)
    assert any("aGk=" in line for line in kept)
    assert [line for line in [*lines, *kept] if ACTS.search(line) or "\n" in line] == []


@pytest.mark.parametrize("form", build.FORMATS)
def test_in_a_report(events: list[ev.AnyEvent], form: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(map(codec.encode, events)))
    report = build.render(build.read([str(path)]), form, colour=False)
    assert "aGk=" in report
    assert not ACTS.search(report)
    if form == "markdown":
        report = re.sub(
            r"^(```+)text\n.*?^\1$", "", report, flags=re.DOTALL | re.MULTILINE
        )  # which shows what is in it
    if form in ("html", "markdown"):
        assert "<script" not in report


async def test_on_the_screen(stream: Stream) -> None:
    async with driven(stream, size=(120, 36)) as drive:
        for key in KEYS.split():
            await drive.press(key)
            shown = screenshot.text(drive.app)
            assert not ACTS.search(shown), key
        assert "aGk=" in shown


async def test_on_the_screen_of_a_replay(events: list[ev.AnyEvent], tmp_path: Path) -> None:
    """From a file with a hostile name: from its end to its beginning, and at any time asked for."""
    path = tmp_path / HARM.replace("\x00", "").replace("/", "")
    path.write_bytes(b"".join(map(codec.encode, events)))
    async with played(path) as replay:
        for key in f"{KEYS} full_stop comma left_square_bracket right_square_bracket g a enter home {KEYS}".split():
            await replay.press(key)
            shown = screenshot.text(replay.app)
            assert not ACTS.search(shown), key
        replay.player.seek(replay.player.index.length)
        await replay.settle()
        assert "aGk=" in screenshot.text(replay.app)
