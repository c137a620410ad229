"""The second look at a peer whose dial failed: once for a server and a cause, and again after it was CONNECTED."""

import pytest

from natsmon.stream import events as ev
from tests.harness.listening import listening, settings
from tests.harness.peer import Talk, playing
from tests.harness.peers import serve


class ChangingPeer:
    """A web server, or a NATS server, as it is set."""

    serves_nats = False

    def __init__(self) -> None:
        self.requests = 0

    async def __call__(self, talk: Talk) -> None:
        if self.serves_nats:
            await serve(talk)
        elif (await talk.line()).startswith(b"GET "):
            self.requests += 1
            await talk.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.slow
async def test_failure_after_connected_is_looked_at_again() -> None:
    script = ChangingPeer()
    quick = {"connect_timeout": 0.2, "reconnect_wait": 0.01}
    async with playing(script) as peer, listening(settings(peer.url, **quick)) as run:
        first = await run.events.until(ev.DialFinding)
        await run.events.until(ev.DialEnd, lambda end: end.dial > first.dial)
        await run.events.until(ev.DialEnd)
        assert script.requests == 1, "one look at a failure that repeats"
        script.serves_nats = True
        await run.events.until(ev.Connected)
        script.serves_nats = False
        peer.drop_all()
        await run.events.until(ev.Disconnected)
        second = await run.events.until(ev.DialFinding)
        assert (first.cause, second.cause) == ("http", "http")
        assert script.requests == 2
