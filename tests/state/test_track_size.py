"""Memory of a Track whose lists and rings are all full, within full and within small limits."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from natsmon.state import FULL, SMALL, Limits, SessionRecord, Track
from natsmon.state.latency_series import MINUTE, SLICE
from natsmon.stream import events as ev
from natsmon.stream.codec import LIST_LIMIT, decode_event, encode
from natsmon.stream.latency_buckets import quantised
from natsmon.wording.narration import narrate
from tests.state.folding import status

SERVER = "nats://messaging-east-{:03}.prod.example.com:4222"
NAMES = [f"messaging-{number}.prod.example.com" for number in range(4)]
CHAIN = [
    ev.Certificate(subject=f"CN=level {level}", issuer="CN=an issuer of certificates", names=NAMES, not_after=2e9)
    for level in range(3)
]
INFO = {
    "server_id": "N" * 56, "server_name": "messaging-east-1", "version": "2.15.1", "go": "go1.25", "host": "0.0.0.0",
    "port": 4222, "headers": True, "max_payload": 1_048_576, "client_id": 123_456, "client_ip": "192.0.2.17",
    "cluster": "messaging", "domain": "hub", "xkey": "X" * 56, "nonce": "n" * 22, "jetstream": True,
    "connect_urls": [f"192.0.2.{number}:4222" for number in range(LIST_LIMIT)],
}  # fmt: skip
CONNECT = {
    "verbose": False, "pedantic": False, "tls_required": True, "name": "order-service", "lang": "python",
    "version": "2.16.0", "protocol": 1, "headers": True, "no_responders": True, "echo": True, "jwt": "…", "sig": "…",
}  # fmt: skip


def life(limits: Limits) -> Iterator[ev.AnyEvent]:
    """A long life: losses, each with a failed and a successful dial, then hours of messages."""
    yield ev.Connection(name="order-service", subject="orders.created", servers=[SERVER.format(1)], interval=0.1)
    members = [ev.PoolMember(server=SERVER.format(number), failures=2) for number in range(limits.servers + 5)]
    yield ev.Pool(changed=members)
    t = 0.0
    cycles = max(limits.dials // 2, limits.outages, limits.periods, limits.stretches // 3, limits.log // 6) + 5
    for cycle in range(1, cycles):
        t += 60.0
        server = SERVER.format(cycle % 90)
        yield ev.Disconnected(t=t, outage=cycle, cause="eof", text="closed by the server", server=server)
        yield status(t, "RECONNECTING", "CONNECTED", "eof")
        for dial in (2 * cycle, 2 * cycle + 1):
            yield ev.DialStart(t=t, dial=dial, attempt=1, server=server, reason="reconnect", timeout=2.0)
            stages: tuple[ev.Stage, ...] = ("dns", "tcp", "tls", "info", "connect")
            for stage in stages:
                yield ev.DialStage(t=t, dial=dial, stage=stage, outcome="started")
                yield ev.DialStage(t=t, dial=dial, stage=stage, outcome="complete", elapsed=0.00123)
            for number in range(2):
                address = f"192.0.2.{number}:4222"
                yield ev.DialStage(t=t, dial=dial, stage="tcp", outcome="started", address=address)
            yield ev.DialTls(t=t, dial=dial, version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", chain=CHAIN)
            yield ev.DialInfo(t=t, dial=dial, info=INFO)
            yield ev.DialConnect(t=t, dial=dial, connect=CONNECT, credentials="user and password of the URL")
            yield ev.DialEnd(t=t, dial=dial, outcome="failed", stage="connect", cause="auth", text="'Authorization'")
            yield ev.Waiting(t=t, delay=2.0, base=2.0, jitter=0.0, until=t + 2, server=server)
        yield ev.Connected(t=t, server=server, server_name=f"messaging-{cycle % 90}", version="2.15.1", cid=cycle)
        yield status(t, "CONNECTED", "RECONNECTING")
        seqs = [(1_000 * run, 1_000 * run + 300) for run in range(100)]
        yield ev.Outage(t=t, outage=cycle, began=t, ended=t, cause="eof", before=server, after=server, lost_seqs=seqs)
        yield ev.AsyncError(t=t, text=f'Permissions Violation for Publish to "orders.created.{cycle}.region.east"')
    for number in range(int(SLICE) * (limits.bins + MINUTE)):
        t += 1.0
        latency = 0.000_3 + number % 97 * 1e-6 + (0.02 if number % 100 == 0 else 0.0)
        yield ev.Published(t=t, seq=number)
        yield ev.Echoed(t=t, seq=number, latency=latency)
        yield ev.Rtt(t=t, seconds=latency)
        if number % 10 == 0:
            yield ev.Latencies(t=t, kind="echo", counts=[(300, 2), (quantised(0.3), 1)], longest=0.3)


def folded(lines: list[bytes], limits: Limits) -> Track:
    track = Track(0, SessionRecord(), limits, narrate)
    for line in lines:
        event = decode_event(line)
        assert event is not None
        track.apply(event)
    return track


def is_full(track: Track, limits: Limits) -> bool:
    state = track.state
    kept = (
        (len(state.dials), limits.dials), (len(state.outages), limits.outages), (len(state.periods), limits.periods),
        (len(state.rtts), limits.rtts), (len(state.timeline), limits.stretches), (len(state.echoes.bins), limits.bins),
        (len(state.pings.bins), limits.bins), (len(state.pool), limits.servers), (len(track.log._lines), limits.log),
        (len(track.log._messages), limits.messages), (len(state.error_counts), limits.errors),
        (sum(bool(outage.lost_seqs) for outage in state.outages), limits.lost_seqs),
        (len(state.echoes.slices), MINUTE), (len(state.rates.slices), 60 // limits.rate_slice + 1),
    )  # fmt: skip
    details = sum(dial.details for dial in state.dials)
    assert details <= 3 * limits.dial_details
    assert details > limits.dial_details / 2 or limits is SMALL
    assert [each for each in kept if each[0] != each[1]] == []
    return True


@pytest.mark.parametrize(("limits", "most"), [(FULL, 2_000_000), (SMALL, 60_000)], ids=["full", "small"])
def test_full_track_stays_within_its_memory(limits: Limits, most: int) -> None:
    lines = [encode(event) for event in life(limits)]
    assert is_full(folded(lines, limits), limits)  # and the caches that all Tracks share
    gc.collect()
    tracemalloc.start()
    try:
        track = folded(lines, limits)
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert is_full(track, limits)
    assert most / 2 < size <= most, f"{size:,} bytes"
