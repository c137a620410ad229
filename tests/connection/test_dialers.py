"""natsmon's own connection through a command, a UNIX socket and a proxy, and through a WebSocket gateway."""

import asyncio
import shlex
from pathlib import Path
from typing import Any

import pytest

from natsmon.config.proxy_url import parse_proxy
from natsmon.config.secret import Secret
from natsmon.config.server_urls import parse_server
from natsmon.config.settings import Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.connection import dial_attempt
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.dial.proxy_servers import http, socks
from tests.dial.test_other_dialers import forwarding, relay_command
from tests.harness.leaks import our_children
from tests.harness.listening import listening, settings
from tests.harness.peer import Talk
from tests.library.clients import until
from tests.library.test_foreign_dialers import Deaf, Scripted, raising
from tests.protocol.websockets import handshake, speaking


async def connected_through(wanted: Settings) -> None:
    async with listening(wanted) as run:
        await run.events.until(ev.Echoed)


async def test_command_carries_the_connection(server: NatsServer) -> None:
    before = our_children()
    await connected_through(settings(server.url, dial_command=shlex.join(relay_command())))
    await until(lambda: not our_children().keys() - before.keys())


async def test_unix_socket_carries_the_connection(server: NatsServer, tmp_path: Path) -> None:
    async with forwarding(tmp_path / "nats.sock", server):
        await connected_through(settings(server.url, unix=str(tmp_path / "nats.sock")))


@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_proxy_carries_every_dial(server: NatsServer, scheme: str) -> None:
    """Also the reconnect, and by the name that only the proxy resolves."""
    login = ("me", "hunter2")
    async with socks(login) if scheme == "socks5" else http(login) as proxy:
        through = parse_proxy(f"{scheme}://me:hunter2@127.0.0.1:{proxy.port}")
        wanted = settings(f"nats://only.proxy.example:{server.port}", proxy=through)
        async with listening(wanted) as run:
            await run.events.until(ev.Echoed)
            run.execute(commands.Reconnect())
            await run.events.until(ev.Reconnected)
            assert proxy.targets == [f"only.proxy.example:{server.port}"] * 2
            assert not any("hunter2" in repr(event) for event in run.events.seen)


class Odd(BaseException):
    """Not an Exception."""


@pytest.mark.parametrize("error", [asyncio.CancelledError(), Odd(), SystemExit(3), TypeError("a bug")])
async def test_any_exception_of_a_dialer_is_a_failed_dial(
    error: BaseException, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialer = Scripted()
    monkeypatch.setattr(dial_attempt, "dialer_for", lambda _: dialer)
    async with listening(settings(server.url)) as run:
        await run.events.until(ev.Connected)
        dialer.acts = [raising(error)]
        run.execute(commands.Reconnect())
        end = await run.events.until(ev.DialEnd, lambda end: end.outcome != "connected")
        assert (end.outcome, end.cause) == ("failed", "unknown")
        assert type(error).__name__ in end.text
        await run.events.until(ev.Reconnected)


class Late(Deaf):
    """Reports a step after its dial was given up."""

    async def dial(self, address: tuple[str, int], **given: Any) -> Any:
        opened = await super().dial(address)
        given["trace"].connect_start("late")
        return opened


@pytest.mark.parametrize("kind", [Deaf, Late])
async def test_dialer_that_ignores_its_cancellation_holds_nothing_up(
    kind: type[Deaf], server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialer = kind()
    monkeypatch.setattr(dial_attempt, "dialer_for", lambda _: dialer)
    async with listening(settings(server.url, connect_timeout=0.05)) as run:
        await run.events.until(ev.DialEnd, lambda end: end.outcome == "timeout")
        await run.events.until(ev.DialStart)
        run.execute(commands.Cancel())
        await run.events.until_status("CLOSED")
        dialer.released.set()  # what it opens now is closed
        await dialer.ended.wait()
        await asyncio.sleep(0)
    assert not [stage for stage in run.events.of(ev.DialStage) if stage.address == "late"]


async def test_upgrade_carries_headers_origin_and_query() -> None:
    async with speaking(handshake_and_stay) as peer:
        server = parse_server(f"ws://127.0.0.1:{peer.port}/nats?tenant=a&token=hunter2")
        headers = (("Authorization", Secret("Bearer hunter2")), ("X-Tenant", Secret("a")))
        upgrade = {"ws_headers": headers, "ws_origin": "https://app.example"}
        async with listening(settings(server, **upgrade, echo=False, drain_timeout=0.05)) as run:
            await run.events.until(ev.Connected)
            assert not any("hunter2" in repr(event) for event in run.events.seen)
        head = peer.received.partition(b"\r\n\r\n")[0].decode()
        assert head.startswith("GET /nats?tenant=a&token=hunter2 HTTP/1.1\r\n")
        for line in ("Authorization: Bearer hunter2", "X-Tenant: a", "Origin: https://app.example"):
            assert line in head.split("\r\n")


async def handshake_and_stay(talk: Talk) -> None:
    await handshake(talk)
    await talk.until_closed()
