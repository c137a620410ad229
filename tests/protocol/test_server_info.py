"""The first line of a peer: whatever it is, an Info or a DialError with its cause, and never a hang."""

import asyncio
import json
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from natsmon.dial.errors import DialError
from natsmon.dial.stream import STREAM_LIMIT
from natsmon.protocol.server_info import MAX_ANSWER, MAX_INFO, Info, parse_info, read_answer, read_info
from tests.harness.peer import HOST, Talk, info_line, playing
from tests.harness.time_limits import WAIT

GOOD = info_line(4222)


def fed(*pieces: bytes, ends: bool = True, error: Exception | None = None) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=STREAM_LIMIT)
    for piece in pieces:
        reader.feed_data(piece)
    if error is not None:
        reader.set_exception(error)
    elif ends:
        reader.feed_eof()
    return reader


async def refused(*pieces: bytes, ends: bool = True) -> DialError:
    with pytest.raises(DialError) as caught:
        await asyncio.wait_for(read_info(fed(*pieces, ends=ends)), WAIT)
    assert caught.value.stage == "info"
    return caught.value


async def test_info_is_read_and_no_byte_more() -> None:
    reader = fed(GOOD + b"PING\r\n")
    info, raw = await read_info(reader)
    assert (info.server_name, info.version, info.client_id, info.max_payload) == ("peer", "2.15.0", 1, 1048576)
    assert raw["go"] == "go1.25"
    assert await reader.read() == b"PING\r\n"


@pytest.mark.parametrize("line", [b"info {}\r\n", b"INFO\t{}\n", b"INFO   {}   \r\n", b'INFO {"cluster":null}\r\n'])
async def test_info_in_other_clothes(line: bytes) -> None:
    assert (await read_info(fed(line)))[0] == Info()


async def test_info_comes_in_pieces() -> None:
    reader = fed(ends=False)
    reading = asyncio.ensure_future(read_info(reader))
    for byte in GOOD:
        await asyncio.sleep(0)
        reader.feed_data(bytes([byte]))
    assert (await reading)[0].server_name == "peer"


@pytest.mark.parametrize(
    ("sent", "cause", "text"),
    [
        (b"", "eof", "closed before INFO"),
        (b"IN", "eof", "closed before INFO, after 'IN'"),
        (b'INFO {"server', "eof", "closed in the middle of INFO"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "http", "the peer speaks HTTP, not NATS"),
        (b"\x15\x03\x01\x00\x02\x02\x50", "tls_mismatch", "the peer sends TLS at once"),
        (b"\x16\x03\x01\x00\x02", "tls_mismatch", "the peer sends TLS at once"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "protocol", "the peer does not speak NATS: it sent 'SSH-2.0-OpenSSH_9.9'"),
        (b"\r\n\r\n\r\n", "protocol", "the peer does not speak NATS: it sent an empty line"),
        (b"INFOX{}\r\n", "protocol", "the peer does not speak NATS: it sent 'INFOX{}'"),
        (b"-ERR 'Maximum Connections Exceeded'\r\n", "limit", "Maximum Connections Exceeded"),
        (b"-ERR 'Connection Throttling Is Active'\r\n", "throttled", "Connection Throttling Is Active"),
        (b"-ERR 'out of cheese'\r\n", "server_refused", "out of cheese"),
        (b"-ERR max number of clients reached\r\n", "protocol", "max number of clients reached"),
        (b"-ERR [AUTH] no\r\n", "protocol", "[AUTH] no"),
        (b"\xef\xbb\xbf" + GOOD, "info_bad", "INFO comes after other bytes: '\\ufeffINFO {"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GOOD, "info_bad", "INFO comes after other bytes: 'PROXY TCP4"),
        (
            b"\xff\xfd\x18\xff\xfd\x20\r\n",
            "protocol",
            "the peer does not speak NATS: it sent '\\xff\\xfd\\x18\\xff\\xfd'",
        ),
        (b"-ERR\r\n", "protocol", ""),
        (b"INFO \r\n", "info_bad", "INFO is not JSON"),
        (b"INFO {server_id: x\r\n", "info_bad", "INFO is not JSON"),
        (b'INFO {"server_id":"\xff"}\r\n', "info_bad", "INFO is not JSON"),
        (b"INFO " + b"[" * 60_000 + b"\r\n", "info_bad", "INFO is not JSON"),
        (b"INFO [1, 2]\r\n", "info_bad", "INFO is not a JSON object: '[1, 2]'"),
        (b'INFO {"client_id":"x"}\r\n', "info_bad", "INFO is not valid"),
        (b'INFO {"connect_urls":[1]}\r\n', "info_bad", "INFO is not valid"),
        (b'INFO {"server_id":"\\ud800"}\r\n', "info_bad", "INFO is not JSON"),
        (b'INFO {"a":NaN}\r\n', "info_bad", "INFO is not JSON"),
        (b'INFO {"a":' + b"9" * 400 + b"}\r\n", "info_bad", "INFO is not JSON"),
        (b'INFO {"max_payload":1e99}\r\n', "info_bad", "INFO is not valid"),
    ],
)
async def test_bad_greeting_has_its_cause(sent: bytes, cause: str, text: str) -> None:
    error = await refused(sent)
    assert error.cause == cause
    assert error.text.startswith(text)


async def test_peer_that_stays_after_its_nonsense_is_not_waited_for() -> None:
    assert (await refused(b"HELLO", ends=False)).text == "the peer does not speak NATS: it sent 'HELLO'"


