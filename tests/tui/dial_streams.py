"""Streams of dials of which much is known: certificates, races of addresses, INFO, CONNECT."""

from natsmon.stream import events as ev
from tests.tui.streams import HOSTILE, STARTED, Stream

DAY = 86_400.0
V6 = "[2001:db8::17]:4222"
V4 = "192.0.2.17:4222"
NAME = "east-1.example.com"
URL = f"tls://{NAME}:4222"
INFO = {
    "server_id": "NBTHUAN7SPYCCXZTX7IV37CHFHEVGWO4OC2LH2S3AKZHO6GVXV3MZ37E",
    "server_name": "east-1",
    "version": "2.15.0",
    "proto": 1,
    "go": "go1.26.1",
    "host": "0.0.0.0",
    "port": 4222,
    "headers": True,
    "auth_required": True,
    "tls_required": True,
    "max_payload": 1_048_576,
    "jetstream": True,
    "client_id": 12,
    "client_ip": "192.0.2.200",
    "nonce": "4hFGqYcsAqUAvBA",
    "cluster": "east",
    "connect_urls": [f"192.0.2.{n}:4222" for n in range(17, 29)],
}
CONNECT = {
    "echo": True,
    "headers": True,
    "jwt": "****",
    "lang": "python3",
    "name": "orders",
    "no_responders": True,
    "pedantic": False,
    "protocol": 1,
    "sig": "****",
    "tls_required": True,
    "verbose": False,
    "version": "2.16.0",
}


def certificate(*, days: float, names: tuple[str, ...] = (NAME, "*.east.example.com", "192.0.2.17")) -> ev.Certificate:
    return ev.Certificate(
        subject=f"CN={NAME}, O=Example Ltd",
        issuer="CN=Example Issuing CA 3, O=Example Ltd",
        names=list(names),
        not_before=STARTED + (days - 90) * DAY,
        not_after=STARTED + days * DAY,
    )


def authority() -> ev.Certificate:
    return ev.Certificate(
        subject="CN=Example Issuing CA 3, O=Example Ltd",
        issuer="CN=Example Root CA, O=Example Ltd",
        not_before=STARTED - 400 * DAY,
        not_after=STARTED + 3_250 * DAY,
    )


def race(stream: Stream, address: str, outcome: ev.StageOutcome = "started", **fields: object) -> Stream:
    return stream.add(
        ev.DialStage(t=stream.t, dial=stream.dials, stage="tcp", outcome=outcome, address=address, **fields)  # type: ignore[arg-type]
    )


def learn(stream: Stream, **connect: object) -> Stream:
    """INFO and CONNECT of the dial under way."""
    stream.add(ev.DialInfo(t=stream.t, dial=stream.dials, info=INFO))
    return stream.add(ev.DialConnect(t=stream.t, dial=stream.dials, connect=CONNECT, **connect))  # type: ignore[arg-type]


def pool(stream: Stream, *members: ev.PoolMember, size: int = 0) -> Stream:
    return stream.add(ev.Pool(t=stream.t, changed=list(members), size=size))


def large_pool() -> Stream:
    """Connected in a cluster whose servers advertise more addresses than are kept."""
    stream = Stream().become("CONNECTING").connect("nats://s30:4222", name="")
    return pool(stream, *(ev.PoolMember(server=f"nats://s{n}:4222", discovered=n > 0) for n in range(40)), size=1_040)


def secured() -> Stream:
    """On a server of a cluster by TLS, with a credentials file, after one server did not answer."""
    stream = Stream(servers=[URL, "tls://east-2.example.com:4222"], name="orders").become("CONNECTING", "initial")
    pool(
        stream,
        ev.PoolMember(server=URL, attempts_left=61),
        ev.PoolMember(server="tls://east-2.example.com:4222", attempts_left=61),
    )
    stream.refused("tls://east-2.example.com:4222")
    stream.start_dial(URL).stage("dns", 0.0021)
    began = stream.t
    stream.add(ev.DialStage(t=began, dial=stream.dials, stage="tcp", outcome="started"))
    race(stream, V4).wait(0.0034)
    race(stream, V4, "complete", elapsed=0.0034)
    stream.add(ev.DialStage(t=stream.t, dial=stream.dials, stage="tcp", outcome="complete", elapsed=0.0034))
    stream.stage("info", 0.0011).stage("tls", 0.0124)
    stream.add(
        ev.DialTls(
            t=stream.t, dial=stream.dials, version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", server_name=NAME,
            chain=[certificate(days=12.5), authority()],
        )
    )  # fmt: skip
    learn(stream, credentials="credentials file (flag --creds)", expires=STARTED + 40 * DAY)
    stream.stage("connect", 0.0041)
    stream.end_dial("connected", "connect", total=stream.t - began + 0.0021).become("CONNECTED")
    stream.add(
        ev.Connected(
            t=stream.t, server=URL, address=V4, server_name="east-1", server_id=str(INFO["server_id"]),
            version="2.15.0", cluster="east", cid=12, client_ip="192.0.2.200", account="ORDERS", tls="TLSv1.3",
            max_payload=1 << 20,
        )
    )  # fmt: skip
    pool(
        stream,
        ev.PoolMember(server=URL, attempts_left=60),
        ev.PoolMember(server="tls://east-2.example.com:4222", failures=1, attempts_left=59),
        ev.PoolMember(server="tls://192.0.2.19:4222", discovered=True, attempts_left=60, lame_duck=True),
        ev.PoolMember(server="tls://192.0.2.20:4222", discovered=True, attempts_left=60),
    )
    stream.add(
        ev.Identity(
            t=stream.t, user="alice", account="ORDERS", publish_allow=["orders.>", "hello"], expires=STARTED + 40 * DAY
        )
    )
    return stream.run(9)


