"""When a message is lost, when that is corrected, and when delivery is not verified."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from natsmon.config.secret import Secret
from natsmon.config.settings import MAX_RATE
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.messages import verifier as echoes
from natsmon.probe.messages.deliveries import CHECKPOINT_EVERY
from natsmon.protocol.request_reply import returns_messages
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.listening import Listening, freeze, listening, settings
from tests.harness.peer import Peer, Talk, playing
from tests.harness.time_limits import WAIT
from tests.harness.witness import witness


class Router:
    """A server's side of one connection: it answers PING, and delivers what is published to subscribers, if any."""

    def __init__(self, talk: Talk, *, deaf_to: str = "") -> None:
        self._talk = talk
        self._deaf_to = deaf_to
        self._sids: dict[str, str] = {}
        self.swallowed: list[tuple[list[str], bytes]] = []

    async def route(self) -> None:
        """Until the other side has gone."""
        while line := (await self._talk.line()).decode().split():
            match line:
                case ["PING"]:
                    if not self._deaf_to:  # with a PONG, the messages before it would be undelivered and not lost
                        await self._talk.send(b"PONG\r\n")
                case ["SUB", subject, sid]:
                    self._sids[subject] = sid
                case ["PUB" | "HPUB", subject, *_]:
                    body = await self._talk.exactly(int(line[-1]) + 2)
                    if subject in (self._deaf_to, ""):
                        self.swallowed.append((line, body))
                        self._talk.peer.changed()
                    elif subject in self._sids:
                        await self.deliver(line, body)

    async def deliver(self, line: list[str], body: bytes) -> None:
        verb, subject, *sizes = line
        head = f"{verb.replace('PUB', 'MSG')} {subject} {self._sids[subject]} {' '.join(sizes)}\r\n"
        await self._talk.send(head.encode() + body)


class Twice:
    """A peer whose first connection swallows what it is given and is reset; the later ones are well.

    ``late`` delivers on the connection that is up what was swallowed on the first.
    """

    def __init__(self, swallowing: int) -> None:
        self._swallowing = swallowing
        self._routers: list[Router] = []

    async def script(self, talk: Talk) -> None:
        await talk.handshake()
        first = not self._routers
        router = Router(talk, deaf_to="hello" if first else "")
        self._routers.append(router)
        routing = asyncio.ensure_future(router.route())
        try:
            if first:
                await talk.peer.until(lambda _: len(router.swallowed) >= self._swallowing)
                talk.reset()
            else:
                await routing
        finally:
            routing.cancel()

    async def late(self, which: int) -> None:
        await self._routers[-1].deliver(*self._routers[0].swallowed[which])


@asynccontextmanager
async def swallowing(many: int = 2) -> AsyncIterator[Peer]:
    """A peer that keeps ``many`` messages for itself, and resets the connection."""
    async with playing(Twice(many).script) as peer:
        yield peer


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echoes, "GRACE", 0.05)


async def publish_three(run: Listening) -> None:
    """Where the schedule has one message in ten minutes: that one, and two more."""
    await run.events.until(ev.Published)
    run.execute(commands.Pause())
    run.execute(commands.Publish())
    run.execute(commands.Publish())


async def test_lost_is_certain_also_while_publishing_is_paused(nats_server: StartServer) -> None:
    real = nats_server()
    async with swallowing(3) as peer, listening(settings(peer.url, real.url, interval=600.0)) as run:
        await publish_three(run)
        outage = await run.events.until(ev.Outage)
        assert (outage.lost, outage.lost_seqs, outage.unverified, outage.servers) == (3, [(1, 3)], 0, 1)
        assert outage.after == real.url
        tally = run.events.state.tally
        assert (tally.sent, tally.lost, tally.in_flight) == (3, 3, 0)


