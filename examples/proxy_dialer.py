"""Through the proxy of the environment: ALL_PROXY=socks5://user:password@host:1080 python proxy_dialer.py [URL]

``http://host:3128`` is a proxy that takes CONNECT, ``https://`` the same over TLS; NO_PROXY lists the exceptions.
"""

import asyncio
import sys

from natsmon import connect, proxy_from_environment


async def main(url: str = "nats://127.0.0.1:4222") -> None:
    client = await connect(url, dialer=proxy_from_environment(), allow_reconnect=False)
    subscription = await client.subscribe("hello")
    await client.publish("hello", b"world")
    print("received", (await subscription.next_msg(2)).data.decode())
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
