"""Several servers: discovered ones, and taking turns."""

from natsmon.lab.nats_server import NatsServer
from natsmon.probe.connection.server_pool import DISCOVERED_KEPT
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.connection.life import connected, start
from tests.harness.listening import listening, settings
from tests.harness.peer import Talk, playing


async def test_discovered_servers_join_the_pool(cluster: list[NatsServer]) -> None:
    async with listening(settings(cluster[0].url)) as run:
        assert (await connected(run)).cluster == "nodes"
        found = await run.events.until(ev.Discovered)
        assert sorted(found.servers) == sorted(node.url for node in cluster[1:])
        cluster[0].kill()
        assert (await connected(run)).server in found.servers
        back = await run.events.until(ev.Reconnected)
        assert (back.before, back.attempts) == (cluster[0].url, 2), (
            "discovered servers that never were CONNECTED come last"
        )
        await run.events.until(ev.Outage)
        assert not run.events.of(ev.Waiting)


async def test_discovered_servers_are_ignored_where_asked(cluster: list[NatsServer]) -> None:
    async with listening(settings(cluster[0].url, ignore_discovered_servers=True, reconnect_wait=0.01)) as run:
        await connected(run)
        cluster[0].kill()
        await run.events.until(ev.DialStart, lambda dial: dial.attempt == 4)
        assert {dial.server for dial in run.events.of(ev.DialStart)} == {cluster[0].url}
        assert not run.events.of(ev.Discovered)


async def test_explicit_servers_take_turns(nats_server: StartServer) -> None:
    one, two = nats_server(), nats_server()
    async with listening(settings(one.url, two.url)) as run:
        await connected(run)
        for losing, gaining in ((one, two), (two, one), (one, two)):
            if not gaining.running:
                await start(gaining)
            losing.kill()
            assert (await run.events.until(ev.Reconnected)).after == gaining.url


async def test_discovered_server_that_is_gone_leaves_the_pool(cluster: list[NatsServer]) -> None:
    ours, *others = cluster
    async with listening(settings(ours.url)) as run:
        await run.events.until(ev.Pool, lambda _: len(run.events.state.pool) == 3)
        for other in others:
            other.kill()
        await run.events.until(ev.Pool, lambda _: len(run.events.state.pool) == 1)


async def test_of_too_many_advertised_servers_the_last_are_kept() -> None:
    urls = [f"10.0.{n // 250}.{n % 250}:4222" for n in range(10_000)]

    def pool() -> set[str]:
        return {member.server for event in run.events.of(ev.Pool) for member in event.changed if member.discovered}

    async def script(talk: Talk) -> None:
        await talk.handshake()
        await talk.info(connect_urls=urls)
        await talk.until_closed()

    async with playing(script) as peer, listening(settings(peer.url, drain_timeout=0.05)) as run:
        found = await run.events.until(ev.Discovered)
        assert len(found.servers) + found.omitted == len(urls)
        await run.events.until(ev.Pool, lambda _: len(pool()) == DISCOVERED_KEPT)
        assert pool() == {f"nats://{url}" for url in urls[-DISCOVERED_KEPT:]}
        assert run.events.of(ev.Pool)[-1].size == 1 + len(urls)


async def test_usable_server_is_reached_before_advertised_ones(server: NatsServer) -> None:
    async def script(talk: Talk) -> None:
        await talk.handshake(connect_urls=[f"127.{n // 250}.{n % 250}.9:9" for n in range(1_000)])
        await talk.released(True)

    async with playing(script) as peer, listening(settings(peer.url, server.url)) as run:
        await run.events.until(ev.Discovered)
        peer.release()
        back = await run.events.until(ev.Reconnected)
        assert (back.after, back.attempts) == (server.url, 1)
