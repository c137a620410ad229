"""Outcomes of messages while the connection is well: undelivered, and rejected in every mode."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from natsmon.config.secret import Secret
from natsmon.config.settings import MAX_RATE
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.messages import deliveries
from natsmon.probe.messages.publisher import WINDOW
from natsmon.protocol.stream_client import StreamClient
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.harness.time_limits import WAIT
from tests.harness.witness import witness
from tests.probe.streams import STREAM, jetstream, stream_on

HALF = "mappings = { hello: [ { destination: hello, weight: 50% }, { destination: canary, weight: 50% } ] }"
ALL = "mappings = { hello: canary }"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are undelivered, and PINGs sent, ten times sooner."""
    monkeypatch.setattr(deliveries, "OVERDUE_AFTER", 0.1)
    monkeypatch.setattr(deliveries, "PING_EVERY", 0.1)
    monkeypatch.setattr(deliveries, "_CHECK_EVERY", 0.05)


# -- undelivered ------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [HALF, ALL], ids=["half", "all"])
@pytest.mark.parametrize("rtt_interval", [0.05, 0.0])
async def test_mapped_messages_are_undelivered_while_connected(
    nats_server: StartServer, monkeypatch: pytest.MonkeyPatch, config: str, rtt_interval: float
) -> None:
    pongs: list[float] = []
    answered = StreamClient._process_pong

    async def noted(client: StreamClient) -> None:
        pongs.append(client.last_read)
        await answered(client)

    monkeypatch.setattr(StreamClient, "_process_pong", noted)
    server = nats_server(config=config)
    async with listening(settings(server.url, rtt_interval=rtt_interval)) as run:
        tally = await run.events.until(ev.Tally, lambda tally: tally.undelivered >= 5)
        assert (tally.lost, tally.rejected, tally.unverified) == (0, 0, 0)
        assert (tally.delivered == 0) == (config == ALL)
        assert not run.events.of(ev.Disconnected)
        for silent in run.events.of(ev.Silent):  # the server may be stopped for a second
            times = map(run.probe.emitter.stream_time, pongs)
            assert not any(silent.since + 0.001 < pong < silent.t for pong in times)


@pytest.mark.usefixtures("soon")
async def test_undelivered_messages_are_charged_to_no_outage(nats_server: StartServer) -> None:
    server = nats_server(config=HALF)
    async with listening(settings(server.url)) as run:
        await run.events.until(ev.Tally, lambda tally: tally.undelivered >= 5 and tally.delivered >= 5)
        run.execute(commands.Pause())
        if run.connection.deliveries.ledger.in_flight:
            await run.events.until_counts(lambda tally: tally.in_flight == 0)
        run.execute(commands.Reconnect())
        outage = await run.events.until(ev.Outage)
        assert (outage.lost, outage.unverified) == (0, 0)


@pytest.mark.usefixtures("soon")
async def test_full_speed_goes_on_when_nothing_comes_back(nats_server: StartServer) -> None:
    server = nats_server(config=ALL)
    async with listening(settings(server.url, interval=MAX_RATE)) as run:
        tally = await run.events.until(ev.Tally, lambda tally: tally.undelivered > 2 * WINDOW)
        assert tally.delivered == 0


@pytest.mark.usefixtures("soon")
async def test_undelivered_message_that_comes_after_all_is_delivered_and_late(nats_server: StartServer) -> None:
    server = nats_server(config=ALL)
    async with witness(server) as other:
        canary = await other.subscribe("canary")
        await other.flush()
        async with listening(settings(server.url, interval=600.0)) as run:
            await run.events.until(ev.Tally, lambda tally: tally.undelivered == 1)
            message = await canary.next_msg(timeout=WAIT)
            # Another mapping takes it to the subject that natsmon listens on.
            await other.publish("hello", message.data, headers=message.headers)
            assert run.events.of(ev.Tally)[-1].undelivered == 1, "it is mapped away like the first"
            run.connection.deliveries.arrived(1)
            tally = await run.events.until(ev.Tally, lambda tally: tally.delivered == 1)
            assert (tally.undelivered, tally.late, tally.in_flight) == (0, 1, 0)


async def test_no_ping_is_sent_while_nothing_is_in_flight(server: NatsServer) -> None:
    wanted = settings(server.url, interval=600.0, rtt_interval=0.0, ping_interval=600.0)
    async with listening(wanted) as run:
        await run.events.until(ev.Echoed)
        sent = run.connection._connection
        assert sent is not None
        before = 0.0
        for _ in range(4):  # until the questions that follow a connect have sent theirs
            if sent.last_ping == before:
                return
            before = sent.last_ping
            await asyncio.sleep(deliveries.PING_EVERY + 3 * deliveries._CHECK_EVERY)
        pytest.fail("PINGs go on")


