"""Lost connections: the server's own reason is shown beside natsmon's evidence."""

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.inquiry import monitoring_port as monitoring_port_module
from natsmon.probe.inquiry import server_answers as inquiry_module
from natsmon.probe.inquiry.monitoring_port import MonitoringPort
from natsmon.probe.inquiry.server_answers import Inquiry, Lost
from natsmon.protocol.server_info import Info
from natsmon.state import State, Tracks
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.codec import LIST_LIMIT, LineSplitter, decode_event, encode
from natsmon.stream.emitter import Emit, Emitter
from natsmon.wording.cause_table import diagnose
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.listening import Events, Listening, listening, settings
from tests.harness.peer import HOST
from tests.harness.polling import wait_until_formed
from tests.harness.time_limits import WAIT
from tests.harness.witness import witness
from tests.protocol.operator_mode import Operator

ACCOUNTS = """
accounts { SYS { users: [{ user: sys, password: sys }] }, A { users: [{ user: ann, password: pw }] } }
system_account: SYS
"""
HTTP = 'http: "127.0.0.1:-1"'


def as_ann(*servers: NatsServer, **changes: Any) -> Settings:
    return settings(*(server.url for server in servers), user=Secret("ann"), password=Secret("pw"), **changes)


def monitoring_port(server: NatsServer) -> int:
    (file,) = Path(server.folder).glob("*.ports")
    return int(json.loads(file.read_text())["monitoring"][0].rpartition(":")[2])


def folded(events: Events) -> State:
    tracks = Tracks()
    for event in events.seen:
        tracks.apply(event)
    return tracks.first.state


Request = Callable[[str, dict[str, Any]], Any]


@asynccontextmanager
async def administrator(server: NatsServer) -> AsyncIterator[Request]:
    """Ask something of the server, as only the system account may."""
    server_id = server.info()["server_id"]
    async with witness(server, user="sys", password="sys") as client:

        async def request(what: str, body: dict[str, Any]) -> None:
            await client.request(f"$SYS.REQ.SERVER.{server_id}.{what}", json.dumps(body).encode(), timeout=WAIT)

        yield request


async def reason_of(run: Listening) -> tuple[ev.Disconnected, ev.CloseReason]:
    """The next loss, and the server's word on it."""
    lost = await run.events.until(ev.Disconnected)
    closed = await run.events.until(ev.CloseReason)
    assert closed.outage == lost.outage
    assert folded(run.events).outages[-1].reason == closed.reason
    assert diagnose(None, closed.cause) != diagnose(None, "unknown")
    return lost, closed


# -- why --------------------------------------------------------------------------------------------


async def test_kicked(nats_server: StartServer) -> None:
    server, began = nats_server(config=ACCOUNTS), time.time()
    async with administrator(server) as request, listening(as_ann(server)) as run:
        connected = await run.events.until(ev.Connected)
        await request("KICK", {"cid": connected.cid})
        lost, closed = await reason_of(run)
    assert lost.cause in ("eof", "reset")
    assert (closed.reason, closed.cause, closed.cid, closed.source) == ("Kicked", "kicked", connected.cid, "")
    assert began - 1 < closed.stop < time.time() + 1
    assert len(run.events.of(ev.CloseReason)) == 1


async def test_sent_away_alone(nats_server: StartServer) -> None:
    """Lame duck mode for one client: it is notified, and may stay."""
    server = nats_server(config=ACCOUNTS)
    async with administrator(server) as request, listening(as_ann(server)) as run:
        connected = await run.events.until(ev.Connected)
        await request("LDM", {"cid": connected.cid})
        assert (await run.events.until(ev.LameDuck)).server == server.url
        (member,) = (await run.events.until(ev.Pool)).changed
        assert member.lame_duck


