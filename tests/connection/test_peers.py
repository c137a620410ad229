"""Peers that misbehave, before PONG and after it."""

import pytest

from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from tests.connection.life import connected, url
from tests.harness import peers
from tests.harness.listening import listening, settings
from tests.harness.peer import Peering, Talk, playing
from tests.harness.time_limits import FOREVER, GROWING, IN_TIME


@pytest.mark.parametrize(
    ("peering", "stage", "cause"),
    [
        (peers.close_at_once(), None, "eof"),
        (peers.close_at_once(reset=True), None, "reset"),
        (peers.silent(), "info", "timeout"),
        (peers.http_400(), "info", "http"),
        (peers.garbage(), "info", "protocol"),
        (peers.endless_line(), "info", "info_bad"),
        (peers.slow_info(), "info", "timeout"),
        (peers.info_then_close(), "connect", "eof|reset"),
        (peers.info_then_silent(), "connect", "timeout"),
        (peers.info_not_json(), "info", "info_bad"),
        (peers.info_not_object(), "info", "info_bad"),
        (peers.err_after_connect(), "connect", "auth|auth_missing"),
        (peers.err_after_connect("Maximum Connections Exceeded"), "connect", "limit"),
        (peers.err_after_connect("out of cheese"), "connect", "server_refused"),
    ],
    ids=[
        "close", "reset", "silent", "http", "garbage", "endless", "slow", "info-close", "info-silent",
        "info-not-json", "info-not-object", "auth", "limit", "err",
    ],
)  # fmt: skip
async def test_bad_peer_ends_the_attempt_in_time(peering: Peering, stage: str | None, cause: str) -> None:
    async with peering as peer:
        for timeout in GROWING if cause == "timeout" else (FOREVER,):
            wanted = settings(peer.url, connect_timeout=timeout, retry_on_failed_connect=False)
            async with listening(wanted, stay=False) as run:
                assert await run.ended() == Exit.GAVE_UP
            (end,) = run.events.of(ev.DialEnd)
            if stage in (None, end.stage):
                break
        assert end.cause in cause.split("|")
        assert end.outcome == ("timeout" if cause == "timeout" else "failed")
        assert stage in (None, end.stage)
        assert end.text
        assert end.total < timeout + IN_TIME
        await peer.until_left()


def talking(*lines: bytes) -> Peering:
    """INFO, then these instead of PONG."""

    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"PING")
        for sent in lines:
            await talk.send(sent)
        await talk.until_closed()

    return playing(script)


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (b"INFO {not json\r\n", "info_bad"),
        (b"INFO []\r\n", "info_bad"),
        (b"MSG hello 1 5\r\nworld\r\n", "protocol"),
        (b"\x00\xff\r\n", "protocol"),
        (b"\r\n", "protocol"),
        (b"P" * 200_000, "protocol"),
        (b"-ERR\r\n", "server_refused"),
    ],
    ids=range(7),
)
async def test_bad_word_instead_of_pong(sent: bytes, cause: str) -> None:
    async with talking(sent) as peer:
        wanted = settings(peer.url, connect_timeout=FOREVER, retry_on_failed_connect=False)
        async with listening(wanted, stay=False) as run:
            assert await run.ended() == Exit.GAVE_UP
            (end,) = run.events.of(ev.DialEnd)
            assert (end.outcome, end.stage, end.cause) == ("failed", "connect", cause)
            await peer.until_left()


@pytest.mark.parametrize("sent", [b"+OK\r\nPING\r\n+OK\r\nPONG\r\n", b'INFO {"ldm":true}\r\nPONG\r\n', b"pong\r\n"])
async def test_odd_but_good_word_before_pong(sent: bytes) -> None:
    async with talking(sent) as peer, listening(settings(peer.url, drain_timeout=0.05)) as run:
        await connected(run)
        if b"ldm" in sent:
            await run.events.until(ev.LameDuck)


async def test_ping_before_pong_is_answered() -> None:
    async with peers.ping_before_pong() as peer, listening(settings(peer.url)) as run:
        await connected(run)


@pytest.mark.parametrize(
    ("peering", "causes"),
    [
        (peers.pong_then_garbage(held=True), {"protocol"}),
        (peers.pong_then_bad_info(held=True), {"protocol", "info_bad"}),
        (peers.stale(held=True), {"stale_client"}),
    ],
    ids=["garbage", "bad-info", "stale"],
)
async def test_peer_that_turns_bad_is_left_and_dialed_again(peering: Peering, causes: set[str]) -> None:
    async with peering as peer, listening(settings(peer.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        peer.release()
        lost = await run.events.until(ev.Disconnected)
        assert lost.cause in causes
        assert lost.text
        assert (await run.events.until(ev.DialStart)).reason == "reconnect"
        assert (await run.events.until(ev.DialEnd)).outcome == "connected"


@pytest.mark.parametrize(
    "sent",
    [
        b"MSG\r\n",
        b"MSG hello 1 -5\r\n",
        b"MSG hello 1 99999999999999999999\r\n",
        b"HMSG hello 1 12 5\r\nNATS/1.0\r\n\r\n\r\n",
        b"MSG hello x 5\r\nworld\r\n",
        b"INFO {}{}\r\n",
        b"A" * 300_000,
        b"-ERR 'out of cheese'\r\n",
        b"-ERR\r\n",
    ],
    ids=range(9),
)
async def test_nonsense_on_an_open_connection_ends_it(sent: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.handshake()
        await talk.released(True)
        await talk.send(sent)
        await talk.until_closed()

    async with playing(script) as peer, listening(settings(peer.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        peer.release()
        assert (await run.events.until(ev.Disconnected)).cause in ("protocol", "info_bad", "server_refused")


async def test_permission_violation_leaves_the_connection_open() -> None:
    async def script(talk: Talk) -> None:
        await talk.handshake()
        await talk.send(b"-ERR 'Permissions Violation for Publish to \"hello\"'\r\n")
        while line := await talk.line():
            if line.startswith(b"PING"):
                await talk.send(b"PONG\r\n")

    async with playing(script) as peer, listening(settings(peer.url)) as run:
        await connected(run)
        assert "hello" in (await run.events.until(ev.AsyncError)).text
        await run.events.until(ev.Rtt)
        assert not run.events.of(ev.Disconnected)


async def test_hostile_names_arrive_as_data() -> None:
    async with peers.info_with_hostile_names() as peer, listening(settings(peer.url)) as run:
        event = await connected(run)
        assert event.server_name == event.cluster == event.version == event.server_id == peers.HOSTILE
        await run.events.until(ev.Echoed)
    for event in run.events.seen:
        line = codec.encode(event)
        assert line.count(b"\n") == 1
        assert b"\x1b" not in line
        assert codec.decode_event(line) == event


async def test_hostile_addresses_do_not_join_the_pool() -> None:
    urls = [peers.HOSTILE, "", "a b:1", "h:99999999", "127.0.0.1:4999", "nats://x:1", ":1", "[", "\ud800:1"]
    async with peers.correct(connect_urls=urls) as peer, listening(settings(peer.url)) as run:
        end = await run.events.until(ev.DialEnd)
        if end.outcome == "connected":
            assert (await run.events.until(ev.Discovered)).servers == [url(4999)]
        else:
            assert end.cause == "info_bad"


async def test_credentials_and_name_reach_the_server() -> None:
    async with peers.correct() as peer, listening(settings(peer.url, name="my monitor")) as run:
        await connected(run)
        (options,) = peer.connect_options
        assert options["name"] == "my monitor"
        assert options["headers"]
