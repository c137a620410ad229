"""An open link alone: what it asks of a server, and that nothing of it stays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from natsmon.config.secret import Secret
from natsmon.dial.dialer import Dialer
from natsmon.dial.trace import DialTrace
from natsmon.lab.nats_server import NatsServer
from natsmon.protocol.handshake import open_link
from natsmon.protocol.link import Link
from natsmon.protocol.server_info import read_info
from tests.conftest import StartServer
from tests.harness.listening import settings

FORBIDDING = """
authorization { users: [ {
  user: ada, password: hunter2
  permissions: { publish: { deny: ["forbidden"] }, subscribe: { deny: ["_INBOX.>"] } }
} ] }
"""


@asynccontextmanager
async def linked(server: NatsServer, **changes: Any) -> AsyncIterator[tuple[Link, list[str]]]:
    """A link, and what its server complained of."""
    wanted = settings(server.url, **changes)
    (ours,) = wanted.servers
    stream = await Dialer().dial((ours.host, ours.port), deadline=None, trace=DialTrace())
    info, raw = await read_info(stream.reader)
    link = await open_link(stream, ours, info, raw, wanted, lambda _: None)
    complaints: list[str] = []
    link.on_error(complaints.append)
    try:
        yield link, complaints
    finally:
        link.abort()


async def test_a_question_that_is_answered_is_forgotten(server: NatsServer) -> None:
    async with linked(server) as (link, complaints):
        for _ in range(3):
            assert await link.ask("nobody.here", b"", within=5.0) == []
        assert await link.hears_itself(within=5.0)
        await link.ping()
        assert link._subscriptions == []
        assert complaints == []


async def test_a_question_that_is_forbidden_is_no_complaint_and_is_forgotten(nats_server: StartServer) -> None:
    """Also where the refusal comes when nobody waits any longer."""
    server = nats_server(config=FORBIDDING)
    async with linked(server, user=Secret("ada"), password=Secret("hunter2")) as (link, complaints):
        assert await link.ask("forbidden", b"", within=5.0) == []
        assert await link.ask("forbidden", b"", within=0.0) == []
        assert not await link.hears_itself(within=5.0)
        await link.ping()
        assert link._subscriptions == []
        assert complaints == []


async def test_a_question_without_an_answer_is_forgotten(server: NatsServer) -> None:
    async with linked(server) as (link, _):
        link.subscribe("silence", lambda *_: None)
        assert await link.ask("silence", b"", within=0.05) == []
        await link.ping()
        assert link._subscriptions == []
