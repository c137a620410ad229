"""natsmon's own connection through a command and through a UNIX socket."""

import shlex
from pathlib import Path

from natsmon.config.settings import Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import events as ev
from tests.dial.test_other_dialers import forwarding, relay_command, until
from tests.harness.leaks import our_children
from tests.harness.listening import listening, settings


async def connected_through(wanted: Settings) -> None:
    async with listening(wanted) as run:
        await run.events.until(ev.Echoed)


async def test_command_carries_the_connection(server: NatsServer) -> None:
    before = our_children()
    await connected_through(settings(server.url, dial_command=shlex.join(relay_command()), connect_timeout=20.0))
    await until(lambda: not our_children().keys() - before.keys())


async def test_unix_socket_carries_the_connection(server: NatsServer, tmp_path: Path) -> None:
    async with forwarding(tmp_path / "nats.sock", server):
        await connected_through(settings(server.url, unix=str(tmp_path / "nats.sock")))
