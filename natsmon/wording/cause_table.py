"""What each cause means and what to do about it: one table, for the log, the dashboard, reports, checks and docs.

A phrase fits a headline. A meaning is for a reader who meets the cause for the first time. The advice is empty where
the meaning suffices.
"""

from typing import NamedTuple

from natsmon.dial.causes import Cause
from natsmon.text.plain_text import clip


class Diagnosis(NamedTuple):
    """A cause in words."""

    phrase: str
    """As in *gave up after 60 attempts: connection refused*."""
    meaning: str
    advice: str = ""


_CLIENT_PORT = "4222 is the usual port for clients"

SECTIONS: dict[str, dict[Cause, Diagnosis]] = {
    "The way to the server": {
        Cause.DNS: Diagnosis(
            "name not found", "the name does not resolve", "check the host name, and the resolver of this machine"
        ),
        Cause.REFUSED: Diagnosis(
            "connection refused", "nothing listens on that port", "is the server running, and is this its port?"
        ),
        Cause.UNREACHABLE: Diagnosis(
            "no route", "there is no route to that address", "check the network, a VPN, the address"
        ),
        Cause.TIMEOUT: Diagnosis("no answer in time", "no answer arrived in time"),
        Cause.RESET: Diagnosis(
            "connection reset", "the connection was reset", "a proxy, a firewall or a crash may have cut it"
        ),
        Cause.EOF: Diagnosis(
            "the server closed it",
            "the server closed the connection without giving a reason",
            "see the server's log: it was stopped or killed, or an administrator closed the connection",
        ),
        Cause.PROXY: Diagnosis(
            "the proxy refused",
            "the proxy did not open a connection to the server",
            "check the proxy, its user and what it allows",
        ),
        Cause.COMMAND: Diagnosis(
            "the dial command failed", "the command of --dial-command failed", "run it by hand; it has no terminal"
        ),
        Cause.ADVERTISED_ADDRESS: Diagnosis(
            "advertised address not usable",
            "a server advertised an address that cannot be dialed",
            "client_advertise is wrong on that server",
        ),
        Cause.LOCAL_PORTS: Diagnosis(
            "local ports used up",
            "this machine has no free local port for the connection",
            "too many connections, open or in TIME_WAIT, go to that server (ss -tan); see ip_local_port_range",
        ),
        Cause.FILE_DESCRIPTORS: Diagnosis(
            "file descriptors used up",
            "this process or machine may not open another socket",
            "raise the limit (ulimit -n), or find what holds the files open (lsof)",
        ),
        Cause.NOT_ALLOWED: Diagnosis(
            "not allowed by this machine",
            "the operating system does not allow this connection",
            "a firewall or a sandbox of this machine forbids it",
        ),
    },
    "The protocol": {
        Cause.INFO_BAD: Diagnosis(
            "INFO not usable",
            "the server sent an INFO that cannot be used",
            "does something on the way change what the server sends?",
        ),
        Cause.HTTP: Diagnosis("a web server", "a web server answered", f"{_CLIENT_PORT}, 8222 for monitoring"),
        Cause.PROTOCOL: Diagnosis(
            "answer not understood",
            "what arrived after INFO is not the NATS protocol",
            "something on the way may add to what the server sends, or change it",
        ),
        Cause.WRONG_PORT: Diagnosis("a port for other servers", "this port is for other servers", _CLIENT_PORT),
        Cause.MONITORING_PORT: Diagnosis(
            "a monitoring port",
            "this is the monitoring port of a NATS server",
            f"{_CLIENT_PORT}; this one is for --monitor",
        ),
        Cause.WEBSOCKET_PORT: Diagnosis(
            "a WebSocket port",
            "this is the WebSocket port of a NATS server",
            f"{_CLIENT_PORT}; this one is for ws:// or wss://",
        ),
        Cause.CLIENT_FIRST: Diagnosis(
            "something waits for the client to send first",
            "INFO arrives only after the client has sent something: a service mesh (Istio, Linkerd, Envoy) or another "
            "proxy on the way waits for the client to send first",
            "exclude the port from the mesh (traffic.sidecar.istio.io/excludeOutboundPorts, "
            "config.linkerd.io/skip-outbound-ports), or declare it as TCP: a service port named tcp-…",
        ),
        Cause.ALTERED_BYTES: Diagnosis(
            "bytes altered on the way",
            "the server could not read what reached it: something in between adds to it or changes it",
            "a proxy with the PROXY protocol that the server does not expect, a VPN, an inspecting firewall",
        ),
        Cause.CONTROL_LINE: Diagnosis(
            "protocol line too long",
            "CONNECT or a subject is longer than the server allows",
            "raise max_control_line on the server, or use a shorter subject, connection name or JWT",
        ),
        Cause.CLIENT_PROTOCOL: Diagnosis(
            "protocol version refused", "the server does not accept the client's protocol version", "update the server"
        ),
        Cause.HEADERS: Diagnosis(
            "message headers refused",
            "the server does not accept the message's headers, or supports none",
            "no_header_support may be set on the server; leave --headers out",
        ),
        Cause.SUBJECT: Diagnosis(
            "invalid subject", "the server does not accept the subject", "check --subject for empty parts and wildcards"
        ),
        Cause.SERVER_REFUSED: Diagnosis("the server refused", "the server refused"),
    },
    "WebSocket": {
        Cause.WS_UPGRADE: Diagnosis(
            "WebSocket refused",
            "a web server answered and did not upgrade to WebSocket",
            "is this the port of the server's websocket block, or of a proxy that passes WebSocket on?",
        ),
        Cause.WS_REDIRECT: Diagnosis(
            "redirected", "a gateway redirects the WebSocket elsewhere", "dial the address it names"
        ),
        Cause.WS_CREDENTIALS: Diagnosis(
            "the gateway requires credentials",
            "a gateway before the server requires credentials of its own",
            "send them as a header of the upgrade: --ws-header",
        ),
        Cause.WS_ORIGIN: Diagnosis(
            "the gateway forbids it",
            "the server or a gateway before it forbids the WebSocket",
            "check allowed_origins and same_origin on the server (--ws-origin), or the gateway's rules (--ws-header)",
        ),
        Cause.WS_PATH: Diagnosis(
            "no such path", "nothing is at that path of the URL", "check the path: a proxy may route by it"
        ),
        Cause.WS_BUSY: Diagnosis(
            "too many requests", "the gateway limits how often it may be asked", "wait, or dial less often"
        ),
        Cause.WS_NO_SERVER: Diagnosis(
            "no server behind the gateway",
            "the gateway works; the NATS server behind it does not answer it",
            "start the server, or correct the gateway's upstream",
        ),
        Cause.WS_NATS_PORT: Diagnosis(
            "a port without WebSocket",
            "this is the port of a NATS server without WebSocket",
            "use nats:// or tls:// here, or the port of the server's websocket block",
        ),
        Cause.WS_TLS: Diagnosis("the port requires TLS", "the port speaks TLS, and ws:// does not", "use wss://"),
        Cause.WS_NO_TLS: Diagnosis(
            "the port has no TLS",
            "the port does not speak TLS, and wss:// does, as ws:// with --tlsca or --tlscert",
            "use ws:// without them, or nats:// if this is the port without WebSocket",
        ),
        Cause.WS_BAD: Diagnosis(
            "not WebSocket",
            "the peer did not send the WebSocket protocol",
            "is this a WebSocket port, and does no proxy on the way change the upgrade?",
        ),
        Cause.WS_CLOSED: Diagnosis(
            "WebSocket closed", "the server, or a proxy, closed the WebSocket", "see the log of either"
        ),
        Cause.WS_MISSING: Diagnosis(
            "websockets not installed", "WebSocket needs the package websockets", "pip install websockets"
        ),
    },
    "TLS": {
        Cause.TLS_MISMATCH: Diagnosis(
            "TLS on one side only",
            "one side requires TLS and the other does not speak it",
            "compare the URL with the server",
        ),
        Cause.TLS_REQUIRED: Diagnosis(
            "TLS required",
            "the server requires TLS, and its INFO did not announce it",
            "use tls://; something on the way may change its INFO",
        ),
        Cause.TLS_NOT_OFFERED: Diagnosis(
            "TLS not offered",
            "TLS was asked for and the server offers none: nothing was sent",
            "enable TLS on the server, or use nats:// if clear text is acceptable",
        ),
        Cause.TLS_DOWNGRADE: Diagnosis(
            "TLS dropped",
            "a server of this pool required TLS, and this one does not: credentials would have been sent in clear",
            "find out who answers at this address; --mixed-tls allows pools with both",
        ),
        Cause.TLS_FIRST_MISMATCH: Diagnosis(
            "not TLS first",
            "--tlsfirst was given, and the server sent INFO before the handshake",
            "leave --tlsfirst out: tls:// is enough",
        ),
        Cause.TLS_FIRST_WANTED: Diagnosis(
            "TLS first required", "the server waits for the TLS handshake before it sends INFO", "add --tlsfirst"
        ),
        Cause.TLS_SILENT: Diagnosis(
            "silent after TLS",
            "the peer completes a TLS handshake and then sends nothing",
            "is this a NATS server, or the port of a web server?",
        ),
        Cause.TLS_EXPIRED: Diagnosis(
            "certificate expired",
            "a certificate has expired: the server's own, an intermediate, or the local CA",
            "is the clock of this machine right?",
        ),
        Cause.TLS_SERVER_EXPIRED: Diagnosis(
            "server certificate expired",
            "the server's own certificate has expired",
            "renew the certificate on the server",
        ),
        Cause.TLS_INTERMEDIATE_EXPIRED: Diagnosis(
            "intermediate certificate expired",
            "an intermediate certificate that the server sends has expired; its own is valid",
            "replace the intermediate in the server's cert_file",
        ),
        Cause.TLS_CA_EXPIRED: Diagnosis(
            "local CA expired",
            "the CA certificate on this machine has expired; what the server sends is valid",
            "replace the CA file (--tlsca)",
        ),
        Cause.TLS_NOT_YET_VALID: Diagnosis(
            "certificate not valid yet",
            "a certificate is not valid yet",
            "is the clock of this machine right, and that of the machine that issued it?",
        ),
        Cause.TLS_WRONG_NAME: Diagnosis(
            "certificate for another name",
            "the certificate is for other names than the one dialed",
            "dial one of its names, or give one with --tls-server-name",
        ),
        Cause.TLS_WRONG_PURPOSE: Diagnosis(
            "certificate for another purpose",
            "the certificate may not be used by a server: its extended key usage lacks serverAuth",
            "issue one with serverAuth, and with clientAuth too where servers connect to each other",
        ),
        Cause.TLS_UNKNOWN_CA: Diagnosis(
            "unknown CA",
            "the server's certificate is issued by a CA that is not trusted",
            "give the file of its CA with --tlsca; an intermediate CA belongs into the server's cert_file",
        ),
        Cause.TLS_MISSING_INTERMEDIATE: Diagnosis(
            "intermediate certificate missing",
            "the server does not send the intermediate certificate between its own and the trusted CA",
            "put the issuer's certificate into the server's cert_file, behind the server's own",
        ),
        Cause.TLS_WEAK: Diagnosis(
            "certificate too weak",
            "a key or a signature is too weak for this machine's OpenSSL",
            "issue the certificate with a longer key (RSA 2048, EC 256) and SHA-256",
        ),
        Cause.TLS_VERIFY: Diagnosis(
            "certificate not trusted",
            "the server's certificate cannot be verified",
            "check its CA (--tlsca), its names and its dates",
        ),
        Cause.TLS_CLIENT_CERTIFICATE_MISSING: Diagnosis(
            "client certificate required",
            "the server requires a client certificate, and none was given",
            "give one with --tlscert and --tlskey",
        ),
        Cause.TLS_CLIENT_CERTIFICATE_REFUSED: Diagnosis(
            "client certificate refused",
            "the server does not accept the client certificate",
            "is it expired, is its CA the one the server trusts (ca_file), and does it allow clientAuth?",
        ),
        Cause.TLS_REFUSED: Diagnosis(
            "TLS refused",
            "the server ended the TLS handshake",
            "compare TLS versions and ciphers of both sides; does the server accept the certificate of --tlscert?",
        ),
        Cause.TLS_VERSION: Diagnosis(
            "TLS versions differ",
            "the two sides have no TLS version in common",
            "natsmon needs TLS 1.2 or later; see min_version on the server",
        ),
        Cause.TLS_SERVER_NAME: Diagnosis(
            "name not served", "the peer has no certificate for the name asked for (SNI)", "check --tls-server-name"
        ),
        Cause.TLS_FILES: Diagnosis(
            "TLS files not usable", "the TLS files cannot be used", "check --tlsca, --tlscert and --tlskey"
        ),
        Cause.TLS_PROTOCOL: Diagnosis("TLS handshake failed", "the TLS handshake failed"),
    },
    "Authentication": {
        Cause.AUTH: Diagnosis(
            "wrong credentials",
            "the server refused the credentials",
            "is the password right, and is the user known to this server? --monitor may have the reason",
        ),
        Cause.AUTH_MISSING: Diagnosis(
            "credentials required",
            "the server requires credentials, and none were given",
            "--user, --token, --creds, --nkey, or in the URL",
        ),
        Cause.AUTH_WHITESPACE: Diagnosis(
            "invisible characters in the credentials",
            "the credentials that the server refused begin or end in characters that are not seen",
            "remove them where the value is set: echo adds a line break, echo -n and printf do not",
        ),
        Cause.AUTH_CALLOUT: Diagnosis(
            "refused after a wait",
            "the server refused after a wait, as when it asks a service or other servers and has no answer",
            "auth callout: is its service running? user JWT: does the account resolver have the account? a wrong "
            "password is refused at once",
        ),
        Cause.AUTH_NKEY: Diagnosis(
            "nkey refused",
            "the server has no user with this nkey",
            "its public key must be among the users of the server",
        ),
        Cause.AUTH_CERTIFICATE: Diagnosis(
            "certificate maps to no user",
            "the server received a client certificate and nothing else, and refused it",
            "is a name in the certificate a user of the server (verify_and_map)? if not, add --user or --creds",
        ),
        Cause.AUTH_JWT: Diagnosis(
            "user JWT refused",
            "the server refused the user JWT, and nothing in the JWT speaks against this connection",
            "does the server have the account that issued it, not expired, and is the user not revoked?",
        ),
        Cause.AUTH_CLAIMS: Diagnosis(
            "user JWT not valid here",
            "the user JWT does not allow this connection",
            "get another JWT, or connect as this one demands",
        ),
        Cause.AUTH_EXPIRED: Diagnosis("credentials expired", "the credentials have expired", "get new ones"),
        Cause.AUTH_REVOKED: Diagnosis("credentials revoked", "the credentials were revoked", "get new ones"),
        Cause.AUTH_TIMEOUT: Diagnosis(
            "authentication timed out",
            "the server did not receive or could not check the credentials in time",
            "a slow network, a slow authorization service, or a short timeout in the server's authorization block",
        ),
        Cause.AUTH_PROXY_REQUIRED: Diagnosis(
            "trusted proxy required",
            "this user may connect through a trusted proxy only",
            "dial the proxy, or remove proxy_required from the user",
        ),
        Cause.AUTH_PROXY_NOT_TRUSTED: Diagnosis(
            "proxy not trusted",
            "the proxy on the way is not among the trusted proxies of the server",
            "add its key to the server's proxies block",
        ),
        Cause.AUTH_ACCOUNT_EXPIRED: Diagnosis(
            "account expired",
            "the account JWT at the server has expired, or was deleted; the user's own credentials are not the reason",
            "renew the account JWT, and push it to the servers (nsc push)",
        ),
        Cause.AUTH_ACCOUNT: Diagnosis(
            "account not available",
            "the server could not register the connection with its account",
            "does the account exist on this server, and can the server reach its account resolver?",
        ),
        Cause.NKEYS_UNSUPPORTED: Diagnosis(
            "nkeys not supported",
            "the server has no nkeys configured, and CONNECT was not sent",
            "name the nkey's public key among the users of the server, or leave --nkey out",
        ),
        Cause.CREDENTIALS: Diagnosis(
            "credentials not usable", "the credentials given cannot be used", "natsmon info shows which they are"
        ),
    },
    "Limits and ends": {
        Cause.LIMIT: Diagnosis(
            "server full", "the server accepts no more connections", "max_connections on the server, or one more server"
        ),
        Cause.THROTTLED: Diagnosis(
            "server throttles connections",
            "the server accepts new connections only slowly at the moment",
            "natsmon dials again",
        ),
        Cause.ACCOUNT_LIMIT: Diagnosis(
            "account limit reached",
            "a limit of the account is reached",
            "the limits on connections and subscriptions are in the account, or in the server's configuration",
        ),
        Cause.PERMISSIONS: Diagnosis(
            "permission denied",
            "the user may not publish or subscribe there",
            "allow it in the permissions of the user; natsmon check needs both on _INBOX.>",
        ),
        Cause.MAX_PAYLOAD: Diagnosis(
            "message too large",
            "a message was larger than the server accepts",
            "max_payload on the server or of the account; it may have been lowered",
        ),
        Cause.SLOW_CONSUMER: Diagnosis(
            "slow consumer",
            "the server closed the connection because its data was not read fast enough",
            "a slow network, or a busy machine",
        ),
        Cause.STALE: Diagnosis(
            "PINGs not answered", "PINGs were not answered", "the server is frozen, or the network on the way is down"
        ),
        Cause.STALE_CLIENT: Diagnosis(
            "server's PINGs not answered",
            "the server closed the connection because its PINGs were not answered",
            "this process or machine was suspended or overloaded, or the network on the way was down",
        ),
        Cause.IDLE_LIMIT: Diagnosis(
            "cut when idle",
            "a load balancer, firewall or NAT on the way closes connections that are idle",
            "lower --ping-interval (or the application's) below that time",
        ),
        Cause.SHUTDOWN: Diagnosis(
            "server shut down", "the server shut down", "natsmon dials the other servers, or this one until it is back"
        ),
        Cause.LAME_DUCK: Diagnosis(
            "closed after lame duck notice",
            "the server sent a lame duck notice, then closed the connection: it shuts down, or sends this client away",
        ),
        Cause.KICKED: Diagnosis("kicked", "an administrator had this connection closed with the system account"),
        Cause.REPLACED: Diagnosis("replaced", "another client connected with the same client ID"),
        Cause.INTERNAL_CLIENT: Diagnosis("internal client", "the server ended a client of its own"),
        Cause.CLOSED: Diagnosis(
            "closed by the client",
            "the server notes that the client closed it",
            "something on the way may have; or the server's configuration was loaded again, without the user or with "
            "the user in another account",
        ),
        Cause.DRAINED: Diagnosis("drained", "the connection was drained"),
        Cause.GAVE_UP: Diagnosis("gave up", "no attempts are left"),
        Cause.CANCELLED: Diagnosis("cancelled", "the dial was cancelled"),
        Cause.MANUAL: Diagnosis("manual reconnect", "a reconnect was asked for"),
        Cause.UNKNOWN: Diagnosis("unknown error", "an error that natsmon has no explanation for"),
    },
}

