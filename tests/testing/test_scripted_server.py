"""``natsmon.testing``, as other programs use it."""

import asyncio
from typing import Any

import nats.errors
import pytest

from natsmon import DialRefused, HandshakeError, connect
from natsmon.config.subjects import subject_matches
from natsmon.testing import ScriptedServer, close, greet, refuse, reject, serve, silent
from tests.harness.time_limits import GROWING, WAIT
from tests.library.clients import Callbacks, Notes, failing


async def test_messages_go_from_client_to_client() -> None:
    server = ScriptedServer()
    one, two = await connect("nats://one", dialer=server), await connect("nats://two:4333", dialer=server)
    subscription = await two.subscribe("orders.*")
    await two.flush()
    await one.publish("orders.eu", b"1", headers={"Kind": "new"})
    message = await subscription.next_msg(WAIT)
    assert (message.subject, message.data, message.headers) == ("orders.eu", b"1", {"Kind": "new"})
    assert [session.address for session in server.sessions] == [("one", 4222), ("two", 4333)]
    assert server.published[0].subject == "orders.eu"
    await one.close()
    await two.close()
    await server.close()


async def test_queue_group_receives_a_message_once() -> None:
    server = ScriptedServer()
    clients = [await connect(f"nats://{name}", dialer=server) for name in ("one", "two")]
    received: list[str] = []

    async def receive(message: Any) -> None:
        received.append(message.subject)

    for client in clients:
        for queue in ("workers", "workers", "others", "", ""):
            await client.subscribe("jobs.*", queue=queue, cb=receive)
        await client.flush()
    server.publish("jobs.1")
    for client in clients:
        await client.drain()
    assert received == ["jobs.1"] * 6  # one of each of two groups, and the four without a group
    server.publish("jobs.2")
    await server.close()


async def test_queue_group_goes_on_after_a_member_has_left() -> None:
    server = ScriptedServer()
    one, two = await connect("nats://one", dialer=server), await connect("nats://two", dialer=server)
    await one.subscribe("jobs", queue="workers")
    await one.flush()
    subscription = await two.subscribe("jobs", queue="workers")
    await two.flush()
    await one.close()
    await two.flush()
    server.publish("jobs", b"1")
    assert (await subscription.next_msg(WAIT)).data == b"1"
    await two.close()
    await server.close()


async def test_verbose_client_connects() -> None:
    server = ScriptedServer()
    client = await connect("nats://test", dialer=server, verbose=True, allow_reconnect=False)
    await client.flush()
    await client.close()
    await server.close()


async def test_client_is_refused_after_the_server_was_closed() -> None:
    server, callbacks = ScriptedServer(), Callbacks()
    client = await connect("nats://test", dialer=server, reconnect_time_wait=0, **callbacks.options)
    await server.close()
    await callbacks.until(lambda: any(isinstance(error, DialRefused) for error in callbacks.errors))
    assert len(server.sessions) == 1
    await client.close()


async def test_requests_and_messages_of_the_server() -> None:
    server = ScriptedServer()
    client = await connect("nats://test", dialer=server, name="mine")

    async def answer(message: Any) -> None:
        await message.respond(message.data.upper())

    await client.subscribe("shout", cb=answer)
    assert (await client.request("shout", b"hey", timeout=WAIT)).data == b"HEY"
    subscription = await client.subscribe("news.>")
    await client.flush()
    server.publish("news.today", b"rain", reply="back")
    message = await subscription.next_msg(WAIT)
    assert (message.data, message.reply) == (b"rain", "back")
    assert server.session.connect_options["name"] == "mine"
    await client.drain()
    await server.close()


async def test_scripts_play_one_after_the_other() -> None:
    server, notes, callbacks = (
        ScriptedServer(refuse, close, greet(b"HTTP/1.1 400\r\n\r\n"), serve),
        Notes(),
        Callbacks(),
    )
    client = await connect(
        "nats://test", dialer=server, trace=notes, reconnect_time_wait=0, max_reconnect_attempts=9, **callbacks.options
    )
    assert [type(error) for error in callbacks.errors] == [DialRefused, HandshakeError, HandshakeError]
    assert len(server.sessions) == 4
    server.session.close()
    await callbacks.until_called("reconnected")
    assert server.session.number == 5
    await client.close()
    await server.close()


async def test_rejected_client_gets_nats_py_s_error() -> None:
    server = ScriptedServer(reject("Authorization Violation"))
    error = await failing(
        connect("nats://me:no@test:4222", dialer=server, allow_reconnect=False, **Callbacks().options),
        nats.errors.Error,
    )
    assert "Authorization Violation" in str(error)
    assert server.session.connect_options["user"] == "me"
    await server.close()


async def test_silent_server_ends_at_the_timeout() -> None:
    server = ScriptedServer(silent)
    options: dict[str, Any] = {"dialer": server, "allow_reconnect": False, **Callbacks().options}
    for timeout in GROWING:
        error = await failing(connect("nats://x", connect_timeout=timeout, **options), TimeoutError)
        if "no INFO" in str(error):
            break
    assert "no INFO" in str(error)
    await server.close()


async def test_until_raises_timeout_error() -> None:
    server = ScriptedServer()
    with pytest.raises(TimeoutError):
        await server.until(lambda: server.published, within=0.01)
    waiting = asyncio.ensure_future(server.until(lambda: server.published))
    await asyncio.sleep(0)
    server.publish("a")
    await waiting


@pytest.mark.parametrize(
    ("pattern", "subject", "matches"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.*", "a", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a", True),
        ("*.b", "a.b", True),
    ],
)
def test_wildcards_match_as_in_a_server(pattern: str, subject: str, matches: bool) -> None:
    assert subject_matches(pattern, subject) is matches
