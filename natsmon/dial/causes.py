"""The stages of a dial, and the closed set of causes: why a dial failed, or why a connection ended.

``natsmon.wording.cause_table`` has the meaning of each cause, and what to do about it.
"""

from enum import StrEnum
from typing import Literal

Stage = Literal["dns", "tcp", "tls", "info", "connect"]
STAGES: tuple[Stage, ...] = ("dns", "tcp", "tls", "info", "connect")
"""In wire order; ``tls`` comes after ``info`` instead when it was INFO that asked for it.

``info`` lasts from the open stream to the server's INFO; over WebSocket the upgrade is part of it.
"""


class Cause(StrEnum):
    """Why a dial failed or a connection ended. Machine output has the value, a person gets its phrase."""

    # -- the way to the server
    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RESET = "reset"
    EOF = "eof"
    PROXY = "proxy"
    COMMAND = "command"
    ADVERTISED_ADDRESS = "advertised_address"
    LOCAL_PORTS = "local_ports"
    FILE_DESCRIPTORS = "file_descriptors"
    NOT_ALLOWED = "not_allowed"
    # -- the greeting, and what the server reads
    INFO_BAD = "info_bad"
    HTTP = "http"
    PROTOCOL = "protocol"
    WRONG_PORT = "wrong_port"
    MONITORING_PORT = "monitoring_port"
    WEBSOCKET_PORT = "websocket_port"
    CLIENT_FIRST = "client_first"
    ALTERED_BYTES = "altered_bytes"
    CONTROL_LINE = "control_line"
    CLIENT_PROTOCOL = "client_protocol"
    HEADERS = "headers"
    SUBJECT = "subject"
    SERVER_REFUSED = "server_refused"
    # -- WebSocket
    WS_UPGRADE = "ws_upgrade"
    WS_REDIRECT = "ws_redirect"
    WS_CREDENTIALS = "ws_credentials"
    WS_ORIGIN = "ws_origin"
    WS_PATH = "ws_path"
    WS_BUSY = "ws_busy"
    WS_NO_SERVER = "ws_no_server"
    WS_NATS_PORT = "ws_nats_port"
    WS_TLS = "ws_tls"
    WS_NO_TLS = "ws_no_tls"
    WS_BAD = "ws_bad"
    WS_CLOSED = "ws_closed"
    WS_MISSING = "ws_missing"
    # -- TLS
    TLS_MISMATCH = "tls_mismatch"
    TLS_REQUIRED = "tls_required"
    TLS_NOT_OFFERED = "tls_not_offered"
    TLS_DOWNGRADE = "tls_downgrade"
    TLS_FIRST_MISMATCH = "tls_first_mismatch"
    TLS_FIRST_WANTED = "tls_first_wanted"
    TLS_SILENT = "tls_silent"
    TLS_EXPIRED = "tls_expired"
    TLS_SERVER_EXPIRED = "tls_server_expired"
    TLS_INTERMEDIATE_EXPIRED = "tls_intermediate_expired"
    TLS_CA_EXPIRED = "tls_ca_expired"
    TLS_NOT_YET_VALID = "tls_not_yet_valid"
    TLS_WRONG_NAME = "tls_wrong_name"
    TLS_WRONG_PURPOSE = "tls_wrong_purpose"
    TLS_UNKNOWN_CA = "tls_unknown_ca"
    TLS_MISSING_INTERMEDIATE = "tls_missing_intermediate"
    TLS_WEAK = "tls_weak"
    TLS_VERIFY = "tls_verify"
    TLS_CLIENT_CERTIFICATE_MISSING = "tls_client_certificate_missing"
    TLS_CLIENT_CERTIFICATE_REFUSED = "tls_client_certificate_refused"
    TLS_REFUSED = "tls_refused"
    TLS_VERSION = "tls_version"
    TLS_SERVER_NAME = "tls_server_name"
    TLS_FILES = "tls_files"
    TLS_PROTOCOL = "tls_protocol"
    # -- identity
    AUTH = "auth"
    AUTH_MISSING = "auth_missing"
    AUTH_WHITESPACE = "auth_whitespace"
    AUTH_CALLOUT = "auth_callout"
    AUTH_NKEY = "auth_nkey"
    AUTH_CERTIFICATE = "auth_certificate"
    AUTH_JWT = "auth_jwt"
    AUTH_CLAIMS = "auth_claims"
    AUTH_EXPIRED = "auth_expired"
    AUTH_REVOKED = "auth_revoked"
    AUTH_TIMEOUT = "auth_timeout"
    AUTH_PROXY_REQUIRED = "auth_proxy_required"
    AUTH_PROXY_NOT_TRUSTED = "auth_proxy_not_trusted"
    AUTH_ACCOUNT_EXPIRED = "auth_account_expired"
    AUTH_ACCOUNT = "auth_account"
    NKEYS_UNSUPPORTED = "nkeys_unsupported"
    CREDENTIALS = "credentials"
    # -- limits, and ends
    LIMIT = "limit"
    THROTTLED = "throttled"
    ACCOUNT_LIMIT = "account_limit"
    PERMISSIONS = "permissions"
    MAX_PAYLOAD = "max_payload"
    SLOW_CONSUMER = "slow_consumer"
    STALE = "stale"
    STALE_CLIENT = "stale_client"
    IDLE_LIMIT = "idle_limit"
    SHUTDOWN = "shutdown"
    LAME_DUCK = "lame_duck"
    KICKED = "kicked"
    REPLACED = "replaced"
    INTERNAL_CLIENT = "internal_client"
    CLOSED = "closed"
    DRAINED = "drained"
    GAVE_UP = "gave_up"
    CANCELLED = "cancelled"
    MANUAL = "manual"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "Cause":
        """A word of a newer natsmon's stream, or of a custom dialer."""
        return cls.UNKNOWN
