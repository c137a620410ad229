"""An open connection alone: what it asks of a server, and that nothing of it stays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.msg import Msg

from natsmon.config.secret import Secret
from natsmon.dial.dialer import Dialer
from natsmon.dial.trace import DialTrace
from natsmon.lab.nats_server import NatsServer
from natsmon.protocol import request_reply
from natsmon.protocol.handshake import open_connection
from natsmon.protocol.request_reply import NotNow, ask, request, returns_messages
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_info import read_info
from tests.conftest import StartServer
from tests.harness.listening import settings
from tests.harness.time_limits import IN_TIME, WAIT
from tests.harness.witness import witness

FORBIDDING = """
authorization { users: [ {
  user: ada, password: hunter2
  permissions: { publish: { deny: ["forbidden"] }, subscribe: { deny: ["_INBOX.>"] } }
} ] }
"""


@asynccontextmanager
async def opened(server: NatsServer, **changes: Any) -> AsyncIterator[tuple[ServerConnection, list[str]]]:
    """A connection, and what its server complained of."""
    wanted = settings(server.url, **changes)
    (ours,) = wanted.servers
    stream = await Dialer().dial((ours.host, ours.port), deadline=None, trace=DialTrace())
    info, _ = await read_info(stream.reader)
    connection = await open_connection(stream, ours, info, wanted, lambda _: None)
    complaints: list[str] = []
    connection.on_error = complaints.append
    try:
        yield connection, complaints
    finally:
        connection.abort()


async def test_error_of_our_own_is_no_fault_of_the_server(server: NatsServer) -> None:
    async with opened(server) as (connection, _):
        connection.subscribe("x", lambda *_: dict[str, None]()["seq"])
        connection.write(b"PUB x 0\r\n\r\n")
        cause, text = await connection.lost
    assert cause == "unknown"
    assert text.startswith("natsmon failed at test_server_connection.py:")
    assert text.endswith("KeyError: 'seq'")


async def test_question_that_is_answered_is_forgotten(server: NatsServer) -> None:
    async with opened(server) as (connection, complaints):
        for _ in range(3):
            assert await ask(connection, "no.responder", b"", within=WAIT) == []
        assert await returns_messages(connection, within=WAIT)
        await connection.round_trip()
        assert connection.refusals.subscriptions == []
        assert complaints == []


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "never answered"])
async def test_request_is_sent_again_until_it_is_answered(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """As nats-server drops a request about a stream while its leader is elected."""
    monkeypatch.setattr(request_reply, "_AGAIN_AFTER", 0.05)
    monkeypatch.setattr(request_reply, "_PONG_WITHIN", WAIT)
    received = 0

    async def drop_two(message: Msg) -> None:
        nonlocal received
        received += 1
        if answered and received == 3:
            await message.respond(b"led")

    async with witness(server) as responder, opened(server) as (connection, complaints):
        await responder.subscribe("info", cb=drop_two)
        await responder.flush()
        await (
            connection.round_trip()
        )  # nats-server may answer the first message behind CONNECT as if it had no responder
        if answered:
            assert await request(connection, "info", b"", within=WAIT) == b"led"
        else:
            for seconds in (1.0, 5.0, IN_TIME):
                with pytest.raises(NotNow, match=f"no answer in {seconds:g}s"):
                    await request(connection, "info", b"", within=seconds)
                if received >= 2:
                    break
        assert received >= 2
        await connection.round_trip()
        assert connection.refusals.subscriptions == []
        assert complaints == []


async def test_denied_request_is_dropped_without_an_error(nats_server: StartServer) -> None:
    """Also where the refusal comes when the request was cancelled."""
    server = nats_server(config=FORBIDDING)
    async with opened(server, user=Secret("ada"), password=Secret("hunter2")) as (connection, complaints):
        assert await ask(connection, "forbidden", b"", within=WAIT) == []
        assert await ask(connection, "forbidden", b"", within=0.0) == []
        assert not await returns_messages(connection, within=WAIT)
        await connection.round_trip()
        assert connection.refusals.subscriptions == []
        assert complaints == []


async def test_question_without_an_answer_is_forgotten(server: NatsServer) -> None:
    async with opened(server) as (connection, _):
        connection.subscribe("silence", lambda *_: None)
        assert await ask(connection, "silence", b"", within=0.05) == []
        await connection.round_trip()
        assert connection.refusals.subscriptions == []


@pytest.mark.parametrize("subject", ['a"b', "a\\b", "a\u200bb", "ü", "hunter2.x"])
async def test_refusal_is_matched_whatever_the_server_quotes(nats_server: StartServer, subject: str) -> None:
    """Go escapes quotation marks, backslashes and invisible characters; a subject may contain a secret."""
    server = nats_server(config=FORBIDDING.replace("_INBOX.>", ">").replace("forbidden", ">"))
    async with opened(server, user=Secret("ada"), password=Secret("hunter2")) as (connection, complaints):
        refused: list[str] = []
        published: list[str] = []
        connection.subscribe(subject, lambda *_: None, refused=refused.append)
        connection.on_publish_refused(subject, lambda: published.append(subject))
        connection.write(f"PUB {subject} 0\r\n\r\n".encode())
        await connection.round_trip()
        assert (len(refused), len(published), len(complaints)) == (1, 1, 1)
        assert not any("hunter2" in text for text in refused + complaints)
