"""Session summary: of fixed streams, and of the program ended in each way."""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from natsmon.lab.nats_server import NatsServer
from natsmon.state import FULL, State, Tracks
from natsmon.stream import events as ev
from natsmon.wording.session_summary import WIDTH, summary
from tests.harness.terminal import Terminal
from tests.tui import latency_streams, outage_streams, streams
from tests.tui.streams import Stream

LABELS = ["watched", "up", "outages", "messages", "latency", "servers"]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def folded(stream: Stream) -> State:
    tracks = Tracks()
    for event in stream.events:
        tracks.apply(event)
    return tracks.first.state


def lines(stream: Stream, stopped: str | None = None) -> dict[str, str]:
    shown = summary(folded(stream), stream.t, stopped=stopped)
    assert [line.split()[0] for line in shown] == LABELS
    assert all(len(line) <= WIDTH for line in shown)
    return {line[:9].strip(): line[9:] for line in shown}


def ended(stream: Stream, why: str = "asked") -> Stream:
    return stream.add(ev.End(t=stream.t, exit_code=0, reason=why))


def test_summary_of_a_run_with_an_outage() -> None:
    assert lines(ended(streams.outage())) == {
        "watched": "2m03s, 15:06:40 to 15:08:43; quit by user; east-1:4222 and 1 more",
        "up": "97.18 %",
        "outages": "2; 3.47 s in all; longest 2.07 s at 15:08:00: the server closed it",
        "messages": "123 attempted, 120 delivered, 1 lost, 1 never sent",
        "latency": "ping p50 0.30 p99 4.10 max 4.10, echo p50 0.30 p99 4.10 max 4.10 ms",
        "servers": "east-1, east-2; 1 reconnect; RECONNECTING: lost 15:08:42: PINGs not an…",
    }


def test_summary_has_no_count_of_the_connections_that_are_kept() -> None:
    stream = Stream().become("CONNECTING", "initial").connect().run(1)
    for _ in range(FULL.periods):
        stream.lose().wait(1.0).connect()
    assert lines(ended(stream))["servers"].startswith("east-1; ")


def test_summary_is_empty_without_a_connection() -> None:
    assert summary(State(), 0.0, recordings=["run.jsonl"]) == []


def test_summary_of_a_run_that_never_connected() -> None:
    output = lines(streams.gave_up())
    assert output["watched"].split("; ")[1] == "gave up"
    assert output["up"] == "never connected, 2 attempts in 1.00 ms: connection refused"
    assert output["messages"] == "none"
    assert output["latency"] == "not measured"
    assert output["servers"] == "none used; 0 reconnects; CLOSED: gave up after 2 attempts: connection…"


@pytest.mark.parametrize(
    ("stopped", "expected"), [("killed by SIGKILL", "monitor stopped (killed by SIGKILL)"), ("", "monitor stopped")]
)
def test_summary_of_a_stopped_monitor(stopped: str, expected: str) -> None:
    output = lines(streams.connected(), stopped)
    assert output["watched"].split("; ")[1] == expected
    assert output["servers"] == "east-1; 0 reconnects; CONNECTED"


def test_summary_has_the_reason_of_the_end() -> None:
    assert lines(streams.connected())["watched"].split("; ")[1] == "quit before its end"
    assert lines(ended(streams.connected(), "duration"))["watched"].split("; ")[1] == "--duration reached"


def test_summary_of_unverified_delivery_counts_no_losses() -> None:
    assert lines(latency_streams.unverified())["messages"] == "30 attempted; delivery not verified"
    stream = streams.connected()
    stream.add(ev.Unverified(t=stream.t, reason="we may not subscribe")).lose().connect(
        "east-2:4222", "reconnect", "east-2"
    )
    assert lines(stream)["messages"] == "80 attempted, 80 delivered, 0 lost; delivery partly not verified"


