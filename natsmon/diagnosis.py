"""From a stage and a cause class to what happened and what to try. Pure, and a table.

The words are for somebody who sees the cause for the first time; a cause that says it all has no advice.
"""

from dataclasses import dataclass

from natsmon.events import Stage


@dataclass(frozen=True, slots=True)
class Diagnosis:
    happened: str
    advice: str = ""


_TABLE: dict[tuple[Stage | None, str], Diagnosis] = {
    (None, "dns"): Diagnosis("the name does not resolve", "check the host name, and the resolver of this machine"),
    (None, "refused"): Diagnosis("nothing listens on that port", "is the server running, and is this its port?"),
    (None, "unreachable"): Diagnosis("there is no route to that address", "check the network, a VPN, the address"),
    (None, "timeout"): Diagnosis("no answer in time"),
    ("dns", "timeout"): Diagnosis("the resolver did not answer", "check the resolver of this machine"),
    ("tcp", "timeout"): Diagnosis("no answer to the TCP connect", "a firewall may drop it, or the machine be down"),
    ("tls", "timeout"): Diagnosis("the TLS handshake did not finish", "does the server speak TLS on this port?"),
    ("info", "timeout"): Diagnosis(
        "connected, but the server stays silent", "it may be frozen, wait for TLS first, or be no NATS server"
    ),
    ("connect", "timeout"): Diagnosis(
        "no PONG to the first PING", "the server may be overloaded, or be waiting for its authorization service"
    ),
    (None, "reset"): Diagnosis("the connection was reset", "a proxy, a firewall or a crash may have cut it"),
    (None, "eof"): Diagnosis("the server closed the connection"),
    ("info", "eof"): Diagnosis(
        "closed before the server said anything", "a proxy without a server behind it does this, and a full server"
    ),
    ("connect", "eof"): Diagnosis("closed during the handshake", "the server's log knows why"),
    (None, "info_bad"): Diagnosis("what came is not a usable INFO", "is this a NATS server?"),
    (None, "http"): Diagnosis("a web server answered", "4222 is the usual port of clients, 8222 the one of monitoring"),
    (None, "tls_mismatch"): Diagnosis("one side wants TLS and the other does not", "compare tls:// with the server"),
    (None, "tls_verify"): Diagnosis("the server's certificate is not trusted", "check its CA, names and dates"),
    (None, "tls_protocol"): Diagnosis("the TLS handshake failed", "compare the TLS versions of both sides"),
    (None, "auth"): Diagnosis("the server refused the credentials", "natsmon info shows which are used"),
    (None, "auth_expired"): Diagnosis("the credentials are not valid any more", "get new ones"),
    (None, "limit"): Diagnosis("a limit of the server or the account is reached"),
    (None, "protocol"): Diagnosis("what came is not the NATS protocol", "is this a NATS server?"),
    (None, "stale"): Diagnosis("PINGs were not answered", "the server is frozen, or the network between is down"),
    (None, "shutdown"): Diagnosis("the server shut down"),
    (None, "lame_duck"): Diagnosis("the server is about to shut down, and sends its clients away"),
    (None, "cancelled"): Diagnosis("cancelled"),
    (None, "forced"): Diagnosis("a reconnect was asked for"),
    (None, "unknown"): Diagnosis("it failed in a way natsmon does not know"),
}


def diagnose(stage: Stage | None, cause: str) -> Diagnosis:
    """What is known of this cause in this stage; else of the cause; else of nothing."""
    return _TABLE.get((stage, cause)) or _TABLE.get((None, cause)) or _TABLE[(None, "unknown")]