async def test_expired_jwt_is_the_close_reason(nats_server: StartServer, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    server = nats_server(config=operator.config)

    def expiring(seconds: float) -> str:
        return operator.creds(*operator.user(expires_in=seconds))

    creds = expiring(2.0)
    quiet = {"interval": 60.0, "rtt_interval": 60.0}  # what the server has not read yet would cost us its error
    async with listening(settings(server.url, creds=creds, **quiet)) as run:
        while (await run.events.until(ev.DialEnd)).outcome != "connected":  # it came too late for these
            os.replace(expiring(5.0), creds)
        lost = await run.events.until(ev.Disconnected)
        assert lost.cause == "auth_expired"
        assert "the user JWT expired on" in lost.text
        end = await run.events.until(ev.DialEnd, lambda end: end.cause == "auth_expired")
        assert "the user JWT expired on" in end.text


async def test_lowered_max_payload_is_the_close_reason(nats_server: StartServer) -> None:
    server = nats_server(config=ACCOUNTS + "max_payload: 10000\n")
    async with listening(as_ann(server, payload=b"x" * 500)) as run:
        await run.events.until(ev.Echoed)
        conf = server.folder / "conf"
        conf.write_text(conf.read_text().replace("max_payload: 10000", "max_payload: 500"))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGHUP)
        lost, closed = await reason_of(run)
    assert lost.cause in ("max_payload", "reset", "eof")
    assert closed.cause == "max_payload"


async def test_lowered_limit_on_subscriptions_is_the_cause(nats_server: StartServer) -> None:
    """Its error leaves a connection open where a SUB is refused; here the server closes after it."""
    config = "accounts { A { users: [{ user: ann, password: pw }], limits { max_subs: 10 } } }\n"
    server = nats_server(config=config)
    async with listening(as_ann(server)) as run:
        await run.events.until(ev.Echoed)
        conf = server.folder / "conf"
        conf.write_text(conf.read_text().replace("max_subs: 10", "max_subs: 0"))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGHUP)
        lost = await run.events.until(ev.Disconnected)
    assert (lost.cause, lost.text) == ("account_limit", "maximum subscriptions exceeded")


async def test_restarted_server_has_no_close_reason(nats_server: StartServer) -> None:
    server = nats_server(config=ACCOUNTS)
    async with listening(as_ann(server)) as run:
        await run.events.until(ev.Connected)
        server.terminate()
        lost = await run.events.until(ev.Disconnected)
        await asyncio.to_thread(server.start)
        await run.events.until(ev.Reconnected)
        await run.events.until(ev.Identity)
        for _ in range(10):
            await run.events.until(ev.Rtt)  # it would have been emitted by then
        assert not run.events.of(ev.CloseReason)
    assert lost.cause in ("eof", "reset")


async def test_lame_duck_of_a_whole_server(nats_server: StartServer) -> None:
    duck = nats_server(config=ACCOUNTS + 'lame_duck_duration: "30s"\nlame_duck_grace_period: "0.1s"\n')
    other = nats_server(config=ACCOUNTS)
    async with listening(as_ann(duck, other)) as run:
        await run.events.until(ev.Connected)
        duck.lame_duck()
        await run.events.until(ev.LameDuck)
        lost = await run.events.until(ev.Disconnected)
        assert (await run.events.until(ev.Reconnected)).after == other.url
    assert lost.cause == "lame_duck"


async def test_monitoring_port_answers_without_a_system_account(nats_server: StartServer) -> None:
    config = ACCOUNTS.replace("password: pw", 'password: pw, permissions: { publish: { deny: ["$SYS.>"] } }') + HTTP
    server = nats_server(config=config)
    url = f"http://{HOST}:{monitoring_port(server)}"
    async with administrator(server) as request, listening(as_ann(server, monitor=url)) as run:
        connected = await run.events.until(ev.Connected)
        await request("KICK", {"cid": connected.cid})
        _, closed = await reason_of(run)
        assert (closed.reason, closed.source) == ("Kicked", url)
        assert not run.events.of(ev.AsyncError), "a forbidden request of natsmon is not the user's error"
        assert not run.events.of(ev.Identity)


@pytest.mark.parametrize(
    ("peering", "words"),
    [
        (peers.http_400(), "is not a monitoring port: it answered 'HTTP/1.1 400 Bad Request'"),
        (peers.close_at_once(), "http://127.0.0.1:"),
        (peers.silent(), "does not answer: no answer in time"),
        (peers.garbage(), "is not a monitoring port: it sent "),
        (peers.correct(), "is not a monitoring port: it sent INFO, as the port for clients does"),
    ],
    ids=["http", "close", "silent", "garbage", "clients"],
)
async def test_wrong_monitoring_port_is_reported_once(
    nats_server: StartServer, monkeypatch: pytest.MonkeyPatch, peering: Any, words: str
) -> None:
    if "no answer in time" in words:
        monkeypatch.setattr(monitoring_port_module, "_WITHIN", 0.5)
    server = nats_server(config=ACCOUNTS.replace("password: pw", "password: pw, permissions: { publish: hello }"))
    async with peering as peer, administrator(server) as request:
        wanted = as_ann(server, monitor=f"http://{peer.authority}", subject="hello", echo=False)
        async with listening(wanted) as run:
            connected = await run.events.until(ev.Connected)
            failed = await run.events.until(ev.SettingFailed)
            await request("KICK", {"cid": connected.cid})
            await run.events.until(ev.Reconnected)
            await run.events.until(ev.Published)
        assert failed.setting == "monitor"
        assert words in failed.text
        assert len(run.events.of(ev.SettingFailed)) == 1
        assert not run.events.of(ev.CloseReason)
        assert not run.events.of(ev.AsyncError)


