"""``natsmon.testing``, as other programs use it."""

import asyncio
from typing import Any

import nats.errors
import pytest

from natsmon import DialRefused, HandshakeError, connect
from natsmon.config.subjects import subject_matches
from natsmon.testing import Script, ScriptedServer, Session, close, greet, memory_pipe, refuse, reject, serve, silent
from tests.harness.time_limits import GROWING, WAIT
from tests.library.clients import Callbacks, Notes, failing, until


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


def failing_with(error: BaseException) -> Script:
    async def script(session: Session) -> None:
        await session.handshake()
        await session.until_line(b"PUB")
        raise error

    return script


FAULTS = [AssertionError("user is missing"), FileNotFoundError("answer.json"), pytest.fail.Exception("not this one")]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_fault_of_a_script_is_raised_in_the_test_and_ends_its_connection(fault: BaseException) -> None:
    callbacks = Callbacks()
    server = ScriptedServer(failing_with(fault), serve)
    client = await connect("nats://test", dialer=server, reconnect_time_wait=0, **callbacks.options)
    await client.publish("hello")
    with pytest.raises(type(fault)) as caught:
        await server.until(lambda: server.published)
    assert caught.value is fault
    await callbacks.until_called("reconnected")
    await client.close()
    await server.close()  # raised once


async def test_faults_of_scripts_are_raised_at_the_end() -> None:
    async def program(*faults: BaseException) -> None:
        async with ScriptedServer(*map(failing_with, faults)) as server:
            for _ in faults:
                stream = await server.dial(("test", 4222))
                stream.writer.write(b"CONNECT {}\r\nPING\r\nPUB hello 0\r\n\r\n")
                assert (await stream.reader.read()).endswith(b"PONG\r\n")

    first, second = AssertionError("first"), ValueError("second")
    with pytest.raises(AssertionError, match="first"):
        await program(first)
    with pytest.raises(ExceptionGroup) as caught:
        await program(first, second)
    assert list(caught.value.exceptions) == [first, second]


async def test_fault_before_the_first_wait_is_raised_in_the_test_too() -> None:
    async def script(session: Session) -> None:
        assert session.address == ("other", 4222)

    server = ScriptedServer(script, refuse)
    options: dict[str, Any] = {"max_reconnect_attempts": 1, "reconnect_time_wait": 0, **Callbacks().options}
    await failing(connect("nats://test", dialer=server, **options))
    with pytest.raises(AssertionError, match="other"):
        await server.close()


async def test_script_of_a_dial_that_was_cancelled_ends() -> None:
    async with ScriptedServer() as server:
        dialing = asyncio.ensure_future(server.dial(("test", 4222)))
        await server.until(lambda: server.sessions)
        dialing.cancel()
        await asyncio.wait([dialing])
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})


async def test_client_that_leaves_is_no_fault() -> None:
    async with ScriptedServer(failing_with(AssertionError())) as server:
        client = await connect("nats://test", dialer=server)
        await client.close()
    assert server.session.connect_options


async def test_client_without_echo_does_not_receive_its_own_messages() -> None:
    async with ScriptedServer() as server:
        one = await connect("nats://one", dialer=server, no_echo=True)
        two = await connect("nats://two", dialer=server)
        received = [await client.subscribe("hello") for client in (one, two)]
        queued = [await client.subscribe("hello", queue="workers") for client in (one, two)]
        for client in (one, two):
            await client.flush()
        await one.publish("hello", b"1")
        await one.publish("hello", b"2", headers={"A": "b"})
        await one.flush()
        server.publish("hello", b"3")
        assert [(await received[1].next_msg(WAIT)).data for _ in range(3)] == [b"1", b"2", b"3"]
        assert (await received[0].next_msg(WAIT)).data == b"3"
        assert [(await queued[1].next_msg(WAIT)).data for _ in range(2)] == [b"1", b"2"]
        assert (await queued[0].next_msg(WAIT)).data == b"3"
        await one.close()
        await two.close()


async def test_request_without_a_responder_is_answered_at_once() -> None:
    async with ScriptedServer() as server:
        client = await connect("nats://test", dialer=server)
        for old_style in (False, True):
            with pytest.raises(nats.errors.NoRespondersError):
                await client.request("unserved", timeout=WAIT, old_style=old_style)
        with pytest.raises(TypeError, match="payload is bytes, not str"):
            server.publish("hello", "text")  # type: ignore[arg-type]
        await client.close()


@pytest.mark.parametrize("closing", [0, 1])
async def test_close_of_one_end_of_a_pipe_ends_both(closing: int) -> None:
    ends = memory_pipe()
    for end in ends:
        end.writer.write(b"sent")
    ends[closing].writer.close()
    for end in ends:
        assert await end.reader.read() == b"sent"
        end.writer.write(b"discarded")
        with pytest.raises(ConnectionResetError):
            await end.writer.drain()
        await end.writer.wait_closed()


def test_session_before_the_first_dial_is_explained() -> None:
    with pytest.raises(RuntimeError, match="no client has dialed yet"):
        _ = ScriptedServer().session


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