# -- rejected ---------------------------------------------------------------------------------------

USERS = """
authorization { users: [
  { user: both, password: p, permissions: { publish: { deny: Orders.New }, subscribe: { deny: Orders.New } } }
  { user: pub, password: p, permissions: { publish: { deny: Orders.New } } }
  { user: sub, password: p, permissions: { subscribe: { deny: "Orders.>" } } }
  { user: all, password: p } ] }
"""


def as_user(user: str, server: NatsServer, **changes: Any) -> Any:
    wanted = {"subject": "Orders.New", **changes}
    return settings(server.url, user=Secret(user), password=Secret("p"), **wanted)


@pytest.mark.parametrize(
    ("user", "changes"),
    [("pub", {}), ("both", {}), ("pub", {"echo": False}), ("pub", {"interval": 0.001})],
    ids=["echo", "subscribe denied", "no echo", "fast"],
)
async def test_refused_messages_are_rejected(nats_server: StartServer, user: str, changes: dict[str, Any]) -> None:
    server = nats_server(config=USERS)
    async with listening(as_user(user, server, **changes)) as run:
        await run.events.until_counts(lambda tally: tally.rejected >= 5)
        run.execute(commands.Pause())
        ledger = run.connection.deliveries.ledger
        while ledger.sent:
            await run.events.until(ev.Tally)
        assert (ledger.attempted, ledger.in_flight, ledger.unverified) == (ledger.rejected, 0, 0)
        texts = {error.text for error in run.events.of(ev.AsyncError)}
        assert texts == {'Permissions Violation for Publish to "Orders.New"'}


async def test_messages_that_a_stream_never_gets_are_rejected_and_not_sent_again(
    nats_server: StartServer, tmp_path: Path
) -> None:
    server = nats_server(config=jetstream(tmp_path) + USERS)
    async with (
        stream_on(server, user="all", password="p", subjects=["Orders.New"]),
        listening(as_user("pub", server, jetstream=STREAM, count=3), stay=False) as run,
    ):
        assert await run.ended() == Exit.GAVE_UP
        tally = run.events.last_tally
        assert (tally.attempted, tally.rejected, tally.resent, tally.in_flight) == (3, 3, 0, 0)
        assert 'Permissions Violation for Publish to "Orders.New"' in {e.text for e in run.events.of(ev.AsyncError)}


async def test_refusal_is_not_mistaken_for_an_undelivered_message(nats_server: StartServer, tmp_path: Path) -> None:
    """The first message is mapped away; the second, after a reload, is refused."""
    server = nats_server(config=ALL)
    async with listening(settings(server.url, interval=600.0)) as run:
        while run.connection.deliveries.ledger.passed < 1:
            await run.events.until(ev.Rtt)
        run.execute(commands.Publish())
        run.connection.deliveries.next_refused()
        assert run.connection.deliveries.ledger.rejected == 1
        await run.events.until(ev.Tally, lambda tally: tally.undelivered == 1)
        run.connection.deliveries.arrived(2)
        assert run.connection.deliveries.ledger.duplicate == 1, "it is the second that was refused"


async def test_forbidden_observation_ends_the_run_with_an_error(nats_server: StartServer) -> None:
    server = nats_server(config=USERS)
    async with listening(as_user("sub", server, observe="Orders.>"), stay=False) as run:
        assert await run.ended() == Exit.GAVE_UP
        (error,) = run.events.of(ev.AsyncError)
        assert error.text == 'Permissions Violation for Subscription to "Orders.>"'


# -- the exit code of --count -----------------------------------------------------------------------


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("config", "changes", "code"),
    [
        ("", {}, Exit.ENDED),
        (HALF, {"count": 40}, Exit.ENDED),
        (ALL, {}, Exit.GAVE_UP),
        (ALL, {"echo": False}, Exit.ENDED),
    ],
    ids=["delivered", "half delivered", "nothing delivered", "not verified"],
)
async def test_exit_code_of_count(nats_server: StartServer, config: str, changes: dict[str, Any], code: int) -> None:
    server = nats_server(config=config)
    async with listening(settings(server.url, **{"count": 4, **changes}), stay=False) as run:
        assert await run.ended() == code