async def test_closed_monitoring_port_is_reported(server: NatsServer, refused_port: int) -> None:
    async with listening(settings(server.url, monitor=f"http://{HOST}:{refused_port}")) as run:
        failed = await run.events.until(ev.SettingFailed)
    assert "does not answer: Connection refused" in failed.text


async def test_monitoring_port_in_clear_asked_by_https_is_reported(nats_server: StartServer) -> None:
    server = nats_server(config=HTTP)
    async with listening(settings(server.url, monitor=f"https://{HOST}:{monitoring_port(server)}")) as run:
        failed = await run.events.until(ev.SettingFailed)
    assert "speaks HTTP, not HTTPS" in failed.text


async def test_monitoring_port_gives_no_reason_for_a_manual_reconnect(nats_server: StartServer) -> None:
    server = nats_server(config=HTTP)
    async with listening(settings(server.url, monitor=f"http://{HOST}:{monitoring_port(server)}")) as run:
        await run.events.until(ev.Connected)
        run.execute(commands.Reconnect())
        await run.events.until(ev.Reconnected)
        await run.events.until(ev.Identity)
    assert not run.events.of(ev.SettingFailed)
    assert not run.events.of(ev.CloseReason)


async def test_hanging_lookup_of_the_monitoring_port_occupies_no_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop waits for the threads of its executor when it ends."""
    released = threading.Event()

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        if threading.current_thread() is not threading.main_thread():
            released.wait(10.0)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(monitoring_port_module, "_WITHIN", 0.05)
    events = Events()
    wanted = settings("a:1", monitor="http://hanging.example:8222")
    await MonitoringPort(wanted, Emit(Emitter([events]), 0)).check(1)
    (failed,) = events.of(ev.SettingFailed)
    assert failed.text == "http://hanging.example:8222 does not answer: no answer in time"
    assert getattr(asyncio.get_running_loop(), "_default_executor", None) is None
    released.set()


async def test_close_reason_comes_from_another_server_of_the_cluster(nats_server: StartServer) -> None:
    """natsmon is connected to another server by then; the server with the reason answers through the cluster."""
    one = nats_server(config=ACCOUNTS, cluster="c")
    two = nats_server(config=ACCOUNTS, cluster="c", routes=(one,))
    async with administrator(one) as request, listening(as_ann(one, two)) as run:
        connected = await run.events.until(ev.Connected)
        await run.events.until(ev.Echoed)
        await asyncio.to_thread(wait_until_formed, (one, two))
        await request("KICK", {"cid": connected.cid})
        _, closed = await reason_of(run)
        assert run.events.of(ev.Reconnected)[-1].after == two.url
    assert (closed.reason, closed.server) == ("Kicked", one.url)


@pytest.mark.parametrize(
    ("peering", "cause"),
    [
        (peers.stale(), "stale_client"),
        (peers.pong_then_garbage(), "protocol"),
        (peers.err_after_connect("Server Shutdown"), "shutdown"),
    ],
    ids=["stale", "garbage", "shutdown"],
)
async def test_in_the_words_of_a_peer(peering: Any, cause: str) -> None:
    async with peering as peer, listening(settings(peer.url)) as run:
        ended: ev.Event = await run.events.until(ev.DialEnd if cause == "shutdown" else ev.Disconnected)
        assert getattr(ended, "cause", "") == cause


# -- the pool ---------------------------------------------------------------------------------------


async def test_pool_emits_changes(cluster: list[NatsServer], refused_port: int) -> None:
    dead = f"nats://{HOST}:{refused_port}"
    async with listening(settings(dead, cluster[0].url, max_reconnects=3)) as run:
        first = await run.events.until(ev.Pool)
        assert {(m.server, m.failures, m.attempts_left) for m in first.changed} == {
            (dead, 0, 4),
            (cluster[0].url, 0, 4),
        }
        failed = await run.events.until(ev.Pool)
        assert [(m.server, m.failures, m.attempts_left) for m in failed.changed] == [(dead, 1, 3)]
        await run.events.until(ev.Discovered)
        grown = await run.events.until(ev.Pool)
        assert {m.server for m in grown.changed if m.discovered} == {node.url for node in cluster[1:]}
        pool = folded(run.events).pool
        assert pool.keys() == {dead, *(node.url for node in cluster)}
        assert all((m.failures, m.attempts_left) == (0, 3) for m in pool.values())


# -- answers that make no sense ---------------------------------------------------------------------


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "user", "permissions", "publish", "allow", "expires", "connections", "cid", "reason"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.lists(st.binary(max_size=40) | json_like.map(lambda value: json.dumps(value).encode()), max_size=3))
@example_settings(deadline=None)
def test_fuzz_answers(answers: list[bytes]) -> None:
    async def ask() -> None:
        events = Events()
        emit = Emit(Emitter([events]), 0)
        inquiry = Inquiry(settings("a:1"), emit, MonitoringPort(settings("a:1"), emit))
        lost = Lost(outage=1, cid=1, server_id="N", server="nats://a:1")
        connection = mock.Mock(info=Info())
        answering = mock.AsyncMock(return_value=answers)
        with mock.patch.multiple(inquiry_module, _PAUSE=0, ask=answering):
            inquiry.connection_up(connection, lost)
            tasks = list(inquiry._tasks)
            await asyncio.wait(tasks)
        for task in tasks:
            task.result()
        assert not events.of(ev.CloseReason), "nothing of that was about us"

    with asyncio.Runner() as runner:
        runner.run(ask())


async def test_identity_with_50_000_allowed_subjects_fits_a_line(
    nats_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is longer than a line may be; what is left out is counted."""
    monkeypatch.setattr(inquiry_module, "_ANSWER_TIMEOUT", WAIT)
    subjects = ", ".join(f'"orders.{number:07}.created"' for number in range(50_000))
    allowed = f'permissions: {{ publish: [">"], subscribe: {{ allow: ["_INBOX.>", "hello", {subjects}] }} }}'
    server = nats_server(config=f"authorization {{ users: [{{ user: ann, password: pw, {allowed} }}] }}")
    async with listening(as_ann(server, connect_timeout=30.0)) as run:  # the server reads them at each CONNECT
        identity = await run.events.until(ev.Identity)
    assert len(identity.subscribe_allow) == LIST_LIMIT
    assert identity.omitted == {"subscribe_allow": 50_002 - LIST_LIMIT}
    assert max(len(encode(event)) for event in run.events.seen) < 16_384
    tracks = Tracks()
    for line in LineSplitter().feed(b"".join(map(encode, run.events.seen))):
        event = decode_event(line)
        assert event is not None
        tracks.apply(event)
    assert tracks.first.state.identity == identity


