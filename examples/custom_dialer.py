"""The program of "Using Custom Dialers in the NATS Go Client" (Waldemar Quevedo): custom_dialer.py [URL [SECONDS]]
Ctrl+c ends it at once, also amid a dial, and drains it if connected: exit code 0; 1 says that it gave up."""

import asyncio
import logging
import sys
from functools import partial

from nats.errors import Error

from natsmon import Dialer, DialError, DialTrace, connect


class RetryingDialer(Dialer):
    async def dial(self, address, *, deadline=None, trace=None):
        async with asyncio.timeout_at(deadline):  # over all tries and the waits between them
            while True:
                logging.info("Attempting to connect to %s:%d", *address)
                try:
                    return await super().dial(address, deadline=deadline, trace=trace)
                except DialError as error:
                    logging.info("Failed in %s: %s", error.stage, error)
                await asyncio.sleep(1)


class Trace(DialTrace):
    def got_conn(self, address):
        logging.info("TCP established to %s", address)


async def tell(*what):
    logging.info(" ".join(map(str, what)))


async def main(url="nats://127.0.0.1:4222", seconds="10"):
    options = {f"{event}_cb": partial(tell, event) for event in ("error", "disconnected", "reconnected", "closed")}
    options |= {"connect_timeout": float(seconds), "reconnect_time_wait": 1}
    connecting = connect(url, dialer=RetryingDialer(), trace=Trace(), **options)  # tries failed handshakes again, too
    dialing, nc = asyncio.create_task(asyncio.wait_for(connecting, float(seconds))), None
    try:
        while nc is None or not nc.is_closed:
            if ready := nc is not None and nc.is_connected:
                await nc.publish("hello", b"world")
            logging.info("Published" if ready else "Not ready yet")
            await (asyncio.sleep(1) if nc else asyncio.wait([dialing], timeout=0.2))
            nc = dialing.result() if dialing.done() else None
    except asyncio.CancelledError:  # ctrl+c cancels what is awaited above, and not the drain below
        dialing.cancel()
        if nc is not None:
            await (nc.drain() if nc.is_connected else nc.close())
        return 0
    except (Error, OSError) as error:  # TimeoutError is an OSError
        logging.info("Gave up: %s", error if str(error) else "out of time")
    return 1


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sys.exit(asyncio.run(main(*sys.argv[1:])))