async def test_echo_of_the_new_connection_alone_does_not_make_a_loss(
    nats_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echoes, "GRACE", 60.0)
    real = nats_server()
    async with swallowing() as peer, listening(settings(peer.url, real.url)) as run:
        await run.events.until(ev.Connected, lambda up: up.server == real.url)
        tally = await run.events.until_counts(lambda tally: tally.delivered >= 10)
        assert (tally.lost, tally.in_flight >= 2) == (0, True)
        run.execute(commands.Drain())
        outage = await run.events.until(ev.Outage)
        assert (outage.lost, outage.unverified >= 2) == (0, True)


async def test_next_connection_settles_the_losses(nats_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echoes, "GRACE", 60.0)
    real = nats_server()
    async with swallowing() as peer, listening(settings(peer.url, real.url)) as run:
        await run.events.until(ev.Connected, lambda up: up.server == real.url)
        lost = run.events.of(ev.Disconnected)[0]
        await run.events.until(ev.Echoed)
        monkeypatch.setattr(echoes, "GRACE", 0.05)
        run.execute(commands.Reconnect())
        outage = await run.events.until(ev.Outage, lambda outage: outage.began == lost.t)
        assert outage.lost >= 2


async def test_run_ends_after_the_cost_of_an_outage_is_known(
    nats_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draining = asyncio.Event()

    async def after_it_began(connection: ServerConnection, *, within: float) -> bool:
        await draining.wait()
        return await returns_messages(connection, within=within)

    monkeypatch.setattr(echoes, "returns_messages", after_it_began)
    monkeypatch.setattr(echoes, "_SETTLES_WITHIN", WAIT)
    real = nats_server()
    async with swallowing(3) as peer, listening(settings(peer.url, real.url, interval=600.0, count=4)) as run:
        await publish_three(run)
        await run.events.until(ev.Reconnected)
        run.execute(commands.Publish())
        await run.events.until_status("DRAINING")
        draining.set()
        outage = await run.events.until(ev.Outage)
        assert (outage.lost, outage.unverified) == (3, 0)
        assert run.events.of(ev.StatusChanged)[-1].status == "DRAINING"


async def test_run_that_ends_in_an_outage_has_nothing_in_flight(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=600.0), stay=False) as run:
        await run.events.until(ev.Echoed)
        await freeze(server)
        run.execute(commands.Publish())
        await run.events.until(ev.Published)
        await asyncio.to_thread(server.kill)
        await run.events.until(ev.Disconnected)
        run.probe.close("duration")
        outage = await run.events.until(ev.Outage)
        assert (outage.lost, outage.unverified) == (0, 1)
        await run.events.until(ev.End)
        tally = run.events.state.tally
        assert (tally.sent, tally.delivered, tally.in_flight, tally.unverified) == (2, 1, 0, 1)


async def test_message_in_flight_when_the_connection_is_closed_is_unverified(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=600.0, drain_timeout=0.1), stay=False) as run:
        await run.events.until(ev.Echoed)
        await freeze(server)
        run.execute(commands.Publish())
        run.probe.close("duration")
        await run.events.until(ev.End)
        tally = run.events.state.tally
        assert (tally.sent, tally.delivered, tally.in_flight, tally.unverified) == (2, 1, 0, 1)


async def test_without_an_inbox_an_echo_is_the_sentinel(nats_server: StartServer) -> None:
    only = "{ subscribe: { allow: [hello] } }"
    real = nats_server(config=f"authorization {{ users: [{{ user: u, password: p, permissions: {only} }}] }}")
    async with (
        swallowing() as peer,
        listening(settings(peer.url, real.url, user=Secret("u"), password=Secret("p"))) as run,
    ):
        outage = await run.events.until(ev.Outage)
        assert outage.lost >= 2
        assert not run.events.of(ev.AsyncError)


async def test_corrected_loss_emits_the_outage_again() -> None:
    peering = Twice(3)
    async with playing(peering.script) as peer, listening(settings(peer.url, interval=600.0)) as run:
        await publish_three(run)
        first = await run.events.until(ev.Outage)
        assert (first.lost, first.lost_seqs) == (3, [(1, 3)])
        await peering.late(1)
        again = await run.events.until(ev.Outage)
        assert (again.began, again.ended, again.t > first.t) == (first.began, first.ended, True)
        assert (again.lost, again.late, again.lost_seqs) == (2, 1, [(1, 1), (3, 3)])
        tally = run.events.state.tally
        assert (tally.lost, tally.late, tally.in_flight) == (2, 1, 0)
        await peering.late(1)
        await run.events.until_counts(lambda tally: tally.duplicate == 1)
        assert len(run.events.of(ev.Outage)) == 2


