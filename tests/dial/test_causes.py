"""Foreign errors in the closed set of causes: errno, TLS, a server's -ERR and its close reasons."""

import errno
import os
import ssl

import pytest

from natsmon.dial.causes import Cause
from natsmon.dial.errors import classify
from natsmon.protocol.server_errors import classify_close_reason, classify_server_error, error_text

# nats-server 2.15: ClosedState.String in server/monitor.go, without "Unknown State".
CLOSE_REASONS = """
Client Closed=closed
Authentication Timeout=auth_timeout
Authentication Failure=auth
TLS Handshake Failure=tls_protocol
Slow Consumer (Pending Bytes)=slow_consumer
Slow Consumer (Write Deadline)=slow_consumer
Write Error=reset
Read Error=reset
Parse Error=altered_bytes
Stale Connection=stale_client
Protocol Violation=altered_bytes
Bad Client Protocol Version=client_protocol
Incorrect Port=wrong_port
Maximum Connections Exceeded=limit
Maximum Account Connections Exceeded=account_limit
Maximum Message Payload Exceeded=max_payload
Maximum Control Line Exceeded=control_line
Maximum Subscriptions Exceeded=account_limit
Duplicate Route=wrong_port
Route Removed=wrong_port
Server Shutdown=shutdown
Authentication Expired=auth_expired
Wrong Gateway=wrong_port
Missing Account=auth_account
Credentials Revoked=auth_revoked
Internal Client=internal_client
Message Header Violation=headers
No Responders Requires Headers=headers
Cluster Name Conflict=wrong_port
Duplicate Remote LeafNode Connection=wrong_port
Duplicate Client ID=replaced
Duplicate Server Name=wrong_port
Minimum Version Required=wrong_port
Cluster Names Identical=wrong_port
Kicked=kicked
Proxy Not Trusted=auth_proxy_not_trusted
Proxy Required=auth_proxy_required
"""

# nats-server 2.15: what a client may read behind -ERR (client.go, parser.go, server.go, accounts.go).
ERRORS = """
Authorization Violation=auth
Authentication Timeout=auth_timeout
User Authentication Expired=auth_expired
Account Authentication Expired=auth_account_expired
User Authentication Revoked=auth_revoked
Failed Account Registration=auth_account
invalid client protocol=client_protocol
no responders requires headers support=headers
bad message header detected=headers
message headers not supported=headers
maximum account active connections exceeded=account_limit
maximum connections exceeded=limit
maximum subscriptions exceeded=account_limit
Maximum Payload Violation=max_payload
maximum control line exceeded=control_line
Invalid Publish Subject=subject
Invalid Subject=subject
Permissions Violation for Publish to "a"=permissions
Permissions Violation for Subscription to "a" using queue "b"=permissions
Unknown Protocol Operation=altered_bytes
Parser Error=altered_bytes
Connection throttling is active. Please try again later.=throttled
Secure Connection - TLS Required=tls_required
Stale Connection=stale_client
Server Shutdown=shutdown
attempted to connect to route port=wrong_port
attempted to connect to leaf node port=wrong_port
attempted to connect to gateway port=wrong_port
Server Overloaded=server_refused
=server_refused
"""


def pairs(table: str) -> list[tuple[str, str]]:
    lines = [line.rpartition("=") for line in table.strip("\n").splitlines()]
    return [(text, cause) for text, _, cause in lines]


@pytest.mark.parametrize(("reason", "cause"), [*pairs(CLOSE_REASONS), ("Something New", "unknown")])
def test_close_reason_has_its_cause(reason: str, cause: str) -> None:
    assert classify_close_reason(reason) == cause
    assert classify_close_reason(reason.upper()) == cause


@pytest.mark.parametrize(("text", "cause"), pairs(ERRORS))
def test_server_error_has_its_cause(text: str, cause: str) -> None:
    assert classify_server_error(error_text(f"-ERR '{text}'\r\n".encode())) == cause
    assert classify_server_error(text.lower()) == cause


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ECONNREFUSED, Cause.REFUSED),
        (errno.EHOSTUNREACH, Cause.UNREACHABLE),
        (errno.EADDRNOTAVAIL, Cause.LOCAL_PORTS),
        (errno.EMFILE, Cause.FILE_DESCRIPTORS),
        (errno.ENFILE, Cause.FILE_DESCRIPTORS),
        (errno.EACCES, Cause.NOT_ALLOWED),
        (errno.EPERM, Cause.NOT_ALLOWED),
        (errno.EIO, Cause.UNKNOWN),
    ],
)
def test_errno_has_its_cause(number: int, cause: Cause) -> None:
    assert classify(OSError(number, "words of asyncio's own")) == (cause, os.strerror(number))


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("TLSV1_ALERT_DECODE_ERROR", Cause.TLS_PROTOCOL),
        ("TLSV1_ALERT_INTERNAL_ERROR", Cause.TLS_PROTOCOL),
        ("TLSV1_ALERT_PROTOCOL_VERSION", Cause.TLS_VERSION),
        ("TLSV1_UNRECOGNIZED_NAME", Cause.TLS_SERVER_NAME),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", Cause.TLS_CLIENT_CERTIFICATE_MISSING),
        ("SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", Cause.TLS_CLIENT_CERTIFICATE_REFUSED),
        ("UNSUPPORTED_PROTOCOL", Cause.TLS_VERSION),
        ("WRONG_VERSION_NUMBER", Cause.TLS_MISMATCH),
        ("SOMETHING_NEW", Cause.TLS_PROTOCOL),
    ],
)
def test_tls_error_has_its_cause(reason: str, cause: Cause) -> None:
    error = ssl.SSLError(1, "words of OpenSSL's own")
    error.reason = reason
    assert classify(error)[0] is cause


@pytest.mark.parametrize(
    ("code", "cause"),
    [(10, Cause.TLS_EXPIRED), (26, Cause.TLS_WRONG_PURPOSE), (62, Cause.TLS_WRONG_NAME), (68, Cause.TLS_WEAK),
     (2, Cause.TLS_UNKNOWN_CA), (999, Cause.TLS_VERIFY)],
)  # fmt: skip
def test_verification_error_has_its_cause(code: int, cause: Cause) -> None:
    error = ssl.SSLCertVerificationError(1, "words")
    error.verify_code, error.verify_message = code, "words."
    assert classify(error) == (cause, "words")
