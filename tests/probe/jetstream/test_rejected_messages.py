"""Messages that a stream, or the server, does not accept."""

from pathlib import Path

import pytest

from natsmon.config.secret import Secret
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.probe.publishing import ids, publishing, read_back, three_messages
from tests.probe.streams import STREAM, jetstream, stream_on


@pytest.fixture
def server(nats_server: StartServer, tmp_path: Path) -> NatsServer:
    return nats_server(config=jetstream(tmp_path))


async def test_message_that_another_stream_takes_is_rejected(server: NatsServer) -> None:
    async with stream_on(server, name="OTHER") as other, publishing(server, stream={"subjects": ["else"]}) as three:
        run, _, numbers = three
        await run.events.until_counts(lambda tally: tally.rejected >= 2)
        assert any("expected stream does not match" in error.text for error in run.events.of(ev.AsyncError))
        assert numbers == []
        assert (await other._js.stream_info("OTHER")).state.messages == 0


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


async def test_full_stream_rejects_messages(server: NatsServer) -> None:
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