async def test_invalid_info_is_shown_clipped_and_escaped() -> None:
    error = await refused(b"\x1b[31m\xff" + b"A" * 500)
    assert error.text.isprintable()
    assert len(error.text) < 120


async def test_endless_info_is_bounded() -> None:
    assert (await refused(b'INFO {"a":"' + b"A" * 2 * STREAM_LIMIT, ends=False)).cause == "info_bad"


async def test_longest_info() -> None:
    filler = b'{"server_name":"%b"}\r\n'
    room = MAX_INFO - len(filler % b"")
    assert len((await read_info(fed(b"INFO " + filler % (b"A" * room))))[0].server_name) == room
    error = await refused(b"INFO " + filler % (b"A" * (room + 1)))
    assert (error.cause, error.text) == ("info_bad", f"INFO is longer than {MAX_INFO} bytes")


async def test_reset_is_left_to_the_caller() -> None:
    """It is a socket's error and no greeting; ``classify`` knows it."""
    with pytest.raises(ConnectionResetError):
        await read_info(fed(error=ConnectionResetError()))


# -- fuzz -------------------------------------------------------------------------------------------

mutations = st.lists(
    st.tuples(st.sampled_from(["replace", "insert", "delete"]), st.integers(0, len(GOOD) + 20), st.binary(max_size=6)),
    min_size=1,
    max_size=5,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def mutated(changes: list[tuple[str, int, bytes]]) -> bytes:
    line = GOOD
    for change, where, data in changes:
        end = where + len(data) if change != "insert" else where
        line = line[:where] + (b"" if change == "delete" else data) + line[end:]
    return line


def judged(*pieces: bytes) -> Info | DialError:
    async def judge() -> Info | DialError:
        try:
            info, raw = await asyncio.wait_for(read_info(fed(*pieces)), WAIT)
        except DialError as error:
            refusal = error
        else:
            json.dumps(raw).encode()  # nats-py gets it again
            return info
        assert refusal.stage == "info"
        assert refusal.cause
        refusal.text.encode()
        return refusal

    with asyncio.Runner() as runner:
        return runner.run(judge())


@given(st.binary(max_size=300))
@example_settings(deadline=None)
def test_fuzz_anything(sent: bytes) -> None:
    judged(sent)


@given(mutations)
@example_settings(deadline=None)
def test_fuzz_nearly_good(changes: list[tuple[str, int, bytes]]) -> None:
    judged(mutated(changes))


@given(st.binary(max_size=300).map(lambda body: b"INFO " + body + b"\r\n"))
@example_settings(deadline=None)
def test_fuzz_anything_as_info(line: bytes) -> None:
    judged(line)


@given(st.dictionaries(st.sampled_from(Info._fields), json_values, max_size=4))
def test_fuzz_any_json(fields: dict[str, Any]) -> None:
    body = json.dumps(fields).encode()
    try:
        info, _ = parse_info(body)
    except DialError as error:
        assert error.cause == "info_bad"  # noqa: PT017
    else:
        assert isinstance(info.client_id, int)
        assert all(isinstance(url, str) for url in info.connect_urls)


async def test_peer_that_asks_without_end_is_answered_no_faster_than_it_listens() -> None:
    """It listens not at all, so that answers must not pile up here."""

    async def script(talk: Talk) -> None:
        small(talk.writer, socket.SO_RCVBUF)
        await talk.info()
        while True:
            await talk.send(b"PING\r\n" * 10_000)

    async with playing(script) as peer:
        reader, writer = await asyncio.open_connection(HOST, peer.port)
        small(writer, socket.SO_SNDBUF)
        await read_info(reader)
        answering = asyncio.ensure_future(read_answer(reader, writer, [], until={b"PONG"}))
        done, _ = await asyncio.wait([answering], timeout=0.7)
        assert not done
        assert writer.transport.get_write_buffer_size() < 80_000, "64 KiB, and the one that was too much"
        answering.cancel()
        await asyncio.wait([answering])
        writer.transport.abort()


def small(writer: asyncio.StreamWriter, buffer: int) -> None:
    """The system keeps as little as it can of what is on its way, which would be megabytes."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, buffer, 1)


@pytest.mark.parametrize(
    "line",
    [
        b"INFO {}" + b" " * 100 + b"\r\n",
        b"PING" + b" " * 50 + b"\r\n",
        b"INFO " + b'{"a":"' + b"x" * 50_000 + b'"}\r\n',
    ],
    ids=["INFO", "PING", "long INFO"],
)
async def test_flood_before_pong_is_bounded_and_yields(line: bytes) -> None:
    """Without bounds, 800 MB of INFO were kept in two seconds; without a yield, a cancel waited for 656 ms."""
    turns = 0

    async def script(talk: Talk) -> None:
        piece = line * (64_000 // len(line) + 1)
        while True:
            await talk.send(piece)

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with playing(script) as peer:
        reader, writer = await asyncio.open_connection(HOST, peer.port, limit=STREAM_LIMIT)
        counting = asyncio.ensure_future(count_turns())
        early: list[bytes] = []
        with pytest.raises(DialError) as caught:
            await asyncio.wait_for(read_answer(reader, writer, early, until={b"PONG"}), WAIT)
        counting.cancel()
        writer.transport.abort()
    assert (caught.value.stage, caught.value.cause) == ("connect", "protocol")
    assert sum(map(len, early)) <= MAX_ANSWER
    assert turns >= MAX_ANSWER / len(line) / 64
