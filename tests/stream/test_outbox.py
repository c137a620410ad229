"""Outbox: lines to real pipes, whose readers stall."""

import asyncio
import os
import threading

import msgspec
import pytest

from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.stream import outbox as outbox_module
from natsmon.stream.codec import decode_event, encode, kind_of
from natsmon.stream.latency_buckets import quantised
from natsmon.stream.outbox import Outbox
from tests.harness.polling import wait_until
from tests.harness.time_limits import WAIT
from tests.stream.pipes import Pipe

PIPE = 64 * 1024
"""Bytes that a pipe takes on Linux before its writer has to wait."""
FILLER = ev.Note(text="filler")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Low limits."""
    monkeypatch.setattr(outbox_module, "SOFT_LIMIT", 20)
    monkeypatch.setattr(outbox_module, "HARD_LIMIT", 40)


def put(outbox: Outbox, *events: ev.AnyEvent) -> None:
    for event in events:
        outbox.put(event, encode(event))


def stalled(pipe: Pipe) -> Outbox:
    """An outbox whose thread waits for its reader, with nothing else to write."""
    outbox = Outbox(pipe.inn)
    outbox.put(FILLER, b"x" * 2 * PIPE + b"\n")
    wait_until(lambda: not outbox._lines, "thread that writes")
    return outbox


def waiting(pipe: Pipe) -> Outbox:
    """An outbox whose thread waits for lines, and takes none of the first before it is notified."""
    outbox = Outbox(pipe.inn)
    wait_until(lambda: bool(outbox._changed._waiters), "thread that waits")  # type: ignore[attr-defined]
    return outbox


def everything(outbox: Outbox, pipe: Pipe) -> list[ev.AnyEvent]:
    """Every event that arrives, without the filler."""
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.extend(pipe.read()))
    reader.start()
    assert outbox.close(WAIT)
    pipe.close_writer()
    reader.join()
    events = [decode_event(line) for line in read if not line.startswith(b"x")]
    return [event for event in events if event is not None]


def status(number: int) -> ev.StatusChanged:
    return ev.StatusChanged(t=number, status="CONNECTED", previous="RECONNECTING")


def sample(number: int) -> ev.Published:
    return ev.Published(t=number, seq=number)


def tally(number: int, conn: int = 0) -> ev.Tally:
    return ev.Tally(t=number, attempted=number, conn=conn)


def test_lines_are_written_in_order(pipe: Pipe) -> None:
    outbox = Outbox(pipe.inn)
    sent = [sample(number) for number in range(5_000)]
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.extend(pipe.read()))
    reader.start()
    for event in sent:
        while len(outbox._lines) > 1_000:
            threading.Event().wait(0.001)
        put(outbox, event)
    assert outbox.close(WAIT)
    pipe.close_writer()
    reader.join()
    assert [decode_event(line) for line in read] == sent


def test_line_longer_than_a_pipe_is_written_whole(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    long = ev.AsyncError(text="y" * 300_000)
    put(outbox, long)
    assert everything(outbox, pipe) == [long]


@pytest.mark.usefixtures("small")
def test_samples_above_the_soft_limit_are_dropped_and_counted(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    put(outbox, *map(sample, range(100)))
    assert len(outbox._lines) == 20
    assert everything(outbox, pipe) == [*map(sample, range(20)), ev.Gap(t=99.0, dropped={"published": 80})]


@pytest.mark.usefixtures("small")
def test_latest_totals_are_kept(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    put(outbox, *map(status, range(20)))
    for number in range(1_000):
        put(outbox, tally(number), tally(number, conn=1), ev.Observed(t=number, messages=number))
    assert len(outbox._lines) == 20
    latest = [tally(999), tally(999, conn=1), ev.Observed(t=999, messages=999)]
    assert everything(outbox, pipe) == [*map(status, range(20)), *latest]


@pytest.mark.usefixtures("small")
def test_time_never_goes_back_when_lines_are_dropped_and_totals_coalesced(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "_BATCH", 7)
    outbox = stalled(pipe)
    for number in range(30):
        put(outbox, status(number), sample(number), tally(number), tally(number, conn=1))
    put(outbox, *map(status, range(30, 35)))
    times = [event.t for event in everything(outbox, pipe)]
    assert times == sorted(times)


def test_reader_that_keeps_up_gets_all_totals(pipe: Pipe) -> None:
    outbox = Outbox(pipe.inn)
    put(outbox, *map(tally, range(100)))
    assert everything(outbox, pipe) == [*map(tally, range(100))]


@pytest.mark.usefixtures("small")
def test_end_stays_the_last_line(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    for number in range(30):
        put(outbox, sample(number), tally(number))
    put(outbox, ev.End(t=30.0, exit_code=0))
    assert [type(event) for event in everything(outbox, pipe)[-3:]] == [ev.Tally, ev.Gap, ev.End]


@pytest.mark.usefixtures("small")
def test_status_and_records_are_dropped_last_and_counted(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    for number in range(100):
        put(outbox, ev.DialTls(t=number, dial=number), status(number))
        put(outbox, ev.DialEnd(t=number, dial=number, outcome="failed"))
        put(outbox, *[ev.Answer(t=number, id=str(number))] * (number < 10))
    got = everything(outbox, pipe)
    (gap,) = [event for event in got if isinstance(event, ev.Gap)]
    kept = [event for event in got if not isinstance(event, ev.Gap)]
    assert [event.id for event in kept if isinstance(event, ev.Answer)] == [str(number) for number in range(10)]
    assert [event.t for event in kept if isinstance(event, ev.StatusChanged)][-1] == 99
    assert [event.dial for event in kept if isinstance(event, ev.DialEnd)][-1] == 99
    assert len(kept) + sum(gap.dropped.values()) == 310


@pytest.mark.usefixtures("small")
def test_put_never_waits_and_memory_is_bounded(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    for number in range(10_000):
        put(outbox, sample(number), tally(number), status(number))
        assert len(outbox._lines) + len(outbox._latest) <= 42, number
    assert not outbox.close(0.01)
    pipe.close_reader()


def test_waiting_bytes_are_bounded(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "BYTES_LIMIT", 200_000)
    outbox = stalled(pipe)
    errors = [ev.AsyncError(t=number, text="x" * 10_000) for number in range(100)]
    for error in errors:
        put(outbox, error)
        assert outbox._bytes <= 200_000
    *kept, gap = everything(outbox, pipe)
    assert kept[-1] == errors[-1]
    assert isinstance(gap, ev.Gap)
    assert len(kept) + gap.dropped["async_error"] == 100


# -- latencies ----------------------------------------------------------------------------------------


def folded(events: list[ev.AnyEvent]) -> Tracks:
    tracks = Tracks()
    for event in events:
        tracks.apply(event)
    return tracks


def test_merged_samples_survive_a_stall_at_200_messages_a_second(pipe: Pipe) -> None:
    """A reader stops for 100 s: the totals of 0.1 s carry their samples, the last one the stall."""
    outbox = stalled(pipe)
    delivered = 0
    for tick in range(3_000):
        t = tick / 10
        longest = 100.0 if tick == 2_990 else 0.0004
        delivered += 20
        put(outbox, ev.Latencies(t=t, kind="echo", counts=[(quantised(longest), 20)], longest=longest))
        put(outbox, ev.Tally(t=t, attempted=delivered, sent=delivered, delivered=delivered))
    state = folded(everything(outbox, pipe)).first.state
    assert state.tally.delivered == delivered == state.echoes.run.count
    assert state.echoes.run.max == 100.0
    assert state.echoes.run.percentile(100) == pytest.approx(100.0, rel=0.01)
    assert state.dropped == 0, "merged samples are not lost"


def test_single_samples_survive_a_stall_at_40_messages_a_second(pipe: Pipe) -> None:
    """A reader stops for 100 s: lines of single messages and PINGs are dropped, their latencies are kept."""
    outbox = stalled(pipe)
    published = 0
    for tick in range(4_000):
        t = tick / 40
        latency = 99.0 if tick == 3_900 else 0.0004
        published += 1
        put(outbox, ev.Published(t=t, seq=published), ev.Echoed(t=t, seq=published, latency=latency))
        put(outbox, ev.Rtt(t=t, seconds=latency, omitted=98 if latency > 1 else 0, interval=1.0))
    put(outbox, ev.Tally(t=100.0, attempted=published, sent=published, delivered=published))
    state = folded(everything(outbox, pipe)).first.state
    assert state.tally.delivered == published == state.echoes.run.count
    assert state.echoes.run.max == state.pings.run.max == 99.0
    assert state.pings.run.count == published + 98
    assert state.dropped > 9_000


def test_samples_of_each_connection_are_merged_apart(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    for number in range(3_000):
        put(outbox, ev.Echoed(t=number, conn=number % 2, seq=number, latency=0.001 + number % 2))
    tracks = folded(everything(outbox, pipe))
    assert [track.state.echoes.run.count for track in tracks.of_session()] == [1_500, 1_500]
    assert [track.state.echoes.run.max for track in tracks.of_session()] == [0.001, 1.001]


def test_merged_line_is_rendered_when_the_outbox_renders(pipe: Pipe) -> None:
    outbox = Outbox(pipe.inn, lambda event: msgspec.json.encode(type(event).__name__) + b"\n")
    outbox.put(FILLER, b"")
    assert outbox.close(WAIT)
    pipe.close_writer()
    assert pipe.read() == [b'"Note"']


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("line", [ev.Answer(id="x"), ev.Note(text="not a command")], ids=["answer", "note"])
def test_answers_to_a_flood_of_commands_are_dropped_last_and_counted(line: ev.Answer | ev.Note, pipe: Pipe) -> None:
    outbox = stalled(pipe)
    put(outbox, ev.Closed(t=0.5, cause="gave_up"))
    for number in range(1_000):
        put(outbox, msgspec.structs.replace(line, t=float(number)))
        assert len(outbox._lines) <= outbox_module.HARD_LIMIT
    written = everything(outbox, pipe)
    kept = [event.t for event in written if isinstance(event, type(line))]
    (gap,) = [event for event in written if isinstance(event, ev.Gap)]
    assert gap.dropped == {kind_of(line): 1_000 - len(kept)}
    assert kept[-1] == 999
    assert any(isinstance(event, ev.Closed) for event in written)


@pytest.mark.usefixtures("small")
def test_lines_that_are_never_dropped_are_searched_rarely(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each search takes as long as there are lines: with every line, the probe would stand still."""
    searches = 0
    make_room = Outbox._make_room

    def counted(outbox: Outbox) -> None:
        nonlocal searches
        searches += 1
        make_room(outbox)

    monkeypatch.setattr(Outbox, "_make_room", counted)
    outbox = stalled(pipe)
    for conn in range(32 * outbox_module.HARD_LIMIT):
        put(outbox, ev.Connection(t=1.0, conn=conn))
    assert searches in range(1, 8)
    assert len(everything(outbox, pipe)) == 32 * outbox_module.HARD_LIMIT
    assert outbox._full == (0, 0), "the limits are the usual ones again"