def expired_certificate() -> Stream:
    """The TLS handshake failed; a second look fetched the certificate to show it."""
    stream = Stream(servers=[URL]).become("CONNECTING", "initial").start_dial(URL).stage("dns", 0.0021)
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="started"))
    race(stream, V4).wait(0.0034)
    race(stream, V4, "complete", elapsed=0.0034)
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="complete", elapsed=0.0034))
    stream.stage("info", 0.0011).stage("tls", 0.0094, "failed")
    stream.add(ev.DialInfo(t=stream.t, dial=1, info=INFO))
    stream.end_dial("failed", "tls", "tls_expired", "certificate verify failed: certificate has expired", 0.016)
    stream.add(ev.DialTls(t=stream.t, dial=1, server_name=NAME, chain=[certificate(days=-3.2)], trusted=False))
    return stream.await_dial(URL).wait(0.8)


def raced() -> Stream:
    """The first of two addresses swallows the SYN; the second is tried 250 ms later, and wins."""
    stream = Stream(servers=["nats://east-1.example.com:4222"]).become("CONNECTING", "initial")
    stream.start_dial("nats://east-1.example.com:4222").stage("dns", 0.0046)
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="started"))
    race(stream, V6).wait(0.25)
    race(stream, V4).wait(0.012)
    race(stream, V4, "complete", elapsed=0.012)
    race(stream, V6, "cancelled", elapsed=0.262)
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="complete", elapsed=0.262))
    stream.stage("info", 0.011)
    learn(stream)
    stream.stage("connect", 0.014).end_dial("connected", "connect", total=0.2916).become("CONNECTED")
    stream.add(
        ev.Connected(t=stream.t, server="nats://east-1.example.com:4222", server_name="east-1", version="2.15.0")
    )
    return stream.run(3)


def cancelled_race() -> Stream:
    """One address refused, one silent; then the dial was cancelled."""
    stream = Stream(servers=["nats://east-1.example.com:4222"]).become("CONNECTING", "initial")
    stream.start_dial("nats://east-1.example.com:4222").stage("dns", 0.0046)
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="started"))
    race(stream, V6).wait(0.0312)
    race(stream, V6, "failed", elapsed=0.0312, cause="refused", text="Connection refused")
    race(stream, V4).wait(1.2)
    race(stream, V4, "cancelled", elapsed=1.2, cause="cancelled")
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="cancelled", elapsed=1.2312, cause="cancelled"))
    stream.end_dial("cancelled", "tcp", "cancelled", "", 1.2358)
    stream.add(ev.Closed(t=stream.t, cause="cancelled"))
    return stream.become("CLOSED", "cancelled").wait(2.0)


def under_way() -> Stream:
    stream = Stream(servers=["nats://east-1.example.com:4222"]).become("CONNECTING", "initial")
    stream.start_dial("nats://east-1.example.com:4222").stage("dns", 0.0046)
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="started"))
    race(stream, V6).wait(0.25)
    race(stream, V4)
    return stream.wait(0.4)


def looked_at_twice() -> Stream:
    """Silence, and what a second look made of it."""
    stream = Stream().become("CONNECTING", "initial").start_dial("nats://east-1:8222").stage("dns", 0.0004)
    stream.stage("tcp", 0.0003).stage("info", 5.0, "failed")
    stream.end_dial("timeout", "info", "timeout", "the peer accepted and sent no INFO", 5.0007)
    return stream.add(
        ev.DialFinding(t=stream.t, dial=1, cause="monitoring_port", text="it answers as a NATS monitoring port does")
    )


def hostile_dial() -> Stream:
    """A server whose every text in a dial is hostile."""
    stream = Stream(servers=[HOSTILE], name=HOSTILE).become("CONNECTING", "initial").start_dial(HOSTILE).stage("dns")
    race(stream, HOSTILE).wait(0.001)
    race(stream, HOSTILE, "failed", elapsed=0.001, cause=HOSTILE, text=HOSTILE)
    shown = ev.Certificate(subject=HOSTILE, issuer=HOSTILE, names=[HOSTILE] * 40, not_before=-1e300, not_after=1e300)
    stream.add(
        ev.DialTls(
            t=stream.t, dial=1, version=HOSTILE, cipher=HOSTILE, server_name=HOSTILE, chain=[shown], trusted=False
        )
    )
    nested = {HOSTILE: [{HOSTILE: HOSTILE}], "x" * 300: "y" * 20_000, "none": None, "wide": "接続" * 300}
    stream.add(ev.DialInfo(t=stream.t, dial=1, info=nested))
    stream.add(ev.DialConnect(t=stream.t, dial=1, connect={HOSTILE: HOSTILE}, credentials=HOSTILE, expires=1e300))
    stream.end_dial("failed", "tls", HOSTILE, f"[bold]{HOSTILE}\n\x07")
    stream.add(ev.DialFinding(t=stream.t, dial=1, cause=HOSTILE, text=HOSTILE))
    pool(stream, ev.PoolMember(server=HOSTILE, discovered=True, failures=1 << 60, attempts_left=0, lame_duck=True))
    stream.connect(HOSTILE, name=HOSTILE)
    lists = [HOSTILE, "x" * 500]
    return stream.add(
        ev.Identity(
            t=stream.t, user=HOSTILE, account=HOSTILE, publish_allow=lists, publish_deny=lists, subscribe_allow=lists,
            subscribe_deny=lists, expires=1e18,
        )
    )  # fmt: skip
