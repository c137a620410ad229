"""Events, commands and their codec."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from tests.harness.vocabulary import COMMANDS, EVENTS, anything_of, made_of

SETTINGS = Settings(user=Secret("me"), password=Secret("hunter2"), context="west")
GOLDEN: list[tuple[ev.AnyEvent, str]] = [
    (
        ev.Session(t=0.0, id="4f1c", started=1.5, versions={"natsmon": "1"}),
        '{"type":"session","t":0.0,"id":"4f1c","started":1.5,"versions":{"natsmon":"1"}}',
    ),
    (ev.Clock(t=3.0, wall=9.5, suspended=4.0), '{"type":"clock","t":3.0,"wall":9.5,"suspended":4.0}'),
    (ev.Alive(t=3.0), '{"type":"alive","t":3.0}'),
    (
        ev.Note(t=8.0, text="the monitor stopped", kind="bad"),
        '{"type":"note","t":8.0,"text":"the monitor stopped","kind":"bad"}',
    ),
    (ev.End(t=8.0, exit_code=0, reason="count"), '{"type":"end","t":8.0,"exit_code":0,"reason":"count"}'),
    (ev.Gap(t=8.0, conn=1, dropped={"echoed": 12}), '{"type":"gap","t":8.0,"conn":1,"dropped":{"echoed":12}}'),
    (
        ev.Answer(t=8.0, id="7", command="drain", outcome="ignored", reason="closed: reconnect starts again"),
        '{"type":"answer","t":8.0,"id":"7","command":"drain","outcome":"ignored",'
        '"reason":"closed: reconnect starts again"}',
    ),
    (
        ev.Connection(
            t=0.0,
            name="n",
            context="c",
            servers=["nats://a:4222"],
            subject="hello",
            size=5,
            interval=0.5,
            verification="ack",
            stream="ORDERS",
            max_reconnects=60,
            settings={"rate": ("2", "default")},
        ),
        '{"type":"connection","t":0.0,"name":"n","context":"c","servers":["nats://a:4222"],"subject":"hello",'
        '"size":5,"interval":0.5,"verification":"ack","stream":"ORDERS","max_reconnects":60,"settings":{"rate":["2",'
        '"default"]}}',
    ),
    (
        ev.Connection(t=9.0, conn=1, replaces=0, subject="orders.>", observing=True),
        '{"type":"connection","t":9.0,"conn":1,"replaces":0,"subject":"orders.>","observing":true}',
    ),
    (
        ev.StatusChanged(t=0.25, status="CONNECTING", previous="DISCONNECTED", cause="initial"),
        '{"type":"status","t":0.25,"status":"CONNECTING","previous":"DISCONNECTED","cause":"initial"}',
    ),
    (
        ev.DialStart(t=0.25, dial=1, attempt=1, server="nats://a:4222", reason="initial", timeout=5.0),
        '{"type":"dial_start","t":0.25,"dial":1,"attempt":1,"server":"nats://a:4222","reason":"initial","timeout":5.0}',
    ),
    (
        ev.DialStart(t=0.25, dial=2, attempt=2, pool_pass=2, server="nats://a:4222", reason="manual", discovered=True),
        '{"type":"dial_start","t":0.25,"dial":2,"attempt":2,"pool_pass":2,"server":"nats://a:4222","reason":"manual",'
        '"discovered":true}',
    ),
    (
        ev.DialStage(t=0.5, dial=1, stage="tcp", outcome="complete", address="127.0.0.1:4222", elapsed=0.25),
        '{"type":"dial_stage","t":0.5,"dial":1,"stage":"tcp","outcome":"complete","address":"127.0.0.1:4222",'
        '"elapsed":0.25}',
    ),
    (
        ev.DialTls(
            t=0.5, dial=1, version="TLSv1.3", server_name="a", chain=[ev.Certificate(subject="a")], trusted=False
        ),
        '{"type":"dial_tls","t":0.5,"dial":1,"version":"TLSv1.3","server_name":"a","chain":[{"subject":"a"}],'
        '"trusted":false}',
    ),
    (
        ev.DialInfo(t=0.5, dial=1, info={"server_name": "a", "x": [1, None]}, omitted={"connect_urls": 9}),
        '{"type":"dial_info","t":0.5,"dial":1,"info":{"server_name":"a","x":[1,null]},"omitted":{"connect_urls":9}}',
    ),
    (
        ev.DialConnect(t=0.5, dial=1, connect={"pass": "****"}, credentials="user (flag --user)", expires=9.5),
        '{"type":"dial_connect","t":0.5,"dial":1,"connect":{"pass":"****"},"credentials":"user (flag --user)",'
        '"expires":9.5}',
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
    (ev.Subscribed(t=7.0, subject="hello"), '{"type":"subscribed","t":7.0,"subject":"hello"}'),
    (ev.FirstEcho(t=7.0, seq=9, latency=0.5), '{"type":"first_echo","t":7.0,"seq":9,"latency":0.5}'),
    (ev.Unverified(t=7.0, reason="permissions"), '{"type":"unverified","t":7.0,"reason":"permissions"}'),
    (ev.Verified(t=7.0), '{"type":"verified","t":7.0}'),
    (
        ev.Keepalive(t=7.0, interval=120.0, max_out=2, outstanding=1, stale_at=360.0),
        '{"type":"keepalive","t":7.0,"interval":120.0,"max_out":2,"outstanding":1,"stale_at":360.0}',
    ),
    (
        ev.Silent(t=7.0, since=5.0, missed=2, server="nats://a:4222"),
        '{"type":"silent","t":7.0,"since":5.0,"missed":2,"server":"nats://a:4222"}',
    ),
    (ev.SilenceEnded(t=7.0, seconds=2.5), '{"type":"silence_ended","t":7.0,"seconds":2.5}'),
    (
        ev.Identity(t=4.0, user="u", account="A", publish_allow=["a.>"], omitted={"publish_allow": 3}, expires=9.5),
        '{"type":"identity","t":4.0,"user":"u","account":"A","publish_allow":["a.>"],"omitted":{"publish_allow":3},'
        '"expires":9.5}',
    ),
    (
        ev.Disconnected(t=5.0, outage=1, cause="eof", text="the server closed the connection", server="nats://a:4222"),
        '{"type":"disconnected","t":5.0,"outage":1,"cause":"eof","text":"the server closed the connection",'
        '"server":"nats://a:4222"}',
    ),
    (
        ev.Disconnected(t=5.0, outage=2, cause="manual", manual=True),
        '{"type":"disconnected","t":5.0,"outage":2,"cause":"manual","manual":true}',
    ),
    (
        ev.Reconnected(t=6.0, outage=1, before="nats://a:4222", after="nats://b:4222", downtime=1.0, attempts=2),
        '{"type":"reconnected","t":6.0,"outage":1,"before":"nats://a:4222","after":"nats://b:4222","downtime":1.0,'
        '"attempts":2}',
    ),
    (
        ev.Published(t=6.5, seq=3, outcome="buffered", size=5, subject="hello"),
        '{"type":"published","t":6.5,"seq":3,"outcome":"buffered","size":5,"subject":"hello"}',
    ),
    (ev.Published(t=6.5, seq=4), '{"type":"published","t":6.5,"seq":4}'),
    (ev.Echoed(t=6.5, seq=3, latency=0.125), '{"type":"echoed","t":6.5,"seq":3,"latency":0.125}'),
    (
        ev.Tally(t=7.0, attempted=9, sent=8, rejected=1, delivered=7, lost=1),
        '{"type":"tally","t":7.0,"attempted":9,"sent":8,"rejected":1,"delivered":7,"lost":1}',
    ),
    (
        ev.Tally(t=7.0, attempted=9, sent=9, delivered=7, undelivered=1, unverified=1, resent=1, suppressed=1),
        '{"type":"tally","t":7.0,"attempted":9,"sent":9,"delivered":7,"undelivered":1,"unverified":1,"resent":1,'
        '"suppressed":1}',
    ),
    (
        ev.Latencies(t=7.0, kind="echo", counts=[(310, 8), (420, 1)], longest=0.00042),
        '{"type":"latencies","t":7.0,"kind":"echo","counts":[[310,8],[420,1]],"longest":0.00042}',
    ),
    (ev.Rtt(t=7.0, seconds=0.001), '{"type":"rtt","t":7.0,"seconds":0.001}'),
    (
        ev.Rtt(t=7.0, seconds=2.5, omitted=2, interval=1.0),
        '{"type":"rtt","t":7.0,"seconds":2.5,"omitted":2,"interval":1.0}',
    ),
    (
        ev.Outage(
            t=7.0, outage=1, began=5.0, ended=6.0, cause="eof", before="nats://a:4222", dials=2, buffered=1, lost=1
        ),
        '{"type":"outage","t":7.0,"outage":1,"began":5.0,"ended":6.0,"cause":"eof","before":"nats://a:4222",'
        '"dials":2,"buffered":1,"lost":1}',
    ),
    (
        ev.Outage(
            t=7.0,
            outage=2,
            began=5.0,
            ended=6.0,
            cause="manual",
            manual=True,
            lost=3,
            late=1,
            unverified=4,
            servers=2,
            lost_seqs=[(4, 5), (9, 9)],
        ),
        '{"type":"outage","t":7.0,"outage":2,"began":5.0,"ended":6.0,"cause":"manual","manual":true,"lost":3,'
        '"unverified":4,"late":1,"servers":2,"lost_seqs":[[4,5],[9,9]]}',
    ),
    (
        ev.CloseReason(t=7.0, outage=1, reason="Kicked", cause="kicked", cid=7, server="nats://a:4222", stop=9.5),
        '{"type":"close_reason","t":7.0,"outage":1,"reason":"Kicked","cause":"kicked","cid":7,'
        '"server":"nats://a:4222","stop":9.5}',
    ),
    (
        ev.Audit(t=7.0, stream="ORDERS", acknowledged=9, stored=8, missing=1, complete=False, text="gone"),
        '{"type":"audit","t":7.0,"stream":"ORDERS","acknowledged":9,"stored":8,"missing":1,"complete":false,'
        '"text":"gone"}',
    ),
    (
        ev.Observed(t=7.0, messages=9, bytes=45, publishers=1, missing=1),
        '{"type":"observed","t":7.0,"messages":9,"bytes":45,"publishers":1,"missing":1}',
    ),
    (
        ev.Pool(
            t=7.0,
            changed=[ev.PoolMember(server="nats://a:4222", failures=1, attempts_left=2)],
            removed=["nats://b:4222"],
            size=3,
        ),
        '{"type":"pool","t":7.0,"changed":[{"server":"nats://a:4222","failures":1,"attempts_left":2}],'
        '"removed":["nats://b:4222"],"size":3}',
    ),
    (
        ev.Discovered(t=7.0, servers=["nats://c:4222"], omitted=2),
        '{"type":"discovered","t":7.0,"servers":["nats://c:4222"],"omitted":2}',
    ),
    (ev.LameDuck(t=7.0, server="nats://a:4222"), '{"type":"lame_duck","t":7.0,"server":"nats://a:4222"}'),
    (ev.AsyncError(t=7.0, text="é\x1b"), '{"type":"async_error","t":7.0,"text":"é\\u001b"}'),
    (
        ev.SettingFailed(t=7.0, setting="monitor", text="x"),
        '{"type":"setting_failed","t":7.0,"setting":"monitor","text":"x"}',
    ),
    (ev.Paused(t=7.0), '{"type":"paused","t":7.0}'),
    (ev.Resumed(t=7.0, conn=2), '{"type":"resumed","t":7.0,"conn":2}'),
    (ev.Drained(t=8.0, complete=False, seconds=5.0), '{"type":"drained","t":8.0,"complete":false,"seconds":5.0}'),
    (ev.Closed(t=8.0, cause="drained"), '{"type":"closed","t":8.0,"cause":"drained"}'),
    (
        ev.Part(t=0.0, recording="9b2e", number=2, repeated=57),
        '{"type":"part","t":0.0,"recording":"9b2e","number":2,"repeated":57}',
    ),
    (ev.Snapshot(t=8.0, section="paused", value=True), '{"type":"snapshot","t":8.0,"section":"paused","value":true}'),
    (ev.SnapshotEnd(t=8.0), '{"type":"snapshot_end","t":8.0}'),
]


@pytest.mark.parametrize(("event", "line"), GOLDEN, ids=[type(event).__name__ for event, _ in GOLDEN])
def test_golden_line(event: ev.AnyEvent, line: str) -> None:
    """Recordings of this schema stay readable: after the first release, change these lines only with ``SCHEMA``."""
    assert codec.encode(event).decode() == line + "\n"
    assert codec.decode_event(line.encode()) == event


def test_every_event_has_a_golden_line() -> None:
    subclasses = {*ev.Event.__subclasses__(), *ev.SessionEvent.__subclasses__()} - {ev.SessionEvent}
    assert {type(event) for event, _ in GOLDEN} == set(EVENTS) == subclasses


def test_every_command_has_its_name() -> None:
    names = ["cancel", "reconnect", "next_server", "pause", "resume", "publish", "drain", "close", "open"]
    assert [command.__struct_config__.tag for command in COMMANDS] == names
    assert set(COMMANDS) == set(commands.Command.__subclasses__())


@given(st.one_of([made_of(cls, anything_of) for cls in EVENTS]))
def test_events_survive_the_codec(event: ev.AnyEvent) -> None:
    line = codec.encode(event)
    assert line.count(b"\n") == 1
    assert line.startswith(b'{"type":"')
    assert codec.decode_event(line) == event


@given(st.one_of([made_of(cls, anything_of, settings=st.just(SETTINGS)) for cls in COMMANDS]))
def test_commands_survive_the_codec(command: commands.AnyCommand) -> None:
    assert codec.decode_command(codec.encode_command(command)) == command


def test_secrets_of_settings_are_in_the_line_of_a_command_alone() -> None:
    command = commands.Open(id="1", conn=0, settings=SETTINGS)
    assert b"hunter2" in codec.encode_command(command)
    assert "hunter2" not in repr(command) + str(command)
    with pytest.raises(TypeError):
        codec.encode(command)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", ['{"servers":[]}', '{"password":5}', '{"rate":', '{"interval":"hunter2"}', "7"])
def test_settings_that_cannot_be_used_are_one_line_without_a_value(settings: str) -> None:
    with pytest.raises(msgspec.DecodeError) as refused:
        codec.decode_command(f'{{"type":"open","settings":{settings}}}'.encode())
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_command_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="open: too long for a command"):
        codec.encode_command(commands.Open(settings=Settings(payload=bytes(codec.LINE_LIMIT))))


@pytest.mark.parametrize(
    "event",
    [
        ev.DialInfo(t=1.0, dial=1, info={f"field-{number}": "x" * 4_000 for number in range(1_000)}),
        ev.AsyncError(t=1.0, text="\x1b" * codec.LINE_LIMIT),
        ev.Discovered(t=1.0, servers=["nats://" + "h" * 200] * 10_000),
    ],
)
def test_event_that_is_too_long_is_cut(event: ev.AnyEvent) -> None:
    line = codec.encode(event)
    assert len(line) <= codec.LINE_LIMIT
    cut = codec.decode_event(line[:-1])
    assert (type(cut), cut and cut.t) == (type(event), 1.0)


def test_event_that_is_too_long_however_cut_is_a_gap() -> None:
    deep = {f"a-{one}": {f"b-{two}": ["x" * 4_000] * 32 for two in range(32)} for one in range(32)}
    line = codec.encode(ev.DialInfo(t=1.0, conn=2, dial=1, info=deep))
    assert codec.decode_event(line[:-1]) == ev.Gap(t=1.0, conn=2, dropped={"dial_info": 1})


def test_conn_0_is_omitted_in_events() -> None:
    assert b"conn" not in codec.encode(ev.Paused(t=1.0, conn=0))
    event = codec.decode_event(b'{"type":"paused","t":1,"conn":3}')
    assert event is not None
    assert event.conn == 3


def test_conn_0_is_written_in_commands() -> None:
    assert codec.encode_command(commands.Cancel(id="1", conn=0)) == b'{"type":"cancel","id":"1","conn":0}\n'
    assert codec.encode_command(commands.Cancel(id="1")) == b'{"type":"cancel","id":"1"}\n'


@pytest.mark.parametrize("line", [b'{"type":"telepathy","t":1}', b'{"t":1,"type":"x"}', b'{"type":""}'])
def test_unknown_type_is_none(line: bytes) -> None:
    assert codec.decode_event(line) is None


def test_unknown_field_is_ignored() -> None:
    line = b'{"type":"rtt","t":1.0,"seconds":0.5,"colour":"blue","of":{"what":[1,2]}}'
    assert codec.decode_event(line) == ev.Rtt(t=1.0, seconds=0.5)
    assert codec.decode_command(b'{"type":"pause","for":"lunch"}') == commands.Pause()


def test_type_need_not_come_first() -> None:
    assert codec.decode_event(b'{"seconds":0.5,"t":1,"type":"rtt"}\r\n') == ev.Rtt(t=1.0, seconds=0.5)


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
def test_garbage_raises_a_decode_error(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        codec.decode_event(line)
    with pytest.raises(msgspec.DecodeError):
        codec.decode_command(line)


def test_unknown_command_raises_with_the_reason() -> None:
    with pytest.raises(msgspec.DecodeError, match="dance"):
        codec.decode_command(b'{"type":"dance"}')


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_none_or_a_decode_error(line: bytes) -> None:
    for decode in (codec.decode_event, codec.decode_command):
        with suppress(msgspec.DecodeError):
            decode(line)


@given(st.one_of([made_of(cls, anything_of) for cls in EVENTS]), st.data())
def test_any_cut_line_raises(event: ev.AnyEvent, data: Any) -> None:
    line = codec.encode(event)[:-1]
    cut = line[: data.draw(st.integers(0, len(line) - 1))]
    with pytest.raises(msgspec.DecodeError):
        codec.decode_event(cut)


def test_characters_that_act_on_a_terminal_are_escaped() -> None:
    name = "\x9b2J\u202e\u2028 ä"
    line = codec.encode(ev.Connected(t=0.0, server="s", server_name=name))
    assert b"\\u009b2J\\u202e\\u2028 \xc3\xa4" in line
    decoded = codec.decode_event(line)
    assert isinstance(decoded, ev.Connected)
    assert decoded.server_name == name


NUMBERS = [
    b'{"type":"tally","t":1,"delivered":1e300}',
    b'{"type":"tally","t":1,"delivered":18446744073709551616}',
    b'{"type":"tally","t":1,"sent":-1}',
    b'{"type":"rtt","t":1e300,"seconds":1}',
    b'{"type":"rtt","t":1,"seconds":-1e300}',
    b'{"type":"paused","t":1,"conn":-1}',
    b'{"type":"connected","t":1,"server":"a","cid":99999999999999999999}',
    b'{"type":"latencies","t":1,"kind":"rtt","counts":[[1,18446744073709551616]]}',
    b'{"type":"session","t":0,"id":"x","started":1e300}',
    b'{"type":"gap","t":0,"dropped":{"rtt":1e300}}',
]


@pytest.mark.parametrize("line", NUMBERS, ids=range(len(NUMBERS)))
def test_impossible_number_raises_a_decode_error(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        codec.decode_event(line)