_CLOSED_IN_HANDSHAKE = Diagnosis(
    "closed during the handshake", "the server closed the connection during the handshake", "see the server's log"
)
IN_STAGE: dict[tuple[str | None, Cause], Diagnosis] = {
    ("dns", Cause.TIMEOUT): Diagnosis(
        "no answer from the resolver", "the resolver did not answer", "check the resolver of this machine"
    ),
    ("tcp", Cause.TIMEOUT): Diagnosis(
        "no answer to the TCP connect",
        "no answer to the TCP connect",
        "a firewall may drop it, or the machine may be down",
    ),
    ("tls", Cause.TIMEOUT): Diagnosis(
        "TLS handshake not finished", "the TLS handshake did not finish", "does the server speak TLS on this port?"
    ),
    ("info", Cause.TIMEOUT): Diagnosis(
        "no INFO",
        "connected, but the server sends no INFO",
        "it may be frozen, wait for TLS first, or be no NATS server: a WebSocket or a monitoring port is silent too",
    ),
    ("connect", Cause.TIMEOUT): Diagnosis(
        "no PONG",
        "no PONG to the first PING",
        "the server may be overloaded, or be waiting for its authorization service",
    ),
    ("info", Cause.EOF): Diagnosis(
        "closed before INFO",
        "closed before the server sent INFO",
        "a proxy without a server behind it does this, and a full server",
    ),
    ("connect", Cause.EOF): _CLOSED_IN_HANDSHAKE,
    ("connect", Cause.RESET): _CLOSED_IN_HANDSHAKE,
    ("info", Cause.INFO_BAD): Diagnosis(
        "INFO not usable",
        "the greeting is not a usable INFO",
        "is this a NATS server, and does nothing on the way change its INFO?",
    ),
    ("info", Cause.PROTOCOL): Diagnosis(
        "not NATS", "the peer did not send the NATS protocol", "is this a NATS server?"
    ),
    ("info", Cause.TLS_MISMATCH): Diagnosis(
        "the port requires TLS", "the peer sends TLS at once", "if it is a NATS server, use --tlsfirst"
    ),
    ("tls", Cause.TLS_MISMATCH): Diagnosis(
        "the peer does not speak TLS",
        "the peer does not speak TLS where it should",
        "is there a proxy on the way, or a server of another kind?",
    ),
}
"""Where the stage of a dial changes the meaning."""

