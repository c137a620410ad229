"""Narration: the line of each event, in one table."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natsmon.stream import events as ev
from tests.state.folding import logged

A, B = "nats://east-1:4222", "nats://10.0.0.2:4222"
A_AT, B_AT = "east-1:4222", "10.0.0.2:4222"


def narrated(*events: ev.AnyEvent) -> list[ev.LogLine]:
    return logged(events)


def status(t: float, status: ev.Status, cause: str = "") -> ev.StatusChanged:
    return ev.StatusChanged(t=t, status=status, previous="DISCONNECTED", cause=cause)


LIFE: list[tuple[ev.AnyEvent, str, str]] = [
    (ev.Session(t=0.0, id="x", started=0.0, versions={"natsmon": "1.2"}), "", ""),
    (
        ev.Connection(t=0.0, name="natsmon h 7", servers=[A, B], subject="hello", interval=0.5),
        "info",
        f"natsmon 1.2 as 'natsmon h 7': {A_AT}, {B_AT}, publishing on hello every 500 ms",
    ),
    (status(0.0, "CONNECTING", "initial"), "", ""),
    (
        ev.DialStart(t=0.0, dial=1, attempt=1, pool_pass=1, server=A, reason="initial", timeout=5.0),
        "info", f"dialing {A_AT}: attempt 1, initial connect",
    ),
    (ev.Published(t=0.0, seq=1, outcome="buffered", size=5), "warn",
     "not ready yet: message 1 buffered while CONNECTING"),
    (ev.DialStage(t=0.0, dial=1, stage="dns", outcome="started"), "", ""),
    (
        ev.DialStage(t=0.002, dial=1, stage="dns", outcome="complete", address="10.0.0.1:4222", elapsed=0.002),
        "dim", "resolved east-1 to 10.0.0.1:4222 in 2.00 ms",
    ),
    (ev.DialStage(t=0.003, dial=1, stage="tcp", outcome="failed", address="10.0.0.1:4222", cause="refused"), "", ""),
    (
        ev.DialEnd(
            t=0.003, dial=1, outcome="failed", stage="tcp", cause="refused", text="Connection refused", total=0.003
        ),
        "bad", f"attempt 1 on {A_AT} failed in tcp after 3.00 ms: connection refused "
        "(is the server running, and is this its port?)",
    ),
    (
        ev.Waiting(t=0.003, delay=2.07, base=2.0, jitter=0.07, until=2.073, server=B),
        "dim", f"next dial {B_AT} in 2.07 s (2 s + 70 ms jitter)",
    ),
    (
        ev.DialStart(t=2.1, dial=2, attempt=2, pool_pass=2, server=B, reason="initial"),
        "info", f"dialing {B_AT}: attempt 2, initial connect",
    ),
    (ev.DialStage(t=2.1, dial=2, stage="dns", outcome="complete", address="10.0.0.2:4222"), "", ""),
    (ev.DialStage(t=2.1, dial=2, stage="tcp", outcome="started"), "", ""),
    (
        ev.DialStage(t=2.1, dial=2, stage="tcp", outcome="complete", address="10.0.0.2:4222", elapsed=0.0002),
        "info", "TCP connection established to 10.0.0.2:4222 in 0.20 ms",
    ),
    (ev.DialStage(t=2.1, dial=2, stage="tcp", outcome="complete", elapsed=0.0003), "", ""),
    (ev.DialStage(t=2.1, dial=2, stage="info", outcome="complete", elapsed=0.0005), "", ""),
    (ev.DialTls(t=2.1, dial=2, version="TLSv1.3", cipher="AES", chain=[
        ev.Certificate(subject="east", names=["east-2"], not_after=1_800_000_000.0)]), "info",
     "TLS established: TLSv1.3, AES, certificate for east-2 valid until 2027-01-15"),
    (ev.DialStage(t=2.1, dial=2, stage="connect", outcome="complete", elapsed=0.0006), "", ""),
    (ev.DialEnd(t=2.1, dial=2, outcome="connected", stage="connect", total=0.0031), "", ""),
    (
        ev.Connected(t=2.1, server=B, server_name="east-2", server_id="N" * 56, version="2.15.0", cid=12,
                     max_payload=1 << 20),
        "good", f"connected to east-2 ({B_AT}): version 2.15.0, cid 12, in 3.10 ms "
        "(dns 0.00 ms, tcp 0.30 ms, info 0.50 ms, connect 0.60 ms)",
    ),
    (status(2.1, "CONNECTED", "initial"), "", ""),
    (ev.Published(t=3.0, seq=2, outcome="sent", size=5, subject="hello"), "info", "published 2 on hello"),
    (ev.Echoed(t=3.0, seq=2, latency=0.00043), "dim", "message 2 echoed after 0.43 ms"),
    (ev.Tally(t=3.0, attempted=2, sent=2, delivered=2), "", ""),
    (ev.Rtt(t=3.0, seconds=0.0003), "", ""),
    (ev.Account(t=3.0, account="ORDERS"), "", ""),
    (ev.Identity(t=3.0, user="app", account="ORDERS", publish_allow=["a.>", "b"], subscribe_deny=["c"], expires=86400),
     "dim", "authenticated as app, account ORDERS, until 1970-01-02 00:00:00 UTC; may publish only to a.>, b; "
     "may not subscribe to c"),
    (ev.Pool(t=3.0, changed=[ev.PoolMember(server=A)]), "", ""),
    (ev.Answer(t=3.0, command="pause"), "", ""),
    (ev.Answer(t=3.0, command="cancel", outcome="ignored", reason="connected: there is no dial to cancel"), "warn",
     "cancel ignored: connected: there is no dial to cancel"),
    (ev.Discovered(t=3.0, servers=["nats://10.0.0.3:4222"]), "info", "discovered 1 server: 10.0.0.3:4222"),
    (ev.Discovered(t=3.0, servers=[A], omitted=1_200), "info", f"discovered 1,201 servers: {A_AT} and 1,200 more"),
    (ev.LameDuck(t=4.0, server=B), "warn",
     "east-2 sent a lame duck notice: it sends clients away, as before it shuts down"),
    (
        ev.Disconnected(t=5.1, outage=1, cause="eof", text="closed by the server", server=B, reason="Server Shutdown"),
        "bad", "connection lost: the server closed it "
        "(east-2, connected for 3.00 s, the server's reason: Server Shutdown)",
    ),
    (status(5.1, "RECONNECTING", "eof"), "", ""),
    (ev.DialStart(t=5.1, dial=3, attempt=1, pool_pass=1, server=A, reason="reconnect"), "info",
     f"dialing {A_AT}: attempt 1, reconnect"),
    (ev.DialEnd(t=5.2, dial=3, outcome="cancelled", stage="info", total=0.1), "warn",
     f"attempt 1 on {A_AT} cancelled in info after 100 ms"),
    (ev.DialStart(t=5.2, dial=4, attempt=2, pool_pass=1, server=A, reason="reconnect"), "info",
     f"dialing {A_AT}: attempt 2, reconnect"),
    (ev.DialEnd(t=7.2, dial=4, outcome="timeout", stage="info", cause="timeout", total=2.0), "bad",
     f"attempt 2 on {A_AT} timed out in info after 2.00 s: no INFO "
     "(it may be frozen, wait for TLS first, or be no NATS server: a WebSocket or a monitoring port is silent too)"),
    (ev.DialFinding(t=7.25, dial=4, cause="tls_first_wanted", text="it sent INFO as soon as it was under TLS"), "warn",
     f"a second look at {A_AT}: the server waits for the TLS handshake before it sends INFO: "
     "it sent INFO as soon as it was under TLS (add --tlsfirst)"),
    (ev.Published(t=7.3, seq=3, outcome="rejected", size=5), "bad",
     "not ready yet: message 3 rejected while RECONNECTING, the reconnect buffer is full"),
    (ev.Reconnected(t=7.41, outage=1, before=B, after=A, downtime=2.31, attempts=3), "good",
     f"reconnected to {A_AT} after 2.31 s and 3 attempts, before that on east-2"),
    (ev.Outage(t=7.5, outage=1, began=5.1, ended=7.41, cause="eof", detected_after=0.5, buffered=2, lost=1), "warn",
     "1 lost, 2 buffered: outage of 2.31 s, detected 500 ms after the last data"),
    (ev.CloseReason(t=7.55, outage=1, cid=7, reason="Kicked", cause="kicked"), "info",
     "why connection 7 was closed: Kicked: an administrator had this connection closed with the system account"),
    (ev.AsyncError(t=7.6, text="permissions violation"), "bad", "error on the connection: permissions violation"),
    (ev.SettingFailed(t=7.6, setting="monitor", text="http://a:1 does not answer"), "bad",
     "--monitor: http://a:1 does not answer"),
    (ev.Silent(t=7.65, since=5.65, missed=2, server=A), "warn",
     f"no answer from {A_AT} for 2.00 s, 2 messages unanswered"),
    (ev.SilenceEnded(t=7.66, seconds=2.01), "good", "the server answers again after 2.01 s of silence"),
    (ev.Unverified(t=7.67, reason="permissions violation"), "warn",
     "delivery not verified: permissions violation"),
    (ev.Verified(t=7.68), "good", "delivery is verified again: the server accepts the subscription"),
    (ev.Paused(t=7.7), "info", "publishing paused"),
    (ev.Resumed(t=7.8), "info", "publishing resumed"),
    (ev.Note(t=7.85, text="killed the server", kind="warn"), "warn", "killed the server"),
    (ev.Alive(t=7.88), "", ""),
    (ev.Clock(t=7.88, wall=1_795_000_000.0), "info", "the machine's clock was set"),
    (ev.Clock(t=7.88, wall=1_795_000_060.0, suspended=60.0), "warn", "the machine was suspended for 1m00s"),
    (ev.Gap(t=7.9, dropped={"echoed": 1100, "rtt": 100}), "warn",
     "1,200 lines dropped: this reader did not keep up; totals and latencies are not affected"),
    (status(8.0, "DRAINING", "closing"), "info", "shutting down: draining the connection"),
    (ev.Drained(t=8.0, seconds=0.012), "info", "drained in 12.0 ms"),
    (ev.Audit(t=8.0, stream="ORDERS", acknowledged=2, stored=1, missing=1), "bad",
     "stream ORDERS: 1 of 2 acknowledged messages stored, 1 missing, 0 stored twice"),
    (ev.Closed(t=8.0, cause="closed"), "info", "connection closed"),
    (ev.End(t=8.0, exit_code=0, reason="signal"), "info",
     "ended after 8.00 s (signal): 2 published, 2 echoed, 0 lost, 1 rejected, 1 reconnect"),
]  # fmt: skip


def test_narration_of_the_life_of_a_connection() -> None:
    assert [(line.kind, line.text) for line in narrated(*[event for event, _, _ in LIFE])] == [
        (kind, text) for _, kind, text in LIFE if text
    ]


def test_narration_has_a_line_for_every_kind_of_event_but_samples() -> None:
    narrated_kinds = {type(event) for event, _, text in LIFE if text}
    assert set(ev.AnyEvent.__args__) - narrated_kinds == {
        ev.Session, ev.Alive, ev.Tally, ev.Latencies, ev.Rtt, ev.Pool, ev.Account, ev.DialInfo, ev.DialConnect,
        ev.Subscribed, ev.FirstEcho, ev.Keepalive, ev.Observed, ev.Snapshot, ev.SnapshotEnd, ev.Part,
    }  # fmt: skip


def test_narration_names_servers_by_what_they_were_called_last() -> None:
    """From INFO of a dial that was refused, too; a server without a name has its address."""

    def refused(dial: int, server: str, name: str) -> list[str]:
        lines = narrated(
            ev.Connected(t=0, server=B, server_name="east-2", server_id="N2"),
            ev.DialStart(t=1, dial=dial, attempt=dial, server=server, reason="reconnect"),
            ev.DialInfo(t=1, dial=dial, info={"server_name": name, "server_id": "N3"}),
            ev.DialEnd(t=1, dial=dial, outcome="failed", stage="connect", cause="limit"),
            ev.Waiting(t=1, delay=1.0, base=1.0, jitter=0.0, until=2.0, server=server),
            ev.DialStart(t=2, dial=dial + 1, attempt=2, server=server, reason="reconnect"),
        )
        return [line.text.partition(": ")[0].removesuffix(" in 1.00 s (1 s)") for line in lines[1:]]

    first = f"dialing east-2 ({B_AT})"
    assert refused(1, B, "new") == [
        first, "attempt 1 on new failed in connect after 0.00 ms", "next dial new",
        f"dialing new ({B_AT})",
    ]  # fmt: skip
    assert refused(1, B, "N3")[1:3] == [f"attempt 1 on {B_AT} failed in connect after 0.00 ms", f"next dial {B_AT}"]
    assert refused(1, A, "east-1")[-1] == f"dialing {A_AT}", "the name of its host is not repeated"
    long = f"messaging{'-' * 100}east-7"
    assert refused(1, A, long)[2] == f"next dial {long[:32]}…{long[-31:]}"


def test_narration_of_an_unverified_connection_counts_no_losses() -> None:
    sums = ev.Tally(t=2.0, attempted=5, sent=5, unverified=5)
    first = ev.Connected(t=1.0, server=A), ev.Unverified(t=1.0, reason="--no-echo"), sums
    lost = (
        ev.Disconnected(t=2.0, outage=1, cause="eof", server=A),
        ev.Outage(t=3.0, outage=1, began=2.0, ended=3.0, cause="eof", buffered=1),
    )
    lines = [line.text for line in narrated(*first, *lost, ev.End(t=4.0, exit_code=0))]
    assert lines[-2:] == [
        "losses not known, 1 buffered: outage of 1.00 s",
        "ended after 4.00 s: 5 published, 5 not verified, 0 reconnects",
    ]


def test_narration_shows_the_first_echo_after_a_reconnect_only() -> None:
    def up(t: float) -> tuple[ev.AnyEvent, ...]:
        echo = ev.Subscribed(t=t + 0.0016, subject="hello"), ev.FirstEcho(t=t + 0.0372, seq=1, latency=0.001)
        return ev.Connected(t=t, server=A), status(t, "CONNECTED"), *echo

    lost = ev.Disconnected(t=5.0, outage=1, cause="eof", server=A), status(5.0, "RECONNECTING")
    lines = [line.text for line in narrated(*up(1.0), *lost, *up(6.0))]
    assert [text for text in lines if "first echo" in text] == [
        "resubscribed 1.60 ms after the connect, first echo after 37.2 ms"
    ]


def test_narration_gives_advice_once() -> None:
    def refused(dial: int) -> tuple[ev.AnyEvent, ev.AnyEvent]:
        return (
            ev.DialStart(t=dial, dial=dial, attempt=dial, pool_pass=dial, server=A, reason="initial"),
            ev.DialEnd(t=dial, dial=dial, outcome="failed", stage="tcp", cause="refused"),
        )

    lines = [line.text for line in narrated(*refused(1), *refused(2)) if "failed" in line.text]
    assert lines[0].endswith("connection refused (is the server running, and is this its port?)")
    assert lines[1].endswith("connection refused")


@pytest.mark.parametrize(
    ("event", "kind", "text"),
    [
        (ev.Closed(t=0, cause="gave_up", text="2 attempts failed"), "bad",
         "connection closed, giving up: 2 attempts failed"),
        (ev.Closed(t=0, cause="cancelled", text="the dial was cancelled"), "info",
         "connection closed: the dial was cancelled"),
        (ev.Closed(t=0, cause="drained"), "info", "connection closed: drained"),
        (ev.Drained(t=0, complete=False, seconds=5.0), "warn", "not drained after 5.00 s: closing nevertheless"),
        (ev.Disconnected(t=0, outage=1, cause="manual", text="a reconnect was asked for", server=A), "warn",
         f"connection dropped: manual reconnect ({A_AT})"),
        (ev.Reconnected(t=0, outage=1, before=A, after=A, downtime=0.01, attempts=1), "good",
         f"reconnected to {A_AT} after 10.0 ms and 1 attempt, the same server"),
        (ev.Outage(t=0, outage=1, began=0, ended=1, cause="eof"), "info", "0 lost: outage of 1.00 s"),
        (ev.Outage(t=0, outage=1, began=0, ended=1, cause="eof", unverified=2, late=1), "info",
         "0 lost, 1 late, 2 not verified: outage of 1.00 s"),
        (ev.Outage(t=0, outage=1, began=0, ended=1, cause="manual", manual=True, lost=8), "warn",
         "8 lost: manual reconnect of 1.00 s"),
        (status(0.0, "DRAINING", "asked"), "info", "draining the connection"),
        (ev.Silent(t=9, since=8.25), "warn", "no answer from the server for 750 ms"),
        (ev.Audit(t=0, stream="S", acknowledged=1, stored=1), "good",
         "stream S: 1 of 1 acknowledged message stored, 0 missing, 0 stored twice"),
        (ev.Audit(t=0, stream="S", acknowledged=9, stored=4, complete=False, text="timed out"), "bad",
         "stream S: not read to its end, 4 of 9 acknowledged messages found, 0 missing, 0 stored twice: timed out"),
        (ev.Audit(t=0, stream="S", acknowledged=9, complete=False, text="not allowed"), "bad",
         "stream S: 9 acknowledged messages not checked: not allowed"),
        (ev.Connected(t=0, server=A, server_name="N" * 56, server_id="N" * 56, tls="TLSv1.3", cluster="c"), "good",
         f"connected to {A_AT}: server NNNNNNNN…, cluster c, TLSv1.3"),
        (ev.DialEnd(t=0, dial=9, outcome="failed", server=A, cause="auth", stage="connect", total=0.001), "bad",
         f"attempt on {A_AT} failed in connect after 1.00 ms: wrong credentials "
         "(is the password right, and is the user known to this server? --monitor may have the reason)"),
        (ev.CloseReason(t=0, outage=1, cid=3, reason="Something New", cause="unknown", source="http://a:8222"), "info",
         "why connection 3 was closed, from the monitoring port http://a:8222: Something New"),
        (ev.Identity(t=0, user="x", publish_deny=["hello"]), "dim", "authenticated as x; may not publish to hello"),
        (ev.Identity(t=0, user="x", clock_ahead=-4080.0), "dim",
         "authenticated as x; the server's clock is 1h08m00s behind this machine's"),
        (ev.Identity(t=0, clock_ahead=3.0), "dim",
         "authenticated without a user name; the server's clock is 3.00 s ahead of this machine's"),
        (ev.Answer(t=0, command="next_server", outcome="ignored", reason="draining"), "warn",
         "next server ignored: draining"),
        (ev.End(t=90, exit_code=1), "bad", "ended after 1m30s: 0 published, 0 echoed, 0 lost, never connected"),
    ],
)  # fmt: skip
def test_narration_of_a_single_event(event: ev.AnyEvent, kind: str, text: str) -> None:
    (line,) = narrated(event)
    assert (line.kind, line.text) == (kind, text)


def test_narration_of_a_repeated_outage_is_a_correction() -> None:
    first = ev.Outage(t=7.5, outage=1, began=5.1, ended=7.41, cause="eof", detected_after=0.5, lost=1)
    assert [line.text for line in narrated(first, msgspec.structs.replace(first, t=7.6, lost=0, late=1))] == [
        "1 lost: outage of 2.31 s, detected 500 ms after the last data",
        "0 lost, 1 late: outage of 2.31 s, corrected",
    ]


def test_narration_of_a_refused_message_is_its_error_only() -> None:
    assert [line.text for line in narrated(
        ev.Connected(t=0, server=A, max_payload=1024),
        ev.AsyncError(t=0, text="too large"),
        ev.Published(t=0, seq=1, outcome="rejected", size=4096, reason="refused"),
    )][1:] == ["error on the connection: too large"]  # fmt: skip


@given(st.text())
def test_narration_escapes_text_from_a_server(text: str) -> None:
    for line in narrated(
        ev.DialStart(t=0, dial=1, attempt=1, pool_pass=1, server=text, reason="initial"),
        ev.DialStage(t=0, dial=1, stage="dns", outcome="complete", address=text),
        ev.DialTls(t=0, dial=1, version=text, cipher=text, chain=[ev.Certificate(names=[text])]),
        ev.DialEnd(t=0, dial=1, outcome="failed", stage="info", cause=text, text=text),
        ev.Connected(t=0, server=text, server_name=text, version=text, cluster=text, account=text, tls=text),
        ev.Disconnected(t=0, outage=1, cause=text, text=text, server=text, reason=text),
        ev.Discovered(t=0, servers=[text]),
        ev.DialFinding(t=0, dial=1, cause=text, text=text),
        ev.DialTls(t=0, dial=1, chain=[ev.Certificate(names=[text], issuer=text)], trusted=False),
        ev.Account(t=0, account=text),
        ev.Identity(t=0, user=text, account=text, publish_allow=[text], subscribe_deny=[text]),
        ev.CloseReason(t=0, outage=1, reason=text, cause=text, source=text),
        ev.AsyncError(t=0, text=text),
        ev.Silent(t=0, since=0, server=text),
        ev.Unverified(t=0, reason=text),
        ev.Audit(t=0, stream=text, text=text),
        ev.Answer(t=0, command=text, outcome="ignored", reason=text),
    ):
        assert not any(char < " " or "\x7f" <= char <= "\x9f" for char in line.text)
        assert not set(line.text) & set("\u2028\u2029\u202e\u2066")
        line.text.encode()


@pytest.mark.parametrize(
    ("own", "authority", "kind", "end"),
    [
        (400, 800, "info", "valid until 2023-12-19"),
        (2, 800, "warn", "valid until 2022-11-16"),
        (400, 2, "warn", "valid until 2023-12-19, CA certificate Inter until 2022-11-16"),
    ],
)
def test_certificate_that_expires_soon_is_a_warning(own: int, authority: int, kind: str, end: str) -> None:
    started, day = 1_668_400_000.0, 86_400
    chain = [ev.Certificate(subject="east", not_after=started + own * day)]
    chain.append(ev.Certificate(subject="Inter", not_after=started + authority * day))
    *_, line = logged([ev.Session(t=0.0, id="x", started=started), ev.DialTls(t=1.0, dial=1, chain=chain)])
    assert line.kind == kind
    assert line.text.endswith(f"certificate for east {end}")


def test_log_shows_when_messages_stop_being_delivered_and_when_they_are_again() -> None:
    """Without single messages, and where nothing fails: they wait for a stream."""
    missing = "stream S does not exist"
    events: list[ev.AnyEvent] = [
        ev.Connection(t=0.0, subject="hello", interval=1.0, verification="ack", stream="S"),
        ev.Connected(t=0.0, server=A),
        ev.StatusChanged(t=0.0, status="CONNECTED", previous="CONNECTING"),
        ev.AsyncError(t=0.1, text=missing),
        *(ev.Tally(t=t / 2, attempted=t, buffered=t) for t in range(1, 20)),
        *(ev.Rtt(t=t / 2, seconds=0.001) for t in range(20, 30)),
        ev.Tally(t=15.0, attempted=20, sent=20, delivered=20),
        ev.Rtt(t=16.0, seconds=0.001),
    ]
    assert [(line.kind, line.text) for line in logged(events)][-2:] == [
        ("bad", f"NOT DELIVERING: {missing}"),
        ("good", "messages are delivered again"),
    ]


def test_reconnected_to_another_server_on_the_same_address_is_no_return() -> None:
    def until_reconnected(after: str) -> str:
        return logged(
            [
                ev.Connected(t=0.0, server=A, server_name="blue"),
                ev.StatusChanged(t=0.0, status="CONNECTED", previous="CONNECTING"),
                ev.Disconnected(t=5.0, outage=1, cause="eof", server=A),
                ev.StatusChanged(t=5.0, status="RECONNECTING", previous="CONNECTED"),
                ev.Connected(t=6.0, server=A, server_name=after),
                ev.Reconnected(t=6.0, outage=1, before=A, after=A, downtime=1.0, attempts=1),
            ]
        )[-1].text

    assert until_reconnected("green") == "reconnected to green after 1.00 s and 1 attempt, before that on blue"
    assert until_reconnected("blue").endswith(", the same server")
