"""A program that uses the library, for the type checker only."""

import asyncio
import ssl
from typing import assert_type

import natsmon
from natsmon import Client, CustomDialer, Dialer, DialError, DialTrace, Stream, connect
from natsmon.testing import ScriptedServer, Session, refuse, serve


class Retrying(Dialer):
    async def dial(
        self, address: tuple[str, int], *, deadline: float | None = None, trace: DialTrace | None = None
    ) -> Stream:
        while True:
            try:
                return await super().dial(address, deadline=deadline, trace=trace)
            except DialError as error:
                _ = (error.stage, error.cause, error.errno)
                await asyncio.sleep(1)


class Plain:
    async def dial(
        self, address: tuple[str, int], *, deadline: float | None, trace: DialTrace | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*address)


async def on_error(error: Exception) -> None:
    if isinstance(error, natsmon.DialCertificateError):
        _ = error.verify_message


async def script(session: Session) -> None:
    await session.handshake()


async def main() -> None:
    dialer: CustomDialer = Plain()
    for chosen in (
        dialer,
        Retrying(),
        natsmon.SocksDialer(("p", 1)),
        ScriptedServer(refuse, serve, script),
        natsmon.UnixDialer("x"),
        natsmon.CommandDialer("a {host}"),
        natsmon.proxy_from_environment(),
        natsmon.ProxyProtocolDialer(dialer=dialer),
    ):
        client = await connect(
            ["nats://a"],
            dialer=chosen,
            error_cb=on_error,
            tls=ssl.create_default_context(),
            deadline=3.0,
            connect_timeout=0.5,
        )
        assert_type(client, Client)
        await client.publish("a", b"b")
    async with await connect("nats://a", trace=natsmon.LoggingTrace()) as nc:
        await nc.flush()
    other = Client(dialer=dialer, trace=natsmon.OpenTelemetryTrace())
    await other.connect("nats://a", name="x")


if __name__ == "__main__":
    asyncio.run(main())