async def test_resumed_server_delivers_pending_messages(cluster: list[NatsServer]) -> None:
    ours, other, _ = cluster
    async with witness(other) as listener:
        theirs = await listener.subscribe("hello")
        # nats-server reads 512 bytes first, and reads no more once it has written to a client that is gone.
        few = {"interval": 600.0, "rtt_interval": 0.0}
        async with listening(settings(ours.url, other.url, ignore_discovered_servers=True, **few)) as run:
            await theirs.next_msg(timeout=WAIT)  # our server has the interest of the other one
            await run.events.until(ev.Echoed)
            await freeze(ours)
            for _ in range(3):
                run.execute(commands.Publish())
            run.execute(commands.Reconnect())
            outage = await run.events.until(ev.Outage)
            assert outage.lost == 3
            await asyncio.to_thread(ours.cont)
            again = await run.events.until(ev.Outage, lambda again: again.lost == 0)
            assert (again.began, again.late, again.lost_seqs) == (outage.began, outage.lost + outage.late, [])


# -- nothing to receive --------------------------------------------------------------------------------

DENIED = "authorization { users: [{ user: u, password: p, permissions: { subscribe: { deny: [hello] } } }] }"


async def test_denied_subscription_makes_messages_unverified(nats_server: StartServer) -> None:
    server = nats_server(config=DENIED)
    async with listening(settings(server.url, user=Secret("u"), password=Secret("p"))) as run:
        unverified = await run.events.until(ev.Unverified)
        assert 'Permissions Violation for Subscription to "hello"' in unverified.reason
        tally = await run.events.until_counts(lambda tally: tally.unverified >= 5)
        assert (tally.unverified, tally.in_flight, tally.lost, tally.rejected) == (tally.sent, 0, 0, 0)
        run.execute(commands.Reconnect())
        outage = await run.events.until(ev.Outage)
        assert (outage.lost, outage.unverified) == (0, 0)
        await run.events.until(ev.Unverified)
        assert not run.events.of(ev.Subscribed)
        assert not run.events.of(ev.AsyncError)


MUTE = "authorization { users: [{ user: u, password: p, permissions: { publish: { deny: [hello] } } }] }"


async def test_refused_message_is_rejected_and_charged_to_no_outage(nats_server: StartServer) -> None:
    server = nats_server(config=MUTE)
    async with listening(settings(server.url, user=Secret("u"), password=Secret("p"), interval=600.0)) as run:
        await publish_three(run)
        tally = await run.events.until_counts(lambda tally: tally.rejected == 3)
        assert (tally.attempted, tally.in_flight, tally.lost) == (3, 0, 0)
        run.execute(commands.Reconnect())
        outage = await run.events.until(ev.Outage)
        assert (outage.lost, outage.rejected, outage.unverified) == (0, 0, 0)
        (error,) = run.events.of(ev.AsyncError)
        assert 'Publish to "hello"' in error.text


async def test_connection_that_may_subscribe_sees_again(nats_server: StartServer) -> None:
    denied, allowed = nats_server(config=DENIED), nats_server()
    wanted = settings(denied.url, allowed.url, user=Secret("u"), password=Secret("p"), reconnect_wait=0.0)
    async with listening(wanted) as run:
        await run.events.until(ev.Unverified)
        unknown = await run.events.until_counts(lambda tally: tally.unverified >= 3)
        run.execute(commands.Reconnect())
        tally = await run.events.until_counts(lambda tally: tally.delivered >= 5)
        assert tally.lost == 0
        assert tally.unverified >= unknown.unverified
        assert run.events.state.unverified == ""


