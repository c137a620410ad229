"""A message through another dialer, named on the command line: other_dialers.py WAY [URL]

WAY is unix:PATH, ws://GATEWAY or wss://GATEWAY, proxy-protocol:CLIENT_ADDRESS, or keep-alive:SECONDS.
"""

import asyncio
import socket
import sys

from natsmon import CustomDialer, Dialer, ProxyProtocolDialer, UnixDialer, WebSocketDialer, connect


def dialer_for(way: str) -> CustomDialer:
    kind, _, value = way.partition(":")
    match kind:
        case "unix":  # a sidecar, or ssh -L
            return UnixDialer(value)
        case "ws" | "wss":  # NATS inside the WebSocket of a gateway
            return WebSocketDialer(way)
        case "proxy-protocol":  # what a load balancer sends ahead of a client's bytes
            return ProxyProtocolDialer(version=2, source=(value, 4711))
        case "keep-alive":  # the operating system finds a peer that is gone
            idle = (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, int(value))
            return Dialer(socket_options=[(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), idle], family=socket.AF_INET)
        case _:
            sys.exit(__doc__)


async def main(way: str = "", url: str = "nats://127.0.0.1:4222") -> None:
    client = await connect(url, dialer=dialer_for(way))
    subscription = await client.subscribe("hello")
    await client.publish("hello", b"world")
    print("received", (await subscription.next_msg(2)).data.decode())
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
