"""Through a proxy: ALL_PROXY=socks5://user:password@host:1080 python proxy_dialer.py [URL]

``http://host:3128`` is a proxy that takes CONNECT. In the environment a password is not for every ``ps`` to see.
"""

import asyncio
import os
import sys
from urllib.parse import unquote, urlsplit

from natsmon import HttpConnectDialer, SocksDialer, connect

KINDS = {"socks5": (SocksDialer, 1080), "socks5h": (SocksDialer, 1080), "http": (HttpConnectDialer, 80)}


def dialer_for(proxy):
    """None without a proxy, which is a dialer too: the ordinary one."""
    if not proxy:
        return None
    url = urlsplit(proxy)
    kind, port = KINDS[url.scheme]
    user, password = (None if part is None else unquote(part) for part in (url.username, url.password))
    return kind((url.hostname, url.port or port), user=user, password=password)


async def main(url="nats://127.0.0.1:4222"):
    nc = await connect(url, dialer=dialer_for(os.environ.get("ALL_PROXY")), allow_reconnect=False)
    heard = await nc.subscribe("hello")
    await nc.publish("hello", b"world")
    print("heard", (await heard.next_msg(2)).data.decode())
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
