"""A subscription that was refused is tried again: a reload of the server's configuration may allow it."""

import signal
from pathlib import Path
from typing import Any

import pytest

from natsmon.config.secret import Secret
from natsmon.lab.nats_server import NatsServer
from natsmon.protocol import server_connection
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.probe.streams import STREAM, jetstream, stream_on

pytestmark = pytest.mark.usefixtures("soon")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_connection, "REFUSED_AGAIN", 0.05)


def users(denied: str) -> str:
    """One that may not subscribe to this, and one that may do everything."""
    user = f"{{ user: u, password: p, permissions: {{ subscribe: {{ deny: ['{denied}'] }} }} }}"
    return f"authorization {{ users: [{user}, {{ user: all, password: p }}] }}"


USER: dict[str, Any] = {"user": Secret("u"), "password": Secret("p")}


def reload(server: NatsServer, config: str) -> None:
    """SIGHUP: its clients stay connected."""
    server.config = config
    (server.folder / "conf").write_text(server._configuration())
    server._signal(signal.SIGHUP)


async def test_delivery_is_verified_again(nats_server: StartServer) -> None:
    server = nats_server(config=users("hello"))
    async with listening(settings(server.url, **USER)) as run:
        for _ in range(2):
            await run.events.until(ev.Unverified)
            await run.events.until_counts(lambda tally: tally.unverified >= 3)
            reload(server, users("other"))
            await run.events.until(ev.Verified)
            assert not run.events.state.unverified
            many = run.events.state.tally.delivered + 5
            tally = await run.events.until_counts(lambda tally, many=many: tally.delivered >= many)  # type: ignore[misc]
            assert tally.lost == tally.undelivered == 0
            reload(server, users("hello"))
        assert len(run.events.of(ev.Connected)) == 1
        assert not run.events.of(ev.AsyncError)


async def test_each_refusal_is_shown_once(nats_server: StartServer) -> None:
    server = nats_server(config=users("hello"))
    async with listening(settings(server.url, **USER)) as run:
        await run.events.until(ev.Unverified)
        while server.log.read_text().count("Subscription Violation") < 4:
            await run.events.until(ev.Rtt)
        connection = run.connection._connection
        assert connection is not None
        assert len(connection.refusals.subscriptions) <= 2
        assert len(connection._receivers) <= 2
        assert len(run.events.of(ev.Unverified)) == 1
        assert not run.events.of(ev.AsyncError)


async def test_observed_subject_is_allowed_again(nats_server: StartServer) -> None:
    server = nats_server(config=users("hello"))
    async with listening(settings(server.url, observe="hello", **USER)) as run:
        await run.events.until(ev.Observed, lambda observed: observed.refused != "")
        reload(server, users("other"))
        await run.events.until(ev.Observed, lambda observed: observed.refused == "")
        assert len(run.events.of(ev.Connected)) == len(run.events.of(ev.AsyncError)) == 1


async def test_acknowledgements_are_received_again(nats_server: StartServer, tmp_path: Path) -> None:
    config = f"{jetstream(tmp_path)}\n"
    server = nats_server(config=config + users("_INBOX.>"))
    async with (
        stream_on(server, user="all", password="p", subjects=["hello"]),
        listening(settings(server.url, jetstream=STREAM, **USER)) as run,
    ):
        tally = await run.events.until_counts(lambda tally: tally.buffered >= 2)
        assert tally.sent == 0
        reload(server, config + users("other"))
        tally = await run.events.until_counts(lambda tally: tally.delivered >= 5)
        assert tally.rejected == 0
        assert len(run.events.of(ev.Connected)) == 1
