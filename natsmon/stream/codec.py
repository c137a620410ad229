"""Codec: events and commands as JSON lines, bounded in bytes.

``LINE_LIMIT`` is the one limit of a line. Encoding enforces it, and the splitter drops longer lines, so that no reader
needs a limit of its own.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

import msgspec

from natsmon.config.settings import conceal, reveal
from natsmon.stream import events as ev
from natsmon.stream.commands import AnyCommand, Command
from natsmon.text.plain_text import json_safe

T = TypeVar("T")

LINE_LIMIT = 1024 * 1024
"""Bytes of one line, its end included."""
LIST_LIMIT = 32
"""Entries of a list that a server can grow, as an event carries it."""
_TEXT_LIMIT = 4_096
"""Characters of one text in an event that would be too long a line."""

_MARKED = BOM_UTF8 + b"{"
"""How a file begins that an editor or another program has saved with a byte order mark."""
_NOT_MSGSPECS = (UnicodeDecodeError, RecursionError)
"""Errors that a decoder of msgspec lets through."""

_encoder = msgspec.json.Encoder()
_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
KINDS: dict[str, type[ev.Event]] = {str(kind.__struct_config__.tag): kind for kind in ev.AnyEvent.__args__}
"""Every kind of event by its ``type``."""


def by_kind(*modules: ModuleType) -> dict[type[ev.Event], Callable[..., Any]]:
    """The functions that handle an event of each kind: those named as its ``type``."""
    names = [(module, name) for module in modules for name in KINDS.keys() & vars(module).keys()]
    return {KINDS[name]: getattr(module, name) for module, name in names}


def kind_of(event: ev.Event | Command) -> str:
    """The ``type`` of an event or command."""
    return str(event.__struct_config__.tag)


def encode(event: ev.Event) -> bytes:
    """One JSON line, newline included. Characters that could act on a terminal are escaped.

    An event that would be longer than ``LINE_LIMIT`` is encoded with its texts and lists cut, or else as a ``Gap``.
    """
    line = _line(_encoder.encode(event))
    if len(line) <= LINE_LIMIT:
        return line
    cut = _line(_encoder.encode(_cut(event)))
    return cut if len(cut) <= LINE_LIMIT else _line(_encoder.encode(_gap(event)))


def encode_command(command: AnyCommand) -> bytes:
    """One JSON line, newline included, with the secrets of ``Open``.

    Raises:
        ValueError: It would be longer than ``LINE_LIMIT``.
    """
    line = _line(msgspec.json.encode(command, enc_hook=reveal))
    if len(line) > LINE_LIMIT:
        raise ValueError(f"{kind_of(command)}: too long for a command, more than {LINE_LIMIT:,} bytes")
    return line


def _line(json: bytes) -> bytes:
    return (json if json.isascii() else json_safe(json.decode()).encode()) + b"\n"


def _cut(event: ev.Event) -> ev.Event:
    plain = {name: _shortened(getattr(event, name)) for name in event.__struct_fields__}
    return type(event)(**plain)


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _TEXT_LIMIT else value[:_TEXT_LIMIT] + "…"
    if isinstance(value, list):
        return [_shortened(each) for each in value[:LIST_LIMIT]]
    if isinstance(value, dict):
        return {_shortened(key): _shortened(each) for key, each in list(value.items())[:LIST_LIMIT]}
    return value


def _gap(event: ev.Event) -> ev.Gap:
    return ev.Gap(t=event.t, conn=event.conn, dropped={kind_of(event): 1})


def bounded(entries: Iterable[str]) -> tuple[list[str], int]:
    """The first entries of a list that a server can grow, and how many are omitted."""
    entries = list(entries)
    return [_shortened(entry) for entry in entries[:LIST_LIMIT]], max(0, len(entries) - LIST_LIMIT)


def bounded_mapping(mapping: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """A mapping from a server with texts and lists cut, and the number of omitted entries by key."""
    omitted = {key: len(value) - LIST_LIMIT for key, value in mapping.items() if _too_long(value)}
    if len(mapping) > 2 * LIST_LIMIT:
        omitted["fields"] = len(mapping) - 2 * LIST_LIMIT
    kept = dict(list(mapping.items())[: 2 * LIST_LIMIT])
    return {key[:_TEXT_LIMIT]: _shortened(value) for key, value in kept.items()}, omitted


def _too_long(value: Any) -> bool:
    return isinstance(value, (list, dict)) and len(value) > LIST_LIMIT


def decode_event(line: bytes) -> ev.AnyEvent | None:
    """The event on a line, or None when its type is unknown (a newer writer's).

    Raises:
        msgspec.DecodeError: The line is not an event, or a number in it is out of bounds.
    """
    try:
        return _event_decoder().decode(line)
    except msgspec.ValidationError:
        raw = _decode(_anything, line)
        if isinstance(raw, dict) and isinstance(raw.get("type"), str) and raw["type"] not in KINDS:
            return None
        raise
    except msgspec.DecodeError:
        if not line.startswith(_MARKED):
            raise
        return decode_event(line.removeprefix(BOM_UTF8))
    except _NOT_MSGSPECS as error:
        raise msgspec.DecodeError(str(error)) from error


def decoded(line: bytes) -> ev.AnyEvent | None:
    """The event on a line; None for a line that is not an event, or of an unknown kind."""
    try:
        return decode_event(line)
    except msgspec.DecodeError:
        return None


def decode_command(line: bytes) -> AnyCommand:
    """The command on a line.

    Raises:
        msgspec.DecodeError: With the reason, when the line is not a command.
    """
    return _decode(_command_decoder(), line)


@cache
def _event_decoder() -> msgspec.json.Decoder[ev.AnyEvent]:
    """Built at the first event: it takes as long as 2 % of a start, and the first screen needs none."""
    return msgspec.json.Decoder(ev.AnyEvent)


@cache
def _command_decoder() -> msgspec.json.Decoder[AnyCommand]:
    return msgspec.json.Decoder(AnyCommand, dec_hook=conceal)


def _decode(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except _NOT_MSGSPECS as error:
        raise msgspec.DecodeError(str(error)) from error


class LineSplitter:
    """Splits chunks of bytes into lines; lines longer than ``LINE_LIMIT`` are dropped and counted."""

    def __init__(self) -> None:
        self.dropped = 0
        self._rest = b""
        self._too_long = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that are complete now, without their ends."""
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = rest
            if self._too_long:
                self._too_long = False
                del lines[0]
        else:
            self._rest += rest
        if len(self._rest) >= LINE_LIMIT:
            self.dropped += not self._too_long
            self._rest, self._too_long = b"", True
        for line in lines:
            if len(line) < LINE_LIMIT:
                yield line
            else:
                self.dropped += 1

    def rest(self) -> bytes:
        """The last line, when it has no end."""
        rest, self._rest = self._rest, b""
        return rest
