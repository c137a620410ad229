"""Messages that a stream acknowledges: nothing acknowledged is lost, and nothing is stored twice."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natsmon.check.verdict import Status
from natsmon.config.secret import Secret
from natsmon.config.settings import MAX_RATE, Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.lab.relay import Relay
from natsmon.probe.jetstream import ack_verifier as acks
from natsmon.probe.jetstream import stream_lookup
from natsmon.probe.jetstream.api import ApiError
from natsmon.probe.messages.ledger import Ledger
from natsmon.probe.messages.message import AckedMessage
from natsmon.probe.messages.number_runs import Runs
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.check.checking import checked
from tests.conftest import StartServer
from tests.harness.listening import freeze, listening, settings
from tests.probe.publishing import ids, publishing, read_back, three_messages
from tests.probe.streams import STREAM, jetstream, stream_on


@pytest.fixture
def server(nats_server: StartServer, tmp_path: Path) -> NatsServer:
    return nats_server(config=jetstream(tmp_path))


# -- where nothing is hurt --------------------------------------------------------------------------


async def test_acknowledged_is_stored(server: NatsServer) -> None:
    async with publishing(server, headers=(("Kind", Secret("test")),), interval=0.01) as (run, stream, numbers):
        connection = await run.events.until(ev.Connection)
        assert (connection.verification, connection.stream, connection.subject) == ("ack", STREAM, "hello")
        first = await run.events.until(ev.FirstEcho)
        assert (first.seq, 0 < first.latency < 5) == (1, True)
        await run.events.until_counts(lambda tally: tally.delivered >= 120)  # numbers of one, two and three digits
        back = await read_back(run)
        assert (back.stream, back.acknowledged, back.stored) == (STREAM, len(numbers), len(numbers))
        assert (back.missing, back.twice, back.complete, back.text) == (0, 0, True, "")
        assert await stream.ids() == ids(run, numbers)
        tally = run.events.last_tally
        assert (tally.resent, tally.suppressed, tally.lost, tally.rejected, tally.late) == (0, 0, 0, 0, 0)
        assert not run.events.of(ev.AsyncError)


async def test_full_speed_keeps_to_the_window(server: NatsServer) -> None:
    async with publishing(server, interval=MAX_RATE, count=20_000) as (run, stream, numbers):
        assert await run.ended() == 0
        assert max(tally.in_flight for tally in run.events.of(ev.Tally)) <= acks.WINDOW
        (back,) = run.events.of(ev.Audit)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (20_000, 20_000, 0, 0)
        assert await stream.messages() == len(numbers) == 20_000


async def test_jetstream_without_subject_takes_the_only_one(server: NatsServer) -> None:
    async with publishing(server, subject="", stream={"subjects": ["orders.new"]}, interval=0.01) as (run, stream, _):
        await run.events.until_counts(lambda tally: tally.delivered >= 20)
        back = await read_back(run)
        assert (back.missing, back.complete) == (0, True)
        assert back.stored == await stream.messages() >= 20


RESTRICTED = """
authorization { users: [
  { user: root, password: pw }
  { user: ada, password: pw, permissions: { publish: [hello, "in.box.>", "$JS.X.API.>"], subscribe: ["in.box.>"] } }
] }
"""


def restricted(server: NatsServer) -> Settings:
    user = {"user": Secret("ada"), "password": Secret("pw"), "inbox_prefix": "in.box"}
    return settings(server.url, jetstream=STREAM, js_domain="X", interval=0.01, **user)


async def test_restricted_user_needs_the_domain_and_the_inbox_prefix_only(
    nats_server: StartServer, refused_port: int, tmp_path: Path
) -> None:
    """The stream is on a leaf node with a domain of its own."""
    hub = nats_server(config=f'leafnodes {{ listen: "127.0.0.1:{refused_port}" }}' + RESTRICTED)
    remote = f'leafnodes {{ remotes: [{{ url: "nats-leaf://root:pw@127.0.0.1:{refused_port}" }}] }}'
    leaf = nats_server(config=f'jetstream {{ store_dir: "{tmp_path}", domain: X }}\n{remote}')
    async with stream_on(leaf) as stream, listening(restricted(hub)) as run:
        await run.events.until_counts(lambda tally: tally.delivered >= 20)
        back = await read_back(run)
        assert (back.missing, back.twice, back.complete) == (0, 0, True)
        assert back.stored == back.acknowledged == await stream.messages()
    verdict = await checked(hub.url, user=Secret("ada"), password=Secret("pw"), inbox_prefix="in.box")
    assert verdict.status is Status.OK, verdict


async def test_server_of_the_domain_checks_permissions_of_the_mapped_subject(
    nats_server: StartServer, tmp_path: Path
) -> None:
    server = nats_server(config=f'jetstream {{ store_dir: "{tmp_path}", domain: X }}' + RESTRICTED)
    async with stream_on(server, user="root", password="pw") as stream, listening(restricted(server)) as run:
        await run.events.until_counts(lambda tally: tally.delivered >= 20)
        (error,) = run.events.of(ev.AsyncError)
        assert "the server does not allow requests on $JS.API.STREAM.INFO.ORDERS" in error.text
        back = await read_back(run)
        assert (back.complete, back.acknowledged) == (False, await stream.messages())


@pytest.mark.parametrize("subjects", [["a", "b"], ["orders.*"], ["orders.>"]])
async def test_stream_with_several_subjects_asks_for_one(server: NatsServer, subjects: list[str]) -> None:
    async with publishing(server, subject="", stream={"subjects": subjects}, interval=0.01) as (run, stream, _):
        error = await run.events.until(ev.AsyncError)
        assert f"stream {STREAM} has the subjects {', '.join(subjects)}: choose one with --subject" in error.text
        tally = await run.events.until_counts(lambda tally: tally.attempted >= 5)
        assert (tally.sent, tally.buffered) == (0, tally.attempted)
        assert await stream.messages() == 0


async def test_messages_buffered_before_the_subject_is_known_are_sent(
    refused_port: int, nats_server: StartServer, tmp_path: Path
) -> None:
    wanted = settings(f"nats://127.0.0.1:{refused_port}", subject="", jetstream=STREAM, interval=0.01)
    async with listening(wanted) as run:
        await run.events.until_counts(lambda tally: tally.buffered >= 10)
        server = await asyncio.to_thread(nats_server, port=refused_port, config=jetstream(tmp_path))
        async with stream_on(server, subjects=["orders.new"]):
            tally = await run.events.until_counts(lambda tally: tally.delivered >= 20 and not tally.buffered)
            assert tally.buffered_bytes == 0


# -- where something is -----------------------------------------------------------------------------


async def test_killed_under_load_three_times(server: NatsServer) -> None:
    async with publishing(server, interval=1 / 200) as (run, stream, numbers):
        for _ in range(3):
            delivered = run.events.last_tally.delivered if run.events.of(ev.Tally) else 0
            await run.events.until(ev.Tally, lambda tally, before=delivered: tally.delivered > before + 50)
            await asyncio.to_thread(server.kill)
            await run.events.until(ev.Disconnected)
            await asyncio.to_thread(server.start)
            outage = await run.events.until(ev.Outage)
            assert (outage.lost, outage.unverified) == (0, 0)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (len(numbers), len(numbers), 0, 0)
        stored = await stream.ids()
        assert len(set(stored)) == len(stored)
        assert sorted(stored) == sorted(ids(run, numbers))
        tally = run.events.last_tally
        assert (tally.lost, tally.rejected, tally.in_flight, tally.duplicate) == (0, 0, 0, 0)
        assert tally.delivered == tally.sent == len(numbers)


@pytest.mark.parametrize(
    ("stored", "window", "resent", "suppressed"),
    [
        pytest.param(True, 120.0, 3, 3, id="the stream recognises what it has"),
        pytest.param(True, 0.1, 0, 0, id="what it would not recognise is looked for and found"),
        pytest.param(False, 0.1, 3, 0, id="what it would not recognise is looked for and sent again"),
    ],
)
async def test_acknowledgement_that_is_lost(
    server: NatsServer,
    monkeypatch: pytest.MonkeyPatch,
    stored: bool,
    window: float,
    resent: int,
    suppressed: int,
) -> None:
    with Relay(server.port) as relay:
        options = {"stream": {"duplicate_window": window}, "interval": 600.0}
        async with publishing(server, url=relay.url, **options) as (run, stream, numbers):
            await run.events.until(ev.Echoed)
            with monkeypatch.context() as lost:
                lost.setattr(acks, "read_ack", lambda _: None)
                if not stored:
                    relay.delay(5.0)  # they are on their way still when they are lost
                await three_messages(run)
                if stored:
                    await stream.until(4)
                if window < 1:
                    await asyncio.sleep(window)  # older than what is recognised
                relay.delay(0.0)
                relay.reset()
                await run.events.until(ev.Disconnected)
            outage = await run.events.until(ev.Outage)
            assert (outage.lost, outage.late, outage.unverified) == (0, 3, 0)
            tally = run.events.state.tally
            back = await read_back(run)
            tally = run.events.last_tally
            assert (tally.resent, tally.suppressed, tally.delivered, tally.lost) == (resent, suppressed, 4, 0)
            assert (back.stored, back.missing, back.twice) == (4, 0, 0)
            assert await stream.ids() == ids(run, [1, 2, 3, 4])
            assert sorted(numbers) == [1, 2, 3, 4]


async def test_without_an_acknowledgement_it_is_sent_again_on_the_same_connection(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acks, "ACK_WITHIN", 0.1)
    monkeypatch.setattr(acks, "LOOK_EVERY", 0.02)
    async with publishing(server, interval=600.0) as (run, stream, _):
        await run.events.until(ev.Echoed)
        await freeze(server)
        await three_messages(run)
        await run.events.until_counts(lambda tally: tally.resent >= 3)
        await asyncio.to_thread(server.cont)
        tally = await run.events.until_counts(lambda tally: tally.suppressed >= 3)
        assert (tally.delivered, tally.in_flight, tally.duplicate) == (4, 0, 0)
        assert await stream.ids() == ids(run, [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("elsewhere", "duplicate"),
    [
        pytest.param(0, 0, id="by the next leader, of the same copy"),
        pytest.param(7, 1, id="of a second copy"),
    ],
)
async def test_acknowledged_twice(server: NatsServer, elsewhere: int, duplicate: int) -> None:
    async with publishing(server, interval=600.0) as (run, stream, _):
        await run.events.until(ev.Echoed)
        await three_messages(run)
        await run.events.until_counts(lambda tally: tally.delivered >= 4)
        ack = f'{{"stream":"{STREAM}","seq":{2 + elsewhere}}}'.encode()
        inbox = run.connection.verifier.message.inbox
        for answer in (ack, ack.replace(b'"seq"', b'"duplicate":true,"seq"')):
            await stream.say(f"{inbox}.2", answer)
        tally = await run.events.until_counts(lambda tally: tally.suppressed >= 1)
        assert (tally.delivered, tally.duplicate) == (4, duplicate)


@pytest.mark.parametrize("noticed", ["at a reconnect", "on the same connection"])
async def test_stream_made_anew_is_looked_through_from_its_beginning(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch, noticed: str
) -> None:
    """The places of the stream before it mean nothing there."""
    monkeypatch.setattr(acks, "ACK_WITHIN", 0.6)
    monkeypatch.setattr(acks, "LOOK_EVERY", 0.05)
    short = {"duplicate_window": 0.1}
    async with publishing(server, interval=600.0, stream=short) as (run, stream, _):
        await run.events.until(ev.Echoed)
        for _ in range(3):
            await three_messages(run)
        await run.events.until_counts(lambda tally: tally.delivered >= 10)
        await stream.remove()
        await stream.create(**short)
        with monkeypatch.context() as lost:
            lost.setattr(acks, "read_ack", lambda _: None)
            await three_messages(run)
            await stream.until(3)
            await stream.until_forgotten("hello", 0.1)
        if noticed == "at a reconnect":
            run.execute(commands.Reconnect())
        tally = await run.events.until_counts(lambda tally: tally.delivered >= 13)
        assert (tally.resent, tally.duplicate) == (0, 0)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (13, 3, 10, 0)


@pytest.mark.slow
async def test_shortened_duplicate_window_is_respected(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acks, "ACK_WITHIN", 0.6)
    monkeypatch.setattr(acks, "LOOK_EVERY", 0.05)
    with Relay(server.port) as relay:
        async with publishing(server, url=relay.url, interval=600.0) as (run, stream, _):
            await run.events.until(ev.Echoed)
            await stream.edit(duplicate_window=0.1)
            relay.delay(0.5)
            await three_messages(run)
            tally = await run.events.until_counts(lambda tally: tally.delivered >= 4)
            assert await stream.ids() == ids(run, [1, 2, 3, 4])
            assert (tally.resent, tally.duplicate) == (0, 0)


# -- a stream that does not take them ---------------------------------------------------------------


async def test_missing_stream_is_reported_and_waited_for(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_lookup, "_PAUSE", 0.02)
    async with stream_on(server, create=False) as stream, listening(settings(server.url, jetstream=STREAM)) as run:
        await stream._js.add_stream(name="OTHER", subjects=["other"])
        error = await run.events.until(ev.AsyncError)
        assert error.text.startswith(f"stream {STREAM} does not exist (there is ")
        assert f"nats stream add {STREAM} --subjects hello" in error.text
        waiting = await run.events.until_counts(lambda tally: tally.buffered >= 3)
        assert (waiting.sent, waiting.rejected) == (0, 0)
        await stream.create()
        tally = await run.events.until_counts(lambda tally: tally.delivered > 3 and tally.buffered == 0)
        assert (tally.rejected, tally.lost) == (0, 0)


async def test_servers_without_jetstream(nats_server: StartServer) -> None:
    server = nats_server()
    async with listening(settings(server.url, jetstream=STREAM)) as run:
        error = await run.events.until(ev.AsyncError)
        assert error.text.startswith(f"JetStream is not enabled on {server.url}: ")
        await run.events.until_counts(lambda tally: tally.buffered >= 2 and tally.sent == 0)
    assert not run.events.of(ev.Audit)


async def test_subject_without_a_stream_is_reported(server: NatsServer) -> None:
    async with publishing(server, subject="helo") as (run, _, numbers):
        error = await run.events.until(ev.AsyncError)
        assert error.text.startswith(
            f"stream {STREAM} does not have the subject helo, but hello: give one of them with --subject"
        )
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 3)
        assert (tally.delivered, tally.lost, numbers) == (0, 0, [])
        again = await run.events.until(ev.AsyncError) if len(run.events.of(ev.AsyncError)) < 2 else None
        assert again is None or "no stream has the subject helo" in again.text


async def test_acknowledgement_of_another_stream_is_rejected(server: NatsServer) -> None:
    async with stream_on(server, name="OTHER") as other, publishing(server, stream={"subjects": ["else"]}) as three:
        run, _, numbers = three
        await run.events.until_counts(lambda tally: tally.rejected >= 2)
        assert any("expected stream does not match" in error.text for error in run.events.of(ev.AsyncError))
        assert numbers == []
        assert (await other._js.stream_info("OTHER")).state.messages == 0


async def test_stream_that_is_deleted_meanwhile_and_made_with_other_subjects(server: NatsServer) -> None:
    async with publishing(server, interval=0.05) as (run, stream, _):
        await run.events.until_counts(lambda tally: tally.delivered >= 3)
        await stream.remove()
        await run.events.until(ev.AsyncError, lambda error: f"stream {STREAM} does not exist" in error.text)
        await stream.create(subjects=["else"])
        await run.events.until(ev.AsyncError, lambda error: "does not have the subject hello" in error.text)
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 5 and not tally.buffered)
        assert tally.lost == 0


async def test_messages_behind_a_rejected_one_are_sent(server: NatsServer) -> None:
    async with publishing(server, interval=600.0) as (run, stream, _):
        await run.events.until(ev.Echoed)
        await stream.remove()
        await three_messages(run)
        await run.events.until(ev.AsyncError, lambda error: "no answer for stream" in error.text)
        await three_messages(run)
        await run.events.until_counts(lambda tally: tally.buffered >= 3)
        await stream.create(max_msg_size=1)
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 6)
        assert (tally.attempted, tally.delivered, tally.buffered) == (7, 1, 0)


async def test_full_stream_rejects(server: NatsServer) -> None:
    async with publishing(server, stream={"max_msgs": 5, "discard": "new"}) as (run, stream, _):
        error = await run.events.until(ev.AsyncError)
        assert error.text == f"stream {STREAM} rejects messages: maximum messages exceeded"
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 5)
        assert (tally.delivered, tally.lost) == (5, 0)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (5, 5, 0, 0)
        assert await stream.ids() == ids(run, [1, 2, 3, 4, 5])
        assert len(run.events.of(ev.AsyncError)) == 1


async def test_forbidden_inbox_is_reported(nats_server: StartServer, tmp_path: Path) -> None:
    only = "authorization { users: [{ user: u, password: p, permissions: { subscribe: { deny: ['_INBOX.>'] } } }] }"
    server = nats_server(config=f"{jetstream(tmp_path)}\n{only}")
    wanted = settings(server.url, jetstream=STREAM, user=Secret("u"), password=Secret("p"))
    async with listening(wanted) as run:
        error = await run.events.until(ev.AsyncError, lambda error: "acknowledgements cannot be received" in error.text)
        assert "_INBOX.>" in error.text
        tally = await run.events.until_counts(lambda tally: tally.buffered >= 2)
        assert tally.sent == 0


async def test_stream_that_may_not_be_asked_about(nats_server: StartServer, tmp_path: Path) -> None:
    only = "{ publish: { allow: [hello] } }"
    users = f"{{ user: u, password: p, permissions: {only} }}, {{ user: all, password: p }}"
    server = nats_server(config=f"{jetstream(tmp_path)}\nauthorization {{ users: [{users}] }}")
    wanted = settings(server.url, jetstream=STREAM, user=Secret("u"), password=Secret("p"))
    async with stream_on(server, user="all", password="p") as stream, listening(wanted) as run:
        error = await run.events.until(ev.AsyncError)
        assert f"does not allow requests on $JS.API.STREAM.INFO.{STREAM}" in error.text
        await run.events.until_counts(lambda tally: tally.delivered >= 3)
        back = await read_back(run)
        assert (back.acknowledged >= 3, back.missing, back.complete) == (True, 0, False)
        assert await stream.messages() == back.acknowledged


@pytest.mark.parametrize(
    ("error", "for_now"),
    [
        (ApiError(503, 10008, "JetStream system temporarily unavailable"), True),
        (ApiError(503, 10077, "raft: not leader"), True),
        (ApiError(503, 10077, "maximum messages exceeded"), False),
        (ApiError(503, 10077, "maximum messages per subject exceeded"), False),
        (ApiError(503, 10039, "JetStream not enabled for account"), False),
        (ApiError(409, 10158, "duplicate message id is in process"), True),
        (ApiError(429, 10167, "too many requests"), True),
        (ApiError(503, 0, "something new"), True),
        (ApiError(400, 10054, "message size exceeds maximum allowed"), False),
        (ApiError(400, 10109, "invalid operation on sealed stream"), False),
        (ApiError(400, 10060, "expected stream does not match"), False),
    ],
    ids=lambda value: value.description if isinstance(value, ApiError) else str(value),
)
def test_which_refusals_are_for_now(error: ApiError, for_now: bool) -> None:
    assert error.temporary is for_now


# -- the parts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", [1, 9, 10, 99, 100, 123456])
def test_sizes_on_the_wire_are_those_of_the_message(seq: int) -> None:
    message = AckedMessage(settings(jetstream=STREAM, headers=(("Kind", Secret("ü")),)), "d00dfeed")
    wire = message.compose(seq)
    assert message.wire_size(seq) == len(wire)
    line, _, rest = wire.partition(b"\r\n")
    verb, subject, reply, headers, total = line.split()
    assert (verb, subject, reply) == (b"HPUB", b"hello", f"{message.inbox}.{seq}".encode())
    assert rest[int(headers) - 4 : int(headers)] == b"\r\n\r\n"
    assert rest[int(headers) : int(total)] == b"world"
    assert len(rest) == int(total) + 2
    assert message.number(rest[: int(headers)]) == seq


@given(st.lists(st.integers(1, 40), unique=True), st.data())
def test_runs_are_a_set_whatever_the_order(numbers: list[int], data: st.DataObject) -> None:
    runs = Runs(100)
    for number in numbers:
        runs.add(number)
    gone = data.draw(st.sets(st.sampled_from(numbers))) if numbers else set()
    rest = runs.copy()
    for number in gone:
        assert rest.discard(number)
    for has, wanted in ((runs, set(numbers)), (rest, set(numbers) - gone)):
        assert {number for number in range(42) if number in has} == wanted
        assert [n for first, last in has for n in range(first, last + 1)] == sorted(wanted)
        assert has.last == max(wanted, default=0)
        assert all(after > last + 1 for (_, last), (after, _) in pairwise(has))
        assert has.many == len({number for number in range(42) if number in has})


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_runs_without_others(ours: set[int], theirs: set[int]) -> None:
    def runs(numbers: set[int]) -> Runs:
        made = Runs(100)
        for number in sorted(numbers):
            made.add(number)
        return made

    left = runs(ours).without(runs(theirs))
    assert [n for first, last in left for n in range(first, last + 1)] == sorted(ours - theirs)
    assert all(after > last + 1 for (_, last), (after, _) in pairwise(left))


def test_refused_message_counts_as_rejected() -> None:
    ledger = Ledger()
    for seq in (1, 2, 3, 4):
        ledger.attempt()
        ledger.send(seq, 0.0, 5)
    ledger.refuse(2)
    assert (ledger.sent, ledger.rejected, ledger.flying) == (3, 1, 3)
    cut = ledger.cut()
    ledger.refuse(1)
    ledger.refuse(1)
    assert (ledger.sent, ledger.rejected, ledger.stranded, cut.stranded) == (2, 2, 2, 2)
    ledger.echo(3, 1.0)
    ledger.echo(4, 1.0)
    assert (ledger.delivered, ledger.in_flight, cut.late, ledger.lost) == (2, 0, 2, 0)
