"""Through a command, discovered servers included: bastion.py "ssh -W {host}:{port} bastion" [URL]

Each connection is a child process of its own, which ends with it.
"""

import asyncio
import logging
import sys

from natsmon import CommandDialer, LoggingTrace, connect


async def main(command: str = "", url: str = "nats://127.0.0.1:4222") -> None:
    if not command:
        sys.exit(__doc__)
    client = await connect(url, dialer=CommandDialer(command), trace=LoggingTrace(), connect_timeout=10)
    subscription = await client.subscribe("hello")
    await client.publish("hello", b"world")
    print("received", (await subscription.next_msg(2)).data.decode(), "through a command")
    await client.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, format="%(message)s")
    asyncio.run(main(*sys.argv[1:]))
