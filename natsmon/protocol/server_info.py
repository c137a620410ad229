"""The lines of a NATS handshake: INFO, and the answer to CONNECT, bounded in bytes and validated.

The peer may be of any kind. Reading its greeting ends with an Info or with a DialError that names what was received.
"""

import asyncio
import json
from collections.abc import Container
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

import nats.errors

from natsmon.dial.causes import Cause
from natsmon.dial.deadline import within
from natsmon.dial.errors import DialError
from natsmon.dial.stream import ByteReader, ByteWriter
from natsmon.protocol.server_errors import classify_server_error, error_text
from natsmon.text.plain_text import excerpt, quotable

MAX_INFO = 64 * 1024
"""Longest INFO line in bytes; each advertised server of a cluster takes some 30."""

MAX_ANSWER = 1024 * 1024
"""Bytes a server may send between CONNECT and PONG, all lines together."""

_INFOS_KEPT = 16
"""INFO lines before PONG that are kept, the newest ones."""

_LINES_AT_ONCE = 64
"""Lines handled before other tasks of the loop run: buffered lines are read without a turn of the loop."""

_REST_WITHIN = 0.05
"""Seconds for what arrives behind the first bytes of a greeting, mostly in the same packet."""


class HandshakeError(DialError, nats.errors.Error):
    """The peer's greeting, or its answer to CONNECT, is not NATS, or refuses the client."""


class Info(NamedTuple):
    """INFO of a server (ADR-40); fields that it leaves out are empty."""

    server_id: str = ""
    server_name: str = ""
    version: str = ""
    cluster: str = ""
    client_id: int = 0
    client_ip: str = ""
    max_payload: int = 1024 * 1024
    headers: bool = False
    tls_required: bool = False
    tls_available: bool = False
    tls_verify: bool = False
    """It requires a certificate of the client."""
    nonce: str = ""
    connect_urls: list[str] = []  # noqa: RUF012  # never changed
    ldm: bool = False
    remote_account: str = ""
    acc_is_sys: bool = False
    domain: str = ""
    """JetStream domain of the server itself (ADR-21)."""


async def read_info(reader: ByteReader) -> tuple[Info, dict[str, Any]]:
    """Read the server's INFO, parsed and as a plain object. Raises DialError in the stage ``info``."""
    return parse_info(await read_info_body(reader))


async def read_info_body(reader: ByteReader) -> bytes:
    """Read the server's INFO: what follows the verb, not validated. Raises DialError in the stage ``info``."""
    try:
        opening = await reader.readexactly(5)
    except asyncio.IncompleteReadError as error:
        after = f", after {excerpt(error.partial)}" if error.partial else ""
        raise HandshakeError("info", "eof", f"closed before INFO{after}") from error
    if opening.upper() not in (b"INFO ", b"INFO\t"):
        raise await _not_nats(opening, reader)
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        raise HandshakeError("info", "eof", "closed in the middle of INFO") from error
    except asyncio.LimitOverrunError as error:
        raise HandshakeError("info", "info_bad", f"INFO is longer than {MAX_INFO} bytes") from error
    if len(line) > MAX_INFO:
        raise HandshakeError("info", "info_bad", f"INFO is longer than {MAX_INFO} bytes")
    return line


async def read_answer(
    reader: ByteReader, writer: ByteWriter, early: list[bytes], *, until: Container[bytes]
) -> tuple[bytes, str]:
    """Read the answer to CONNECT and PING: the verb and the rest of the first line whose verb is in ``until``.

    PING is answered, +OK is ignored, and anything else is not NATS: DialError in the stage ``connect``. All lines
    together have ``MAX_ANSWER`` bytes, and other tasks of the loop run in between, so that a flood delays no cancel.
    Valid INFO lines are appended to ``early``, unchanged; the newest are kept.
    """
    received = lines = 0
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            raise DialError("connect", "eof", "closed by the server after CONNECT") from error
        except asyncio.LimitOverrunError as error:
            raise HandshakeError("connect", "protocol", "an endless line instead of PONG") from error
        word, _, rest = line.strip().partition(b" ")
        verb = word.upper()
        if verb in until:
            return verb, error_text(line) if verb == b"-ERR" else rest.decode(errors="replace")
        received += len(line)
        if received > MAX_ANSWER:
            raise HandshakeError("connect", "protocol", f"more than {MAX_ANSWER} bytes before PONG")
        lines += 1
        if lines % _LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
        if verb == b"PING":
            writer.write(b"PONG\r\n")
            with suppress(OSError):  # the reader has what arrived before, and then the reason
                await writer.drain()  # a peer that does not read its answers waits for the deadline
        elif verb == b"INFO":
            try:
                parse_info(rest)
            except DialError as error:
                raise HandshakeError("connect", error.cause, error.text) from error
            early.append(line)
            del early[:-_INFOS_KEPT]
        elif verb != b"+OK":
            # The verb only: a peer that echoes CONNECT would have secrets shown.
            raise HandshakeError("connect", "protocol", f"received {word[:16]!r} instead of PONG")