# -- the reader goes away -------------------------------------------------------------------------------


def test_outbox_ends_when_its_reader_goes_away(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    pipe.close_reader()
    assert outbox.close(WAIT)
    assert (outbox.ended, outbox.failure) == (True, "")
    put(outbox, FILLER)


def test_close_waits_no_longer_than_its_timeout(pipe: Pipe) -> None:
    outbox = stalled(pipe)
    assert not outbox.close(0.01)
    assert not outbox.ended
    pipe.close_reader()


def test_close_with_nothing_to_write(pipe: Pipe) -> None:
    assert Outbox(pipe.inn).close(WAIT)


def test_full_disk_is_a_failure() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    outbox = Outbox(fd)
    put(outbox, FILLER)
    assert outbox.close(WAIT)
    assert (outbox.ended, outbox.failure) == (True, "No space left on device")
    os.close(fd)


def test_non_blocking_pipe_is_waited_for(pipe: Pipe) -> None:
    """Another process that shares the pipe may have made it non-blocking."""
    os.set_blocking(pipe.inn, False)
    outbox = Outbox(pipe.inn)
    errors = [ev.AsyncError(t=number, text="x" * 4_000) for number in range(100)]
    put(outbox, *errors)
    assert everything(outbox, pipe) == errors


async def test_lines_of_one_turn_are_written_together_when_it_ends(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    write = os.write

    def recorded(fd: int, data: bytes) -> int:
        written.append(data)
        return write(fd, data)

    monkeypatch.setattr(os, "write", recorded)
    outbox = waiting(pipe)
    put(outbox, sample(1), sample(2))
    assert not written
    await asyncio.sleep(0)
    assert written == [encode(sample(1)) + encode(sample(2))]
    assert everything(outbox, pipe) == [sample(1), sample(2)]


async def test_connected_is_written_at_once_behind_the_lines_before_it(pipe: Pipe) -> None:
    outbox = waiting(pipe)
    put(outbox, sample(1), status(2))
    assert os.read(pipe.out, PIPE) == encode(sample(1)) + encode(status(2))
    assert outbox.close(WAIT)


async def test_long_turn_is_written_before_it_ends(pipe: Pipe) -> None:
    outbox = waiting(pipe)
    sent = [sample(number) for number in range(500)]
    put(outbox, *sent)
    assert len(outbox._lines) < 100
    assert everything(outbox, pipe) == sent
