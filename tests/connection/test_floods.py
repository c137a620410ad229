"""Peers that send as fast as they can: the event loop has time for commands, and memory stays bounded.

The limits are of CPU time, in proportion to the speed of the machine. A turn of the loop takes up to 9 ms, and 1 ms
during a dial.
"""

import asyncio

import pytest

from natsmon import DialError, connect
from natsmon.lab.nats_server import NatsServer
from natsmon.protocol.request_reply import ANSWER_BYTES, MOST_ANSWERS, ask
from natsmon.protocol.server_info import MAX_ANSWER
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.connection.life import connected
from tests.harness.flood import flooding, info_with, measured_turns, peak_memory, repeated
from tests.harness.listening import listening, settings
from tests.harness.time_limits import FOREVER
from tests.protocol.test_server_connection import opened

ANSWER_WITHIN = 0.1
"""Seconds of CPU for one turn of the loop. If all that is buffered were parsed in one turn, it would take 0.2 s."""
CANCEL_WITHIN = 0.015
"""The same during a dial. If a dial read all that is buffered in one turn, it would take at least 0.028 s."""
FLOODED = 0.4
"""Seconds of a flood that are measured."""

MANY_URLS = [[f"10.{n}.{i // 250}.{i % 250}:4222" for i in range(8_000)] for n in range(2)]
LINES = {
    "ping": repeated(b"PING\r\n"),
    "pong": repeated(b"PONG\r\n"),
    "ok": repeated(b"+OK\r\n"),
    "info": repeated(b"INFO {}\r\n"),
    "lame duck": repeated(b'INFO {"ldm":true}\r\nINFO {"ldm":false}\r\n'),
    "long info": info_with(connect_urls=MANY_URLS[0]) + info_with(connect_urls=MANY_URLS[1]),
    "error": repeated(b"-ERR 'Permissions Violation for Publish to \"hello\"'\r\n"),
    "errors": b"".join(b"-ERR 'Permissions Violation for Publish to \"%d\"'\r\n" % n for n in range(2_000)),
    "message": repeated(b"MSG hello 1 5\r\nother\r\n"),
    "message with headers": repeated(b"HMSG hello 1 27 32\r\nNATS/1.0\r\nNatsmon-Seq:1\r\n\r\nother\r\n"),
    "long message": b"MSG hello 1 1000000\r\n" + b"x" * 1_000_000 + b"\r\n",
}  # fmt: skip
KIB_OF_INFO = repeated(info_with(server_name="x" * 1_000))
BEFORE_PONG = ("ping", "ok", "info", "lame duck")


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "reads nothing"])
@pytest.mark.parametrize("line", LINES)
async def test_flood_leaves_time_for_commands(line: str, reads: bool) -> None:
    with flooding(after_pong=LINES[line], reads=reads) as peer:
        async with listening(settings(peer.url, drain_timeout=0.1, reconnect_wait=FOREVER)) as run:
            await connected(run)
            async with measured_turns() as turns:
                await asyncio.sleep(FLOODED)
                await peer.until_sent(100_000)
                for command in (commands.Pause(), commands.Publish(), commands.Resume()):
                    run.execute(command)
                    await run.events.until(ev.Answer)
            assert turns.longest < ANSWER_WITHIN
            run.execute(commands.Reconnect())
            await run.events.until(ev.Disconnected, lambda lost: lost.manual)
            await run.events.until(ev.DialStart)


@pytest.mark.parametrize("line", BEFORE_PONG)
async def test_flood_before_pong_leaves_time_for_a_cancel(line: str) -> None:
    with flooding(before_pong=LINES[line], reads=False) as peer:
        wanted = settings(peer.url, connect_timeout=FOREVER, reconnect_wait=FOREVER)
        async with listening(wanted) as run, measured_turns() as turns:
            await run.events.until(ev.DialStage, lambda stage: stage.stage == "connect")
            await asyncio.sleep(0.05)
            run.execute(commands.Cancel())
            await run.events.until_status("CLOSED")
        assert turns.longest < CANCEL_WITHIN


async def test_handshake_is_bounded() -> None:
    with flooding(before_pong=KIB_OF_INFO, reads=False) as peer:
        wanted = settings(peer.url, interval=FOREVER, connect_timeout=FOREVER, retry_on_failed_connect=False)
        with peak_memory() as memory:
            async with listening(wanted, stay=False) as run:
                await run.ended()
        (end,) = run.events.of(ev.DialEnd)
        assert (end.outcome, end.stage, end.cause) == ("failed", "connect", "protocol")
        assert "before PONG" in end.text
        assert memory.grown < 2 * MAX_ANSWER


async def test_handshake_of_the_library_is_bounded() -> None:
    with (
        flooding(before_pong=KIB_OF_INFO, reads=False) as peer,
        peak_memory() as memory,
        pytest.raises(DialError, match="before PONG"),
    ):
        await connect(peer.url, connect_timeout=FOREVER, allow_reconnect=False)
    assert memory.grown < 2 * MAX_ANSWER


@pytest.mark.parametrize(("size", "sent"), [(100, 2 * MOST_ANSWERS), (1_000_000, 2 * ANSWER_BYTES // 1_000_000)])
async def test_answers_to_one_request_are_bounded(size: int, sent: int, server: NatsServer) -> None:
    received = 0
    async with opened(server) as (connection, _), opened(server) as (responder, _):

        async def answer(reply: bytes) -> None:
            for _ in range(sent):
                responder.write(b"PUB %b %d\r\n%b\r\n" % (reply, size, b"x" * size))
                await responder.drained()

        def count(_: bytes) -> bool:
            nonlocal received
            received += 1
            return received == sent

        answering: asyncio.Future[asyncio.Task[None]] = asyncio.get_running_loop().create_future()
        responder.subscribe(
            "question", lambda _, reply, *__: answering.set_result(asyncio.ensure_future(answer(reply)))
        )
        await responder.round_trip()
        with peak_memory() as memory:
            answers = await ask(connection, "question", b"", within=FOREVER, enough=count)
        await (await answering)
    assert received == sent
    assert sum(map(len, answers)) <= ANSWER_BYTES
    assert 0 < len(answers) <= MOST_ANSWERS
    assert memory.grown < 2 * ANSWER_BYTES


async def test_loss_ends_a_flooded_connection() -> None:
    """The peer sends PINGs, reads nothing, and resets the connection."""
    with flooding(after_pong=LINES["ping"], reads=False) as peer:
        async with listening(settings(peer.url, reconnect_wait=FOREVER)) as run:
            await connected(run)
            await asyncio.sleep(FLOODED)
            await asyncio.to_thread(peer.end, reset=True)
            await run.events.until(ev.Disconnected)
            run.execute(commands.Cancel())
            assert (await run.events.until(ev.Closed)).cause == "cancelled"


async def test_close_ends_a_flooded_connection_within_the_drain_timeout() -> None:
    with flooding(after_pong=LINES["ping"], reads=False) as peer:
        async with listening(settings(peer.url, drain_timeout=0.2)) as run:
            await connected(run)
            await asyncio.sleep(FLOODED)
            run.execute(commands.Close())
            await run.ended()
            assert not run.events.of(ev.Drained)[-1].complete