def parse_info(body: bytes) -> tuple[Info, dict[str, Any]]:
    """Parse and validate the JSON of an INFO line. Raises DialError in the stage ``info``."""
    try:
        raw = _JSON.decode(body.decode())
        if b"\\u" in body:
            json.dumps(raw, ensure_ascii=False).encode()  # raises for half a character
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise HandshakeError("info", "info_bad", f"INFO is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise HandshakeError("info", "info_bad", f"INFO is not a JSON object: {excerpt(body)}")
    return convert_info(raw), raw


def convert_info(raw: dict[str, Any]) -> Info:
    """Validate the object of an INFO line. Raises DialError in the stage ``info``."""
    given: dict[str, Any] = {}
    for name, kind in _KINDS.items():
        value = raw.get(name)
        if value is None:
            continue
        if type(value) is not kind or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
            raise HandshakeError("info", "info_bad", f"INFO is not valid: {name} is {quotable(repr(value))}")
        given[name] = value
    return Info(**given)


_KINDS: dict[str, type] = {name: type(default) for name, default in Info._field_defaults.items()}


def _number(text: str) -> int | float:
    """An integer of more than 64 bits is a float, which every reader of a recording can decode."""
    number = int(text)
    return number if -(2**63) <= number < 2**64 else float(number)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


_JSON = json.JSONDecoder(parse_int=_number, parse_constant=_refuse)
"""Made once: ``json.loads`` with these arguments makes one at each call, which takes as long as the parsing."""


def check_port(raw: dict[str, Any]) -> None:
    """Refuse the INFO of a port for other servers, which would receive CONNECT and its credentials: ``wrong_port``."""
    if "gateway" in raw or "gateway_nrp" in raw:
        port = "gateway"
    elif "client_id" in raw and "leafnode_urls" in raw:
        port = "leaf node"
    elif "client_id" not in raw and ("lnoc" in raw or "route_pool_size" in raw):
        port = "route"
    else:
        return
    raise HandshakeError("info", "wrong_port", f"this is the server's {port} port, where other servers connect")


async def _not_nats(opening: bytes, reader: ByteReader) -> HandshakeError:
    """The error for a greeting that is not NATS, by its first bytes and those that arrived with them."""
    if opening.startswith(b"HTTP/"):
        return HandshakeError("info", "http", "the peer speaks HTTP, not NATS")
    if begins_tls(opening):
        return HandshakeError("info", "tls_mismatch", "the peer sends TLS at once")
    received = opening if opening.endswith(b"\n") else opening + await rest_of_greeting(reader)
    if received.upper().startswith(b"-ERR"):
        line = received.splitlines()[0]
        cause, text = classify_server_error(error_text(line)), error_text(line)
        # Redis and POP3 servers answer -ERR too, without quotation marks.
        foreign = cause is Cause.SERVER_REFUSED and not line.endswith(b"'")
        return HandshakeError("info", Cause.PROTOCOL if foreign else cause, text)
    if b"INFO {" in received:
        return HandshakeError("info", Cause.INFO_BAD, f"INFO comes after other bytes: {excerpt(received)}")
    return HandshakeError("info", "protocol", f"the peer does not speak NATS: it sent {excerpt(received)}")


def begins_tls(opening: bytes) -> bool:
    """Whether these bytes begin an alert or a handshake of TLS."""
    return opening[:1] in (b"\x15", b"\x16") and opening[1:2] == b"\x03"


async def rest_of_greeting(reader: ByteReader) -> bytes:
    """Return what arrives behind the first bytes of a greeting within a moment."""
    with suppress(OSError):  # TimeoutError is one
        async with within(_REST_WITHIN):
            return await reader.read(4096)
    return b""
