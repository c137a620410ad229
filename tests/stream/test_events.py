"""The vocabulary and its line codec."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natsmon.stream import events as ev
from tests.harness.vocabulary import COMMANDS, EVENTS, anything_of, made_of

GOLDEN: list[tuple[ev.AnyEvent, str]] = [
    (
        ev.Session(
            t=0.0,
            id="4f1c",
            started=1.5,
            versions={"natsmon": "1"},
            name="n",
            servers=["nats://a:4222"],
            subject="hello",
            size=5,
            interval=0.5,
            settings={"rate": ("2", "default")},
        ),
        '{"type":"session","t":0.0,"id":"4f1c","started":1.5,"versions":{"natsmon":"1"},"name":"n",'
        '"servers":["nats://a:4222"],"subject":"hello","size":5,"interval":0.5,"settings":{"rate":["2","default"]}}',
    ),
    (
        ev.StatusChanged(t=0.25, status="CONNECTING", previous="DISCONNECTED", cause="initial"),
        '{"type":"status","t":0.25,"status":"CONNECTING","previous":"DISCONNECTED","cause":"initial"}',
    ),
    (
        ev.DialStart(t=0.25, dial=1, attempt=1, round=1, server="nats://a:4222", why="initial", timeout=5.0),
        '{"type":"dial_start","t":0.25,"dial":1,"attempt":1,"round":1,"server":"nats://a:4222","why":"initial",'
        '"timeout":5.0}',
    ),
    (
        ev.DialStage(t=0.5, dial=1, stage="tcp", outcome="complete", address="127.0.0.1:4222", elapsed=0.25),
        '{"type":"dial_stage","t":0.5,"dial":1,"stage":"tcp","outcome":"complete","address":"127.0.0.1:4222",'
        '"elapsed":0.25}',
    ),
    (
        ev.DialTls(t=0.5, dial=1, version="TLSv1.3", server_name="a", chain=[ev.Certificate(subject="a")]),
        '{"type":"dial_tls","t":0.5,"dial":1,"version":"TLSv1.3","server_name":"a","chain":[{"subject":"a"}]}',
    ),
    (
        ev.DialInfo(t=0.5, dial=1, info={"server_name": "a", "x": [1, None]}),
        '{"type":"dial_info","t":0.5,"dial":1,"info":{"server_name":"a","x":[1,null]}}',
    ),
    (
        ev.DialConnect(t=0.5, dial=1, connect={"pass": "****"}, credentials="user (flag --user)"),
        '{"type":"dial_connect","t":0.5,"dial":1,"connect":{"pass":"****"},"credentials":"user (flag --user)"}',
    ),
    (
        ev.DialEnd(
            t=0.5, dial=1, outcome="failed", stage="tcp", cause="refused", text="no", total=0.25, stages={"tcp": 0.25}
        ),
        '{"type":"dial_end","t":0.5,"dial":1,"outcome":"failed","stage":"tcp","cause":"refused","text":"no",'
        '"total":0.25,"stages":{"tcp":0.25}}',
    ),
    (
        ev.DialFinding(t=0.75, dial=1, cause="http", text="it speaks HTTP"),
        '{"type":"dial_finding","t":0.75,"dial":1,"cause":"http","text":"it speaks HTTP"}',
    ),
    (
        ev.Waiting(t=1.0, delay=2.5, base=2.0, jitter=0.5, until=3.5, server="nats://a:4222"),
        '{"type":"waiting","t":1.0,"delay":2.5,"base":2.0,"jitter":0.5,"until":3.5,"server":"nats://a:4222"}',
    ),
    (
        ev.Connected(t=4.0, server="nats://a:4222", server_name="a", version="2.15.0", cid=7, max_payload=1024),
        '{"type":"connected","t":4.0,"server":"nats://a:4222","server_name":"a","version":"2.15.0","cid":7,'
        '"max_payload":1024}',
    ),
    (ev.Account(t=4.0, account="A", system=True), '{"type":"account","t":4.0,"account":"A","system":true}'),
    (
        ev.UserInfo(t=4.0, user="u", account="A", publish_allow=["a.>"], expires=9.5),
        '{"type":"user_info","t":4.0,"user":"u","account":"A","publish_allow":["a.>"],"expires":9.5}',
    ),
    (
        ev.Disconnected(t=5.0, cause="eof", text="closed by the server", server="nats://a:4222"),
        '{"type":"disconnected","t":5.0,"cause":"eof","text":"closed by the server","server":"nats://a:4222"}',
    ),
    (
        ev.Reconnected(t=6.0, before="nats://a:4222", after="nats://b:4222", downtime=1.0, attempts=2),
        '{"type":"reconnected","t":6.0,"before":"nats://a:4222","after":"nats://b:4222","downtime":1.0,"attempts":2}',
    ),
    (
        ev.Published(t=6.5, seq=3, fate="buffered", size=5, subject="hello"),
        '{"type":"published","t":6.5,"seq":3,"fate":"buffered","size":5,"subject":"hello"}',
    ),
    (ev.Published(t=6.5, seq=4), '{"type":"published","t":6.5,"seq":4}'),
    (ev.Echoed(t=6.5, seq=3, latency=0.125), '{"type":"echoed","t":6.5,"seq":3,"latency":0.125}'),
    (
        ev.Tally(t=7.0, attempted=9, sent=8, rejected=1, echoed=7, lost=1, latency=(0.1, 0.2, 0.3, 0.4)),
        '{"type":"tally","t":7.0,"attempted":9,"sent":8,"rejected":1,"echoed":7,"lost":1,"latency":[0.1,0.2,0.3,0.4]}',
    ),
    (ev.Rtt(t=7.0, seconds=0.001), '{"type":"rtt","t":7.0,"seconds":0.001}'),
    (ev.Rtt(t=7.0, seconds=2.5, omitted=2), '{"type":"rtt","t":7.0,"seconds":2.5,"omitted":2}'),
    (
        ev.Outage(t=7.0, began=5.0, ended=6.0, cause="eof", before="nats://a:4222", dials=2, buffered=1, lost=1),
        '{"type":"outage","t":7.0,"began":5.0,"ended":6.0,"cause":"eof","before":"nats://a:4222","dials":2,'
        '"buffered":1,"lost":1}',
    ),
    (
        ev.CloseReason(t=7.0, began=5.0, reason="Kicked", cause="kicked", cid=7, server="nats://a:4222", stop=9.5),
        '{"type":"close_reason","t":7.0,"began":5.0,"reason":"Kicked","cause":"kicked","cid":7,'
        '"server":"nats://a:4222","stop":9.5}',
    ),
    (
        ev.Pool(t=7.0, members=[ev.PoolMember(server="nats://a:4222", discovered=True, failures=1, left=2)]),
        '{"type":"pool","t":7.0,"members":[{"server":"nats://a:4222","discovered":true,"failures":1,"left":2}]}',
    ),
    (ev.Subscribed(t=7.0, subject="hello"), '{"type":"subscribed","t":7.0,"subject":"hello"}'),
    (ev.FirstEcho(t=7.0, seq=9, latency=0.5), '{"type":"first_echo","t":7.0,"seq":9,"latency":0.5}'),
    (ev.Blind(t=7.0, why="permissions"), '{"type":"blind","t":7.0,"why":"permissions"}'),
    (
        ev.Keepalive(t=7.0, interval=120.0, max_out=2, outstanding=1, stale_at=360.0),
        '{"type":"keepalive","t":7.0,"interval":120.0,"max_out":2,"outstanding":1,"stale_at":360.0}',
    ),
    (
        ev.Silent(t=7.0, since=5.0, missed=2, server="nats://a:4222"),
        '{"type":"silent","t":7.0,"since":5.0,"missed":2,"server":"nats://a:4222"}',
    ),
    (ev.Heard(t=7.0, silence=2.5), '{"type":"heard","t":7.0,"silence":2.5}'),
    (
        ev.ReadBack(t=7.0, stream="ORDERS", acknowledged=9, stored=8, missing=1, complete=False, text="gone"),
        '{"type":"read_back","t":7.0,"stream":"ORDERS","acknowledged":9,"stored":8,"missing":1,"complete":false,'
        '"text":"gone"}',
    ),
    (
        ev.Observed(t=7.0, messages=9, bytes=45, publishers=1, missing=1),
        '{"type":"observed","t":7.0,"messages":9,"bytes":45,"publishers":1,"missing":1}',
    ),
    (
        ev.Tally(t=7.0, attempted=9, sent=9, echoed=9, resent=1, suppressed=1, latencies=[(310, 8), (420, 1)]),
        '{"type":"tally","t":7.0,"attempted":9,"sent":9,"echoed":9,"resent":1,"suppressed":1,'
        '"latencies":[[310,8],[420,1]]}',
    ),
    (
        ev.Outage(t=7.0, began=5.0, ended=6.0, cause="eof", lost=3, late=1, servers=2, lost_seqs=[(4, 5), (9, 9)]),
        '{"type":"outage","t":7.0,"began":5.0,"ended":6.0,"cause":"eof","lost":3,"late":1,"servers":2,'
        '"lost_seqs":[[4,5],[9,9]]}',
    ),
    (ev.Discovered(t=7.0, servers=["nats://c:4222"]), '{"type":"discovered","t":7.0,"servers":["nats://c:4222"]}'),
    (
        ev.DialFinding(t=7.0, dial=1, cause="http", text="it speaks HTTP"),
        '{"type":"dial_finding","t":7.0,"dial":1,"cause":"http","text":"it speaks HTTP"}',
    ),
    (ev.Account(t=7.0, account="$G", system=True), '{"type":"account","t":7.0,"account":"$G","system":true}'),
    (
        ev.UserInfo(t=7.0, user="joe", account="A", publish_deny=["hello"], expires=1.5),
        '{"type":"user_info","t":7.0,"user":"joe","account":"A","publish_deny":["hello"],"expires":1.5}',
    ),
    (
        ev.CloseReason(t=7.0, began=5.0, reason="Stale Connection", cid=7),
        '{"type":"close_reason","t":7.0,"began":5.0,"reason":"Stale Connection","cid":7}',
    ),
    (
        ev.Pool(t=7.0, members=[ev.PoolMember(server="nats://a:4222", failures=1, left=2)]),
        '{"type":"pool","t":7.0,"members":[{"server":"nats://a:4222","failures":1,"left":2}]}',
    ),
    (ev.LameDuck(t=7.0, server="nats://a:4222"), '{"type":"lame_duck","t":7.0,"server":"nats://a:4222"}'),
    (ev.AsyncError(t=7.0, text="é\x1b"), '{"type":"async_error","t":7.0,"text":"é\\u001b"}'),
    (ev.Paused(t=7.0), '{"type":"paused","t":7.0}'),
    (ev.Resumed(t=7.0, conn=2), '{"type":"resumed","t":7.0,"conn":2}'),
    (ev.Drained(t=8.0, complete=False, seconds=5.0), '{"type":"drained","t":8.0,"complete":false,"seconds":5.0}'),
    (ev.Closed(t=8.0, cause="drained"), '{"type":"closed","t":8.0,"cause":"drained"}'),
    (ev.Ignored(t=8.0, command="drain", why="closed"), '{"type":"ignored","t":8.0,"command":"drain","why":"closed"}'),
    (ev.Gap(t=8.0, events=12), '{"type":"gap","t":8.0,"events":12}'),
    (
        ev.Note(t=8.0, text="the probe died", kind="bad"),
        '{"type":"note","t":8.0,"text":"the probe died","kind":"bad"}',
    ),
    (
        ev.Snapshot(t=8.0, state={"paused": True}, log=[ev.LogLine(at=1.5, text="hello", message=True)]),
        '{"type":"snapshot","t":8.0,"state":{"paused":true},"log":[{"at":1.5,"text":"hello","message":true}]}',
    ),
    (ev.End(t=8.0, exit_code=0, why="count"), '{"type":"end","t":8.0,"exit_code":0,"why":"count"}'),
]


@pytest.mark.parametrize(("event", "line"), GOLDEN, ids=[type(event).__name__ for event, _ in GOLDEN])
def test_golden_line(event: ev.AnyEvent, line: str) -> None:
    """A recording made by this version must be readable for ever: change these lines only with ``SCHEMA``."""
    assert ev.encode(event).decode() == line + "\n"
    assert ev.decode_event(line.encode()) == event


def test_every_event_has_a_golden_line() -> None:
    assert {type(event) for event, _ in GOLDEN} == set(EVENTS) == set(ev.Event.__subclasses__())


def test_every_command_has_its_word() -> None:
    words = ["cancel", "reconnect", "next_server", "pause", "resume", "publish", "drain", "close"]
    assert [ev.encode(command()) for command in COMMANDS] == [f'{{"type":"{word}"}}\n'.encode() for word in words]
    assert set(COMMANDS) == set(ev.Command.__subclasses__())


@given(st.one_of([made_of(cls, anything_of) for cls in EVENTS]))
def test_events_survive_the_codec(event: ev.AnyEvent) -> None:
    line = ev.encode(event)
    assert line.count(b"\n") == 1
    assert line.startswith(b'{"type":"')
    assert ev.decode_event(line) == event


@given(st.one_of([made_of(cls, anything_of) for cls in COMMANDS]))
def test_commands_survive_the_codec(command: ev.AnyCommand) -> None:
    assert ev.decode_command(ev.encode(command)) == command


def test_conn_0_is_left_out() -> None:
    assert b"conn" not in ev.encode(ev.Paused(t=1.0, conn=0))
    event = ev.decode_event(b'{"type":"paused","t":1,"conn":3}')
    assert event is not None
    assert event.conn == 3


@pytest.mark.parametrize("line", [b'{"type":"telepathy","t":1}', b'{"t":1,"type":"x"}', b'{"type":""}'])
def test_unknown_type_is_none(line: bytes) -> None:
    assert ev.decode_event(line) is None


def test_unknown_field_is_ignored() -> None:
    line = b'{"type":"rtt","t":1.0,"seconds":0.5,"colour":"blue","of":{"what":[1,2]}}'
    assert ev.decode_event(line) == ev.Rtt(t=1.0, seconds=0.5)
    assert ev.decode_command(b'{"type":"pause","for":"lunch"}') == ev.Pause()


def test_type_need_not_come_first() -> None:
    assert ev.decode_event(b'{"seconds":0.5,"t":1,"type":"rtt"}\r\n') == ev.Rtt(t=1.0, seconds=0.5)


GARBAGE = [
    b"",
    b"\n",
    b"hello",
    b'{"type":"rtt","t":1.0,"sec',
    b'{"type":"rtt","t":1.0}',
    b'{"type":"rtt","t":"soon","seconds":1}',
    b'{"type":"rtt","t":NaN,"seconds":1}',
    b'{"type":"rtt","t":1e999,"seconds":1}',
    b'{"type":"rtt","t":1,"seconds":1} {}',
    b'{"type":7,"t":1}',
    b'{"t":1}',
    b"[]",
    b"null",
    b'{"type":"async_error","t":1,"text":"\xff"}',
    b'{"type":"\xff"}',
    b'{"type":"async_error","t":1,"text":"\\ud800"}',
    b'{"type":"x","y":' + b"[" * 100_000,
    b"[" * 100_000,
]


@pytest.mark.parametrize("line", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_raises_one_kind_of_error(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        ev.decode_event(line)
    with pytest.raises(msgspec.DecodeError):
        ev.decode_command(line)


def test_unknown_command_raises_with_the_reason() -> None:
    with pytest.raises(msgspec.DecodeError, match="dance"):
        ev.decode_command(b'{"type":"dance"}')


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_none_or_a_decode_error(line: bytes) -> None:
    for decode in (ev.decode_event, ev.decode_command):
        with suppress(msgspec.DecodeError):
            decode(line)


@given(st.one_of([made_of(cls, anything_of) for cls in EVENTS]), st.data())
def test_any_cut_line_raises(event: ev.AnyEvent, data: Any) -> None:
    line = ev.encode(event)[:-1]
    cut = line[: data.draw(st.integers(0, len(line) - 1))]
    with pytest.raises(msgspec.DecodeError):
        ev.decode_event(cut)


def test_what_acts_on_a_terminal_is_escaped_and_says_the_same() -> None:
    name = "\x9b2J\u202e\u2028 ä"
    line = ev.encode(ev.Connected(t=0.0, server="s", server_name=name))
    assert b"\\u009b2J\\u202e\\u2028 \xc3\xa4" in line
    decoded = ev.decode_event(line)
    assert isinstance(decoded, ev.Connected)
    assert decoded.server_name == name
