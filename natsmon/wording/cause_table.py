"""From a stage and a cause class to what happened and what to try. Pure, and a table.

The words are for somebody who sees the cause for the first time; a cause that says it all has no advice.
"""

from dataclasses import dataclass

from natsmon.stream.events import Stage


@dataclass(frozen=True, slots=True)
class Diagnosis:
    happened: str
    advice: str = ""


_TABLE: dict[tuple[Stage | None, str], Diagnosis] = {
    # -- the way to the server
    (None, "dns"): Diagnosis("the name does not resolve", "check the host name, and the resolver of this machine"),
    (None, "refused"): Diagnosis("nothing listens on that port", "is the server running, and is this its port?"),
    (None, "unreachable"): Diagnosis("there is no route to that address", "check the network, a VPN, the address"),
    (None, "timeout"): Diagnosis("no answer in time"),
    ("dns", "timeout"): Diagnosis("the resolver did not answer", "check the resolver of this machine"),
    ("tcp", "timeout"): Diagnosis("no answer to the TCP connect", "a firewall may drop it, or the machine be down"),
    ("tls", "timeout"): Diagnosis("the TLS handshake did not finish", "does the server speak TLS on this port?"),
    ("info", "timeout"): Diagnosis(
        "connected, but the server stays silent",
        "it may be frozen, wait for TLS first, or be no NATS server: a WebSocket or a monitoring port is silent too",
    ),
    ("connect", "timeout"): Diagnosis(
        "no PONG to the first PING", "the server may be overloaded, or be waiting for its authorization service"
    ),
    (None, "command"): Diagnosis("the command of --dial-command failed", "run it by hand; it has no terminal"),
    (None, "proxy"): Diagnosis("the proxy refused", "check the proxy, its user and what it allows"),
    (None, "reset"): Diagnosis("the connection was reset", "a proxy, a firewall or a crash may have cut it"),
    # -- the greeting
    (None, "eof"): Diagnosis(
        "the server closed the connection without a word", "it was stopped or killed, or somebody had it closed"
    ),
    ("info", "eof"): Diagnosis(
        "closed before the server said anything", "a proxy without a server behind it does this, and a full server"
    ),
    ("connect", "eof"): Diagnosis("closed during the handshake", "the server's log knows why"),
    (None, "info_bad"): Diagnosis(
        "what came is not a usable INFO", "is this a NATS server, and nothing in between that changes what it says?"
    ),
    (None, "http"): Diagnosis("a web server answered", "4222 is the usual port of clients, 8222 the one of monitoring"),
    (None, "protocol"): Diagnosis("what came is not the NATS protocol", "is this a NATS server?"),
    (None, "wrong_port"): Diagnosis(
        "a NATS server, but a port of it for other servers", "4222 is the usual port of clients"
    ),
    (None, "monitoring_port"): Diagnosis(
        "a NATS server, but its monitoring port", "4222 is the usual port of clients; this one is for --monitor"
    ),
    (None, "websocket_port"): Diagnosis(
        "a NATS server, but its WebSocket port", "4222 is the usual port of clients; this one is for ws:// or wss://"
    ),
    # -- WebSocket
    (None, "ws_upgrade"): Diagnosis(
        "a web server answered, and did not agree to WebSocket",
        "is this the port of the server's websocket block, and the URL's path the one a proxy before it wants?",
    ),
    (None, "ws_nats_port"): Diagnosis(
        "a NATS server, but its port without WebSocket",
        "use nats:// or tls:// here, or the port of its websocket block",
    ),
    (None, "ws_tls"): Diagnosis("the port speaks TLS, and ws:// does not", "try wss://"),
    (None, "ws_no_tls"): Diagnosis(
        "the port does not speak TLS, as wss:// does", "try ws://, or nats:// if this is the port for that"
    ),
    (None, "ws_bad"): Diagnosis(
        "what came is not the WebSocket protocol", "is this a WebSocket port, and no broken proxy in between?"
    ),
    (None, "ws_closed"): Diagnosis("the server, or a proxy, closed the WebSocket", "its log knows why"),
    (None, "ws_missing"): Diagnosis("what speaks WebSocket is not installed", "pip install websockets"),
    # -- TLS
    (None, "tls_mismatch"): Diagnosis("one side wants TLS and the other does not", "compare tls:// with the server"),
    ("info", "tls_mismatch"): Diagnosis("the peer speaks TLS at once", "if it is a NATS server, try --tlsfirst"),
    ("tls", "tls_mismatch"): Diagnosis(
        "the peer does not speak TLS where it should", "is there a proxy in between, or a server of another kind?"
    ),
    (None, "tls_required"): Diagnosis(
        "the server insists on TLS and did not say so in INFO", "try tls://; something in between may change its INFO"
    ),
    (None, "tls_not_offered"): Diagnosis(
        "TLS was asked for and the server offers none: nothing was sent",
        "enable TLS on the server, or use nats:// if clear text is acceptable",
    ),
    (None, "tls_first_mismatch"): Diagnosis(
        "--tlsfirst, and the server spoke first: it does not do TLS first", "leave --tlsfirst out: tls:// is enough"
    ),
    (None, "tls_first_wanted"): Diagnosis(
        "the server waits for the TLS handshake before it says anything", "add --tlsfirst"
    ),
    (None, "tls_silent"): Diagnosis(
        "the peer speaks TLS and then stays silent", "is this a NATS server, or the port of a web server?"
    ),
    (None, "tls_expired"): Diagnosis(
        "a certificate of the server has expired", "renew it on the server; is the clock of this machine right?"
    ),
    (None, "tls_not_yet_valid"): Diagnosis(
        "a certificate of the server is not valid yet", "is the clock of this machine right, and the server's?"
    ),
    (None, "tls_wrong_name"): Diagnosis(
        "the certificate is for other names than the one dialed",
        "dial one of its names, or give one by --tls-server-name",
    ),
    (None, "tls_unknown_ca"): Diagnosis(
        "the server's certificate is signed by a CA that is not trusted", "give the file of its CA by --tlsca"
    ),
    (None, "tls_verify"): Diagnosis(
        "the server's certificate is not trusted", "check its CA (--tlsca), its names and its dates"
    ),
    (None, "tls_client_certificate_missing"): Diagnosis(
        "the server wants a certificate of the client", "give one by --tlscert and --tlskey"
    ),
    (None, "tls_client_certificate_refused"): Diagnosis(
        "the server does not accept the client's certificate", "is it expired, and is its CA the one the server trusts?"
    ),
    (None, "tls_refused"): Diagnosis(
        "the server broke off the TLS handshake",
        "compare the TLS versions and the ciphers of both sides; does it take the certificate given by --tlscert?",
    ),
    (None, "tls_files"): Diagnosis("the TLS files cannot be used", "check --tlsca, --tlscert and --tlskey"),
    (None, "tls_protocol"): Diagnosis("the TLS handshake failed", "compare the TLS versions of both sides"),
    # -- who we are
    (None, "auth"): Diagnosis(
        "the server refused the credentials", "is the password right, does this server know the user?"
    ),
    (None, "auth_missing"): Diagnosis(
        "the server wants credentials, and none were given", "--user, --token, --creds, --nkey, or in the URL"
    ),
    (None, "auth_nkey"): Diagnosis(
        "the server does not know this nkey", "its public key must be among the users of the server"
    ),
    (None, "nkeys_unsupported"): Diagnosis(
        "the server does not do nkeys, and CONNECT was not sent",
        "name the nkey's public key among the users of the server, or leave --nkey out",
    ),
    (None, "auth_certificate"): Diagnosis(
        "the server got a client certificate and nothing else, and refused it",
        "is a name in the certificate a user of the server (verify_and_map)? if it maps none, add --user or --creds",
    ),
    (None, "auth_jwt"): Diagnosis(
        "the server refused the user JWT",
        "does the server know the account that issued it, and is the user not revoked?",
    ),
    (None, "auth_expired"): Diagnosis("the credentials are not valid any more", "get new ones"),
    (None, "auth_revoked"): Diagnosis("the credentials were revoked", "get new ones"),
    (None, "auth_timeout"): Diagnosis(
        "the server did not get or could not check the credentials in time",
        "a slow network, or a slow authorization service behind the server",
    ),
    (None, "credentials"): Diagnosis("the credentials given cannot be used", "natsmon info shows which they are"),
    # -- limits, and ends
    (None, "limit"): Diagnosis(
        "the server takes no more connections", "max_connections on the server, or one server too few"
    ),
    (None, "account_limit"): Diagnosis(
        "a limit of the account is reached", "its connections and subscriptions are set in the account"
    ),
    (None, "permissions"): Diagnosis(
        "the server does not let this user publish or subscribe there", "natsmon check needs both on _INBOX.>"
    ),
    (None, "max_payload"): Diagnosis(
        "a message was larger than the server takes", "max_payload on the server; it may have been lowered"
    ),
    (None, "slow_consumer"): Diagnosis(
        "the server closed the connection because it was not read fast enough", "a slow network, or a busy machine"
    ),
    (None, "stale"): Diagnosis("PINGs were not answered", "the server is frozen, or the network between is down"),
    (None, "shutdown"): Diagnosis("the server shut down", "another one of the pool, or this one restarted, takes over"),
    (None, "lame_duck"): Diagnosis("the server is about to shut down, and sends its clients away"),
    (None, "kicked"): Diagnosis("somebody with the system account had this connection closed"),
    (None, "closed"): Diagnosis("the server saw the client close it", "something in between may have"),
    (None, "cancelled"): Diagnosis("cancelled"),
    (None, "manual"): Diagnosis("a reconnect was asked for"),
    (None, "unknown"): Diagnosis("it failed in a way natsmon does not know"),
}


def diagnose(stage: Stage | None, cause: str) -> Diagnosis:
    """What is known of this cause in this stage; else of the cause; else of nothing."""
    return _TABLE.get((stage, cause)) or _TABLE.get((None, cause)) or _TABLE[(None, "unknown")]
