"""What the dialer adds to nats-py: connect to PONG on loopback."""

from benchmarks import dialing, servers
from benchmarks.table import Row

_LIMIT = 1.05


def run(quick: bool) -> Row:
    with servers.nats_server() as server:
        return dialing.against_nats_py("natsmon.connect(), plain, p50", server.url, _LIMIT, 200 if quick else 2000)
