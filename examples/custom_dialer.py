"""The program of "Using Custom Dialers in the NATS Go Client" (Waldemar Quevedo): custom_dialer.py [URL [SECONDS]]
Ctrl+c ends it at once, also during a dial, and drains it if connected: exit code 0. 1: it gave up."""

import asyncio
import logging
import sys
import time

from nats.errors import Error

from natsmon import Client, Dialer, DialError, DialTrace, Stream, connect


class RetryingDialer(Dialer):
    async def dial(
        self, address: tuple[str, int], *, deadline: float | None = None, trace: DialTrace | None = None
    ) -> Stream:
        async with asyncio.timeout_at(deadline):  # over all attempts and the waits between them
            while True:
                logging.info("Attempting to connect to %s:%d", *address)
                try:
                    return await super().dial(address, deadline=deadline, trace=trace)
                except DialError as error:
                    logging.info("Failed: %s", error)
                await asyncio.sleep(1)


class Trace(DialTrace):
    def got_conn(self, address: str) -> None:
        logging.info("TCP established to %s", address)


async def on_error(error: Exception) -> None:
    logging.info("error %s", error)


async def on_disconnected() -> None:
    logging.info("disconnected")


async def on_reconnected() -> None:
    logging.info("reconnected")


async def on_closed() -> None:
    logging.info("closed")


async def main(url: str = "nats://127.0.0.1:4222", seconds: str = "10") -> int:
    dialing = asyncio.create_task(
        connect(
            url,
            dialer=RetryingDialer(),
            trace=Trace(),
            deadline=asyncio.get_running_loop().time() + float(seconds),  # also over failed handshakes
            connect_timeout=float(seconds),
            reconnect_time_wait=1,
            error_cb=on_error,
            disconnected_cb=on_disconnected,
            reconnected_cb=on_reconnected,
            closed_cb=on_closed,
        )
    )
    client: Client | None = None
    try:
        while client is None or not client.is_closed:
            if client is not None and client.is_connected:
                await client.publish("hello", b"world")
                logging.info("Published at %s", time.strftime("%X"))
            else:
                logging.info("Not ready yet")
            await (asyncio.sleep(1) if client else asyncio.wait([dialing], timeout=0.2))
            client = dialing.result() if dialing.done() else None
    except asyncio.CancelledError:  # ctrl+c cancels what is awaited above, and not the drain below
        dialing.cancel()
        if client is not None:
            await (client.drain() if client.is_connected else client.close())
        return 0
    except (Error, OSError) as error:  # every DialError is one of them
        logging.info("Gave up: %s", error)
    return 1


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.exit(asyncio.run(main(*sys.argv[1:])))