async def test_user_named_as_the_password_is_masked(nats_server: StartServer) -> None:
    server = nats_server(config="authorization { user: ann, password: ann }")
    async with listening(settings(server.url, user=Secret("ann"), password=Secret("ann"))) as run:
        assert (await run.events.until(ev.Identity)).user == "****"


async def test_bearer_of_a_token_has_no_name(nats_server: StartServer) -> None:
    server = nats_server(config="authorization { token: s3cr3t }")
    async with listening(settings(server.url, token=Secret("s3cr3t"))) as run:
        assert (await run.events.until(ev.Identity)).user == ""


@pytest.mark.parametrize("inquiries", [True, False])
async def test_only_inquiries_are_refused_in_the_log_of_a_strict_server(
    nats_server: StartServer, inquiries: bool
) -> None:
    allowed = 'permissions: { publish: "hello", subscribe: "hello" }'
    server = nats_server(config=f"authorization {{ users: [{{ user: ann, password: pw, {allowed} }}] }}")
    async with listening(as_ann(server, inquiries=inquiries)) as run:
        for _ in range(3):
            await run.events.until(ev.Echoed)
        while inquiries and "Violation" not in server.log.read_text():
            await run.events.until(ev.Rtt)
    assert inquiries or "Violation" not in server.log.read_text()
    assert not run.events.of(ev.AsyncError), "they are natsmon's own requests"