_DISCOVERED = Diagnosis(
    "advertised address not reachable",
    "a server advertised this address (connect_urls), and this machine cannot reach it",
    "client_advertise on the server sets what it advertises; --ignore-discovered-servers leaves such servers out",
)
_UNREACHED = (Cause.DNS, Cause.REFUSED, Cause.UNREACHABLE, Cause.TIMEOUT)

TABLE = {cause: diagnosis for section in SECTIONS.values() for cause, diagnosis in section.items()}


def diagnose(stage: str | None, cause: str, *, discovered: bool = False) -> Diagnosis:
    """Return what is known of a cause.

    Args:
        stage: The stage of a dial in which it occurred; None for a connection that ended.
        cause: A value of ``Cause``; any other word is ``unknown``.
        discovered: The server was advertised by another one, not given by the user.
    """
    known = Cause(cause)
    if discovered and stage in ("dns", "tcp") and known in _UNREACHED:
        return _DISCOVERED
    return IN_STAGE.get((stage, known)) or TABLE[known]


def explained(diagnosis: Diagnosis, text: str) -> str:
    """Return the phrase and the evidence, each where the other does not contain it."""
    phrase, text = diagnosis.phrase, clip(text)
    if not text or text.casefold() in phrase.casefold():
        return phrase
    return text if phrase.casefold() in text.casefold() else f"{phrase}: {text}"