def test_acknowledged_and_read_back() -> None:
    stream = latency_streams.acknowledged()
    stream.add(ev.Audit(t=stream.t, stream="ORDERS", acknowledged=30, stored=29, missing=1, complete=False))
    output = lines(stream)
    start = "30 attempted, 30 acknowledged, 0 lost; 29 of 30 found in the stream"
    assert output["messages"] == f"{start}, not"[: WIDTH - 10] + "…"
    assert "ack p50" in output["latency"]


def test_observed() -> None:
    assert lines(latency_streams.observing())["messages"] == "1,234,567 of 3 publishers, 2 missing, 1 duplicate"


def test_summary_shows_long_latencies_in_milliseconds() -> None:
    assert "max 12200" in lines(latency_streams.measured())["latency"]


def test_many_servers_are_counted() -> None:
    stream = streams.connected()
    for number in (2, 3, 4, 5, 5):
        stream.lose().connect(f"east-{number}:4222", "reconnect", f"east-{number}")
    assert lines(stream)["servers"].startswith("east-5 (2 times), east-1, east-2 and 2 more; ")


def test_summary_escapes_foreign_text() -> None:
    text = "\n".join(summary(folded(streams.hostile()), 2.0, stopped=streams.HOSTILE, recordings=[streams.HOSTILE]))
    assert text.isprintable() or set(text) - {"\n"} == set(filter(str.isprintable, text))
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("name", ["n" * 5_000, "日本語" * 40, "e\u0301" * 50])
def test_long_names_are_cut(name: str) -> None:
    stream = streams.connected()
    (at,) = (at for at, event in enumerate(stream.events) if isinstance(event, ev.Connection))
    stream.events[at] = replace(stream.events[at], servers=[name, name])
    stream.lose(name).connect(name, "reconnect", name).lose(name)
    output = lines(stream)
    assert all(text.endswith("…") or name not in text for text in output.values())
    wide = sum(1 for char in output["servers"] if char in "日本語")
    assert len(output["servers"]) + wide <= WIDTH


@pytest.mark.parametrize(
    "build", [outage_streams.upgrade, latency_streams.measured, streams.dialing, streams.cancelled]
)
def test_summary_of_every_run_has_all_lines(build: object) -> None:
    assert callable(build)
    lines(build())


@pytest.mark.parametrize("name", ["run.jsonl", "my run's.jsonl", "-run.jsonl"])
def test_summary_has_the_command_that_opens_a_recording(name: str) -> None:
    stream = streams.connected()
    *lines_, command = summary(folded(stream), stream.t, recordings=[name])
    assert len(lines_) == len(LABELS)
    assert shlex.split(command) == ["natsmon", "replay", f"./{name}" if name[0] == "-" else name]


async def test_summary_is_left_in_the_terminal(server: NatsServer, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "natsmon", "--record", "my run.jsonl", server.url]
    root = str(Path(__file__).parents[2])
    async with Terminal(command, size=(100, 30), cwd=str(tmp_path), env={"PYTHONPATH": root}) as terminal:
        await terminal.until("● CONNECTED")
        terminal.send("q")
        assert await terminal.ended() == 0
        text = await terminal.until("natsmon replay 'my run.jsonl'")
    shown = text.split("\n")[:7]
    assert [line.split()[0] for line in shown] == [*LABELS, "natsmon"]
    assert "; quit by user; " in shown[0]
    assert server.name in shown[5]
    assert "events" not in text, "the screen is gone"


async def test_summary_is_left_after_a_signal(server: NatsServer) -> None:
    async with Terminal([sys.executable, "-m", "natsmon", server.url], size=(100, 30)) as terminal:
        await terminal.until("● CONNECTED")
        terminal.signal(signal.SIGTERM)
        assert await terminal.ended() == 0
        assert [line.split()[0] for line in (await terminal.until("servers ")).split("\n") if line] == LABELS


def test_summary_is_not_loaded_for_the_first_screen() -> None:
    code = (
        "import sys, natsmon.tui.app, natsmon.cli.run_modes; sys.exit('natsmon.wording.session_summary' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
