"""The options of ``nats.connect``, for a type checker."""

from __future__ import annotations  # the names below exist in the newest nats-py

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import ssl

    from nats.aio.client import (
        Callback,
        CredentialCallback,
        Credentials,
        ErrorCallback,
        JWTCallback,
        ReconnectToServerHandler,
        SignatureCallback,
        TokenCallback,
    )


class ConnectOptions(TypedDict, total=False):
    """Keyword arguments of ``nats.connect``, with the same meaning. Times are in seconds."""

    error_cb: ErrorCallback | None
    disconnected_cb: Callback | None
    closed_cb: Callback | None
    discovered_server_cb: Callback | None
    reconnected_cb: Callback | None
    lame_duck_mode_cb: Callback | None
    reconnect_to_server_handler: ReconnectToServerHandler | None
    name: str | None
    pedantic: bool
    verbose: bool
    allow_reconnect: bool
    connect_timeout: float
    reconnect_time_wait: float
    max_reconnect_attempts: int
    ping_interval: float
    max_outstanding_pings: int
    dont_randomize: bool
    flusher_queue_size: int
    no_echo: bool
    tls: ssl.SSLContext | None
    tls_hostname: str | None
    tls_handshake_first: bool
    user: str | CredentialCallback | None
    password: str | CredentialCallback | None
    token: str | TokenCallback | None
    drain_timeout: float
    signature_cb: SignatureCallback | None
    user_jwt_cb: JWTCallback | None
    user_credentials: Credentials | None
    nkeys_seed: str | None
    nkeys_seed_str: str | None
    inbox_prefix: str | bytes
    pending_size: int
    flush_timeout: float | None
    ws_connection_headers: dict[str, list[str]] | None
    skip_subject_validation: bool
