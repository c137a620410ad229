"""A run from its start to its exit code: limits, giving up, and a peer that resets where it hurts most."""

import signal

from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from tests.cli.running import ended_well, natsmon
from tests.harness.peer import Talk, playing


async def test_count(server: NatsServer) -> None:
    async with natsmon(server.url, "--count", "3", "--rate", "40") as run:
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run).reason == "count"
    assert (run.events.last_tally.attempted, run.events.last_tally.delivered) == (3, 3)


async def test_duration(server: NatsServer) -> None:
    async with natsmon(server.url, "--duration", "200ms") as run:
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run).reason == "duration"


async def test_gives_up(refused_port: int) -> None:
    async with natsmon(f"nats://{HOST}:{refused_port}", "--no-retry-on-failed-connect") as run:
        assert await run.exit_code() == Exit.GAVE_UP
    assert ended_well(run).exit_code == Exit.GAVE_UP


async def test_peer_that_resets_right_after_pong() -> None:
    """On the loop that a probe uses where it is installed, writing to what is gone raises."""

    async def script(talk: Talk) -> None:
        await talk.handshake()
        talk.reset()

    async with playing(script) as peer, natsmon(peer.url, "--reconnect-wait", "50ms") as run:
        for _ in range(3):
            await run.events.until(ev.Disconnected)
        run.signal(signal.SIGINT)
        assert await run.exit_code() == Exit.ENDED
