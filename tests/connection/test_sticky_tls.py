"""Once a server of the pool has demanded TLS, no server of it gets credentials in clear."""

from pathlib import Path
from typing import Any

import pytest

from natsmon.config.secret import Secret
from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.protocol import tls
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.connection.life import connected
from tests.harness import peers
from tests.harness.listening import listening, settings
from tests.harness.peer import Peering, Talk, playing
from tests.protocol.authority import Authority

PASSWORD = "s3cret"
USER: dict[str, Any] = {"user": Secret("u"), "password": Secret(PASSWORD)}


@pytest.fixture
def server(nats_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NatsServer:
    """Requires TLS; its CA is one of the system's, so that no setting asks for TLS."""
    authority = Authority(tmp_path, "ca")
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.setattr(tls, "_contexts", {})
    return nats_server(config=authority.server_config(HOST))


def over_nats(server: NatsServer) -> str:
    return f"nats://{HOST}:{server.port}"


async def test_given_server_without_tls_gets_no_credentials_at_a_reconnect(server: NatsServer) -> None:
    async with peers.correct() as peer, listening(settings(over_nats(server), peer.url, **USER)) as run:
        await connected(run)
        server.kill()
        end = await run.events.until(ev.DialEnd, lambda end: end.cause == "tls_downgrade")
        assert (end.outcome, end.stage) == ("failed", "tls")
        assert "no credentials were sent in clear" in end.text
        assert peer.received == b""


async def test_discovered_server_without_tls_gets_no_credentials(server: NatsServer) -> None:
    async with peers.correct() as peer, listening(settings(over_nats(server), **USER)) as run:
        up = await connected(run)
        assert up.tls
        connection = run.connection._connection
        assert connection is not None
        connection.receive_info(connection.info._replace(connect_urls=[peer.authority]))
        await run.events.until(ev.Discovered)
        server.kill()
        await run.events.until(ev.DialEnd, lambda end: end.cause == "tls_downgrade" and end.server == peer.url)
        assert peer.received == b""


@pytest.mark.parametrize("changes", [{"mixed_tls": True, **USER}, {}], ids=["allowed by a flag", "no credentials"])
async def test_mixed_pool_is_used_where_nothing_is_given_away(server: NatsServer, changes: dict[str, Any]) -> None:
    async with peers.correct() as peer, listening(settings(over_nats(server), peer.url, **changes)) as run:
        await connected(run)
        server.kill()
        assert (await run.events.until(ev.Reconnected)).after == peer.url


async def test_pool_that_never_saw_tls_sends_credentials_in_clear(nats_server: StartServer) -> None:
    one = nats_server(config=f"authorization {{ user: u, password: {PASSWORD} }}")
    async with listening(settings(one.url, **USER)) as run:
        await connected(run)


async def test_info_in_clear_that_demands_tls_locks_out_no_pool() -> None:
    async with (
        _demanding() as hostile,
        peers.correct() as peer,
        listening(settings(hostile.url, peer.url, **USER)) as run,
    ):
        assert (await connected(run)).server == peer.url
        assert PASSWORD in peer.received.decode()


def _demanding() -> Peering:
    """Its INFO demands TLS, and it does not speak it."""

    async def script(talk: Talk) -> None:
        await talk.info(tls_required=True)
        await talk.line()

    return playing(script)