@pytest.mark.parametrize("interval", [0.025, MAX_RATE])
async def test_no_echo_leaves_messages_unverified(server: NatsServer, interval: float) -> None:
    async with listening(settings(server.url, echo=False, interval=interval)) as run:
        assert (await run.events.until(ev.Connection)).verification == "none"
        await run.events.until(ev.Unverified, lambda unverified: unverified.reason.startswith("--no-echo: "))
        await run.events.until_counts(lambda tally: tally.sent >= 5)
        run.execute(commands.Reconnect())
        outage = await run.events.until(ev.Outage)
        assert (outage.lost, outage.unverified) == (0, 0)
        sent = run.events.state.tally.sent
        tally = await run.events.until_counts(lambda tally: tally.sent > sent + 5)
        assert (tally.unverified, tally.in_flight, tally.lost, tally.delivered) == (tally.sent, 0, 0, 0)
        assert len(run.events.of(ev.Unverified)) == 1
        assert run.events.state.unverified


async def test_no_echo_makes_no_subscription() -> None:
    async with peers.correct() as peer, listening(settings(peer.url, echo=False)) as run:
        await peer.until_received(b"Natsmon-Seq: 3")
        assert "SUB hello 1" not in peer.lines
        assert not [line for line in peer.lines if line.startswith("SUB hello")]
        assert not run.events.of(ev.Echoed)


# -- what is emitted of it ---------------------------------------------------------------------------


async def test_first_echo_of_each_connection_is_emitted(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        first = await run.events.until(ev.FirstEcho)
        assert (first.seq, 0 < first.latency < first.t) == (1, True)
        await run.events.until_counts(lambda tally: tally.delivered >= 3)
        run.execute(commands.Reconnect())
        second = await run.events.until(ev.FirstEcho)
        assert second.seq > 3
        await run.events.until(ev.Echoed, lambda echo: echo.seq > second.seq)
        assert len(run.events.of(ev.FirstEcho)) == 2


async def test_single_messages_give_the_counts(server: NatsServer) -> None:
    async with listening(settings(server.url, payload=b"12345678")) as run:
        assert (await run.events.until(ev.Connection)).size == 8
        counted = await run.events.until_counts(lambda tally: tally.delivered >= 20 and tally.in_flight == 0)
        assert (counted.attempted, counted.bytes) == (counted.sent, 8 * counted.sent)
        # One for what was buffered before there was a connection, and those of every five seconds.
        up = run.events.of(ev.Connected)[0].t
        since = [tally for tally in run.events.of(ev.Tally) if tally.t >= up]
        assert len(since) <= 1 + (counted.t - up) / CHECKPOINT_EVERY
        assert (run.events.of(ev.Published)[0].size, run.events.of(ev.Published)[0].subject) == (0, "")
    assert not run.events.of(ev.Latencies)


async def test_many_messages_have_every_latency(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=0.001)) as run:
        await run.events.until(ev.Tally, lambda tally: tally.delivered >= 100)
    counted = sum(many for samples in run.events.of(ev.Latencies) for _, many in samples.counts)
    assert counted == run.events.last_tally.delivered


async def received_by(server: NatsServer, run: Listening) -> Any:
    """A message as another client receives it."""
    async with witness(server) as other:
        subscription = await other.subscribe("hello")
        message = await subscription.next_msg(timeout=WAIT)
        copies = {"X-Before": "1", **(message.headers or {}), "X-Behind": "2"}
        await other.publish("hello", message.data, headers=copies)
        await run.events.until_counts(lambda tally: tally.duplicate == 1)
        return message


async def test_headers_of_the_user_come_first_and_the_number_is_found(server: NatsServer) -> None:
    wanted = settings(server.url, headers=(("Kind", Secret("test; ü")), ("Kind2", Secret(""))), payload=b"x" * 100)
    async with listening(wanted) as run:
        await run.events.until(ev.Echoed)
        message = await received_by(server, run)
        assert list(message.headers) == ["Kind", "Kind2", "Natsmon-Session", "Natsmon-Seq"]
        assert (message.headers["Kind"], message.headers["Kind2"]) == ("test; ü", "")
        assert message.data == b"x" * 100
