"""Several servers: discovered ones, and taking turns."""

from natsmon.lab.nats_server import NatsServer
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.connection.life import connected, start
from tests.harness.listening import listening, settings


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


async def test_a_discovered_server_that_is_gone_leaves_the_pool(cluster: list[NatsServer]) -> None:
    ours, *others = cluster
    async with listening(settings(ours.url)) as run:
        await run.events.until(ev.Pool, lambda _: len(run.events.state.pool) == 3)
        for other in others:
            other.kill()
        await run.events.until(ev.Pool, lambda _: len(run.events.state.pool) == 1)
