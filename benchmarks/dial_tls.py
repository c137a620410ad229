"""What the dialer adds to nats-py under TLS: connect to PONG on loopback."""

from benchmarks import dialing
from benchmarks.table import Row

_LIMIT = 1.05


def run(quick: bool) -> Row:
    with dialing.tls_server() as (server, context):
        what = "natsmon.connect(), TLS, p50"
        return dialing.against_nats_py(what, server.url, _LIMIT, 100 if quick else 1000, tls=context)
