"""A dialer that does TLS itself, with a context of its own for each dial: tls_dialer.py CA_FILE [HOST:PORT]

As for certificates that rotate. The server must do TLS first (``handshake_first``), or a proxy before it takes TLS off.
"""

import asyncio
import ssl
import sys

from natsmon import DialTrace, Stream, connect


class TlsDialer:
    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file

    async def dial(self, address: tuple[str, int], *, deadline: float | None, trace: DialTrace | None) -> Stream:
        context = ssl.create_default_context(cafile=self._ca_file)  # read again for each dial
        async with asyncio.timeout_at(deadline):
            reader, writer = await asyncio.open_connection(*address, ssl=context)
        return Stream(reader, writer, f"{address[0]}:{address[1]}", tls_done=True)


async def main(ca_file: str = "", server: str = "127.0.0.1:4222") -> None:
    if not ca_file:
        sys.exit(__doc__)
    client = await connect(f"tls://{server}", dialer=TlsDialer(ca_file), allow_reconnect=False)
    subscription = await client.subscribe("hello")
    await client.publish("hello", b"world")
    print("received", (await subscription.next_msg(2)).data.decode(), "under TLS of the dialer")
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
