"""The stream is looked up before anything is published: its subject, and what is reported where there is none."""

import asyncio
from pathlib import Path

import pytest
from nats.aio.msg import Msg
from nats.js.api import StreamSource

from natsmon.check.verdict import Status
from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.jetstream import stream_lookup
from natsmon.stream import events as ev
from tests.check.checking import checked
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.harness.time_limits import WAIT
from tests.harness.witness import witness
from tests.probe.publishing import publishing, read_back
from tests.probe.streams import STREAM, jetstream, stream_on


@pytest.fixture
def server(nats_server: StartServer, tmp_path: Path) -> NatsServer:
    return nats_server(config=jetstream(tmp_path))


async def test_only_subject_of_the_stream_is_used_without_a_subject(server: NatsServer) -> None:
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
    return settings(server.url, jetstream=STREAM, js_api_prefix="$JS.X.API", interval=0.01, **user)


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


@pytest.mark.parametrize("subject", ["", "hello"])
async def test_stream_without_subjects_takes_no_messages(server: NatsServer, subject: str) -> None:
    async with stream_on(server, name="COPY", subjects=None, sources=[StreamSource(name="OTHER")]):
        wanted = settings(server.url, jetstream="COPY", subject=subject)
        async with listening(wanted) as run:
            error = await run.events.until(ev.AsyncError)
            assert error.text.startswith("stream COPY has no subjects: it copies other streams")


async def test_forbidden_lookup_without_a_subject_asks_for_one(nats_server: StartServer, tmp_path: Path) -> None:
    """Messages with an empty subject would be published to their own inbox."""
    server = nats_server(config=jetstream(tmp_path) + RESTRICTED)
    user = {"user": Secret("ada"), "password": Secret("pw"), "inbox_prefix": "in.box"}
    async with listening(settings(server.url, jetstream=STREAM, subject="", **user)) as run:
        error = await run.events.until(ev.AsyncError)
        assert error.text.startswith(f"stream {STREAM} cannot be looked up: the server does not allow requests on ")
        assert error.text.endswith("; name its subject with --subject; messages wait for it")
        tally = await run.events.until_counts(lambda tally: tally.attempted >= 3)
        assert (tally.sent, tally.buffered) == (0, tally.attempted)


async def test_stream_without_acknowledgements_is_reported(server: NatsServer) -> None:
    async with publishing(server, stream={"no_ack": True}, interval=0.01) as (run, _, _):
        error = await run.events.until(ev.AsyncError)
        assert error.text == f"stream {STREAM} acknowledges no message (no_ack): delivery is not known"


async def test_missing_stream_is_reported_and_waited_for(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_lookup, "_PAUSE", 0.02)
    wanted = settings(server.url, jetstream=STREAM)
    async with stream_on(server, name="OTHER", subjects=["other"]) as stream, listening(wanted) as run:
        error = await run.events.until(ev.AsyncError)
        assert error.text.startswith(f"stream {STREAM} does not exist (there is OTHER); create it: ")
        assert f"nats stream add {STREAM} --subjects hello" in error.text
        waiting = await run.events.until_counts(lambda tally: tally.buffered >= 3)
        assert (waiting.sent, waiting.rejected) == (0, 0)
        await stream.create()
        tally = await run.events.until_counts(lambda tally: tally.delivered > 3 and tally.buffered == 0)
        assert (tally.rejected, tally.lost) == (0, 0)


async def test_server_without_jetstream_is_reported(nats_server: StartServer) -> None:
    server = nats_server()
    async with listening(settings(server.url, jetstream=STREAM)) as run:
        error = await run.events.until(ev.AsyncError)
        assert error.text.startswith(f"JetStream is not enabled on {server.url}: ")
        await run.events.until_counts(lambda tally: tally.buffered >= 2 and tally.sent == 0)
    assert not run.events.of(ev.Audit)


async def test_domain_without_answer_is_reported(server: NatsServer) -> None:
    async with listening(settings(server.url, jetstream=STREAM, js_api_prefix="$JS.hub.API")) as run:
        error = await run.events.until(ev.AsyncError)
    assert error.text.startswith("no JetStream answers on $JS.hub.API: check --js-domain")
    assert "leaf node links" in error.text


@pytest.mark.parametrize(
    ("prefix", "where", "advice"),
    [
        ("", "in the domain X ", "nats stream add NOPE --subjects hello, or name its domain: --js-domain;"),
        ("$JS.X.API", "on $JS.X.API ", "nats stream add NOPE --subjects hello --js-api-prefix '$JS.X.API';"),
    ],
)
async def test_missing_stream_is_reported_with_its_domain(
    nats_server: StartServer, tmp_path: Path, prefix: str, where: str, advice: str
) -> None:
    """A stream of the hub is looked for in the leaf node's domain where none is named."""
    server = nats_server(config=f'jetstream {{ store_dir: "{tmp_path}", domain: X }}')
    wanted = settings(server.url, jetstream="NOPE", **({"js_api_prefix": prefix} if prefix else {}))
    async with listening(wanted) as run:
        error = await run.events.until(ev.AsyncError)
    assert error.text.startswith(f"stream NOPE does not exist {where}(the account has none); create it: ")
    assert advice in error.text


async def test_account_without_jetstream_is_reported(nats_server: StartServer, tmp_path: Path) -> None:
    accounts = "accounts { A { users: [{ user: u, password: p }] }, B { jetstream: enabled } }"
    server = nats_server(config=f"{jetstream(tmp_path)}\n{accounts}")
    wanted = settings(server.url, jetstream=STREAM, user=Secret("u"), password=Secret("p"))
    async with listening(wanted) as run:
        error = await run.events.until(ev.AsyncError)
        assert error.text.startswith("JetStream is not enabled for this account: ")
        await run.events.until_counts(lambda tally: tally.buffered >= 2 and tally.sent == 0)


async def test_prefix_of_the_api_is_used(server: NatsServer) -> None:
    asked = asyncio.Event()

    async def answer(message: Msg) -> None:
        asked.set()

    async with witness(server) as client:
        await client.subscribe(f"hub.js.STREAM.INFO.{STREAM}", cb=answer)
        await client.flush()
        async with listening(settings(server.url, jetstream=STREAM, js_api_prefix="hub.js", timeout=0.2)):
            await asyncio.wait_for(asked.wait(), WAIT)


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


async def test_stream_recreated_with_other_subjects_rejects_messages(server: NatsServer) -> None:
    async with publishing(server, interval=0.05) as (run, stream, _):
        await run.events.until_counts(lambda tally: tally.delivered >= 3)
        await stream.remove()
        await run.events.until(ev.AsyncError, lambda error: f"stream {STREAM} does not exist" in error.text)
        await stream.create(subjects=["else"])
        await run.events.until(ev.AsyncError, lambda error: "does not have the subject hello" in error.text)
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 5 and not tally.buffered)
        assert tally.lost == 0


async def test_stream_that_may_not_be_looked_up_is_published_to_and_not_read(
    nats_server: StartServer, tmp_path: Path
) -> None:
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
