"""The first line a server says: INFO, read within bounds and believed only where it makes sense.

A peer may be anything: a web server, a port of another kind, a machine gone mad. Whatever it says, reading
its greeting ends with an Info or with a DialError that tells what came instead.
"""

import asyncio
from collections.abc import Container
from typing import Any

import msgspec

from natsmon.dial.causes import DialError, classify_server_error
from natsmon.dial.deadline import within

MAX_INFO = 64 * 1024
"""Bytes an INFO line may have; the advertised servers of a large cluster take some 30 each."""

_SHOWN = 60


class Info(msgspec.Struct, frozen=True):
    """What a server tells of itself (ADR-40); fields it leaves out are empty."""

    server_id: str = ""
    server_name: str = ""
    version: str = ""
    cluster: str = ""
    client_id: int = 0
    client_ip: str = ""
    max_payload: int = 1024 * 1024
    headers: bool = False
    auth_required: bool = False
    tls_required: bool = False
    tls_available: bool = False
    tls_verify: bool = False
    """It wants a certificate of the client."""
    nonce: str = ""
    connect_urls: list[str] = []
    ldm: bool = False
    connect_info: bool = False
    remote_account: str = ""
    acc_is_sys: bool = False


async def read_info(reader: asyncio.StreamReader) -> tuple[Info, dict[str, Any]]:
    """The server's INFO, and the same as it was received. Raises DialError in the stage ``info``."""
    try:
        opening = await reader.readexactly(5)
    except asyncio.IncompleteReadError as error:
        raise _ended(error.partial) from error
    if opening.upper() != b"INFO " and opening[:5].upper() != b"INFO\t":
        raise await _not_nats(opening, reader)
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        raise DialError("info", "eof", "closed in the middle of INFO") from error
    except asyncio.LimitOverrunError as error:
        raise DialError("info", "info_bad", f"INFO is longer than {MAX_INFO} bytes") from error
    if len(line) > MAX_INFO:
        raise DialError("info", "info_bad", f"INFO is longer than {MAX_INFO} bytes")
    return parse_info(line)


async def read_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, early: list[bytes], *, until: Container[bytes]
) -> tuple[bytes, str]:
    """What answers CONNECT and PING: the first line whose verb is in ``until``, as its verb and its words.

    PING is answered, an INFO that makes sense goes to ``early`` as it is, +OK says nothing; whatever else comes
    here is not NATS.
    Raises DialError in the stage ``connect``.
    """
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            raise DialError("connect", "eof", "closed by the server after CONNECT") from error
        except asyncio.LimitOverrunError as error:
            raise DialError("connect", "protocol", "an endless line instead of PONG") from error
        verb, _, rest = line.strip().partition(b" ")
        verb = verb.upper()
        if verb in until:
            return verb, rest.decode(errors="replace").strip()
        if verb == b"PING":
            writer.write(b"PONG\r\n")
            await writer.drain()  # who asks without end, and reads nothing, waits for the deadline
        elif verb == b"INFO":
            try:
                parse_info(rest)
            except DialError as error:
                raise DialError("connect", error.cause, error.text) from error
            early.append(line)
        elif verb != b"+OK":
            # Its verb alone: a peer that echoes CONNECT would have our secrets shown.
            raise DialError("connect", "protocol", f"said {verb[:16]!r} instead of PONG")


def parse_info(body: bytes) -> tuple[Info, dict[str, Any]]:
    """INFO's JSON, checked; raises DialError in the stage ``info``."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DialError("info", "info_bad", f"INFO is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise DialError("info", "info_bad", f"INFO is not a JSON object: {_excerpt(body)}")
    try:
        return msgspec.convert({k: v for k, v in raw.items() if v is not None}, Info), raw
    except msgspec.ValidationError as error:
        raise DialError("info", "info_bad", f"INFO makes no sense: {error}") from error


def check_port(raw: dict[str, Any]) -> None:
    """Raise DialError when an INFO is one for other servers: this is a NATS server, and the wrong port of it.

    Such a port would take a CONNECT, credentials and all, only to turn it away.
    """
    if "gateway" in raw or "gateway_nrp" in raw:
        port = "gateway"
    elif "client_id" in raw and "leafnode_urls" in raw:
        port = "leaf node"
    elif "client_id" not in raw and ("lnoc" in raw or "route_pool_size" in raw):
        port = "route"
    else:
        return
    raise DialError("info", "wrong_port", f"this is the server's {port} port, where other servers connect")


async def _not_nats(opening: bytes, reader: asyncio.StreamReader) -> DialError:
    """What the peer seems to speak, by its first bytes and those that came along with them."""
    if opening.startswith(b"HTTP/"):
        return DialError("info", "http", "the peer speaks HTTP, not NATS")
    if opening[:1] in (b"\x15", b"\x16") and opening[1:2] == b"\x03":
        return DialError("info", "tls_mismatch", "the peer speaks TLS before it says anything")
    rest = b""
    if not opening.endswith(b"\n"):
        try:
            async with within(0.05):
                rest = await reader.read(4096)
        except TimeoutError:
            pass
    said = (opening + rest).splitlines()[0]
    if said.upper().startswith(b"-ERR"):
        text = said[4:].strip().decode(errors="replace").strip("'")
        return DialError("info", classify_server_error(text), text)
    return DialError("info", "protocol", f"the peer does not speak NATS: it said {_excerpt(said)}")


def _ended(partial: bytes) -> DialError:
    if partial:
        return DialError("info", "eof", f"closed before INFO, after {_excerpt(partial)}")
    return DialError("info", "eof", "closed before INFO")


def _excerpt(said: bytes) -> str:
    shown = said[:_SHOWN].decode(errors="backslashreplace").strip()
    return repr(shown + ("…" if len(said) > _SHOWN else ""))
