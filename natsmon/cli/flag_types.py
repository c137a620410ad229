"""What may be written behind a flag, read strictly; an error quotes the value unless it may be a secret."""

import math
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from natsmon.config.secret import Secret
from natsmon.config.server_urls import check_monitor, check_tls_name
from natsmon.config.settings import MAX_RATE
from natsmon.config.subjects import check_stream, check_subject, check_subjects
from natsmon.text import units
from natsmon.text.plain_text import printable, quotable

_SLOWEST, _FASTEST = 1e-6, 1e9
"""Messages a second; beyond the one nobody waits, beyond the other only ``max`` is meant."""
_LARGEST = 2**31 - 1
_LARGEST_PAYLOAD = 64 * 1024 * 1024
"""Bytes; no server can be set to take more."""
_SMALLEST_PART = 4 * 1024 * 1024

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # generic for type checkers only before click 8.4


class Value(_ParamType):
    """A parameter type from a function that raises ValueError with the reason."""

    def __init__(self, metavar: str, parse: Callable[[str], Any], *, secret: bool = False) -> None:
        self.name = metavar
        self._parse = parse
        self._secret = secret

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as exc:
            shown = "the value" if self._secret else f'"{quotable(value)}"'
            self.fail(f"{shown} {exc}", param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return self.name

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """A variable is one value, also of a flag that can be repeated."""
        return [rv]


def text(value: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("is not UTF-8")
    return value


def _name(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    if printable(value) != value:
        raise ValueError("has a control character in it")
    return value


def _readable(path: str) -> str:
    """A file's path, if it can be read now; an empty one is as good as none."""
    if path:
        try:
            with open(os.path.expanduser(path), "rb") as file:
                file.read(1)
        except OSError as exc:
            raise ValueError(f"cannot be read: {exc.strerror}") from None
    return os.path.expanduser(path)


def _content(path: str) -> bytes:
    """What is in a file, all of it, as it is now."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            content = file.read(_LARGEST_PAYLOAD + 1)
    except OSError as exc:
        raise ValueError(f"cannot be read: {exc.strerror}") from None
    if len(content) > _LARGEST_PAYLOAD:
        raise ValueError(f"is over {units.size(_LARGEST_PAYLOAD)}, which no server takes")
    return content


def _filling(value: str) -> bytes:
    """Bytes of a size, which whoever reads them can tell the sender from."""
    size = units.parse_size(value)
    if size > _LARGEST_PAYLOAD:
        raise ValueError(f"is over {units.size(_LARGEST_PAYLOAD)}, which no server takes")
    return (b"natsmon " * (size // 8 + 1))[:size]


def _header(value: str) -> tuple[str, Secret]:
    """Name and value of a header that stands in a message as it is given here."""
    name, colon, said = value.partition(":")
    said = said.strip(" \t")
    if not colon:
        raise ValueError("is no header (try 'Name: value')")
    if not re.fullmatch(r"[!-9;-~]+", name):
        raise ValueError("has a name that is empty, or with a space or a letter that is not ASCII in it")
    if "\r" in said or "\n" in said or "\0" in said:
        raise ValueError("has a line break in its value")
    if name.lower().startswith("natsmon-"):
        raise ValueError("has a name of ours: messages are numbered by such headers")
    if name.lower().startswith("nats-"):
        raise ValueError("has a name of the server's, which would act on it")
    return name, Secret(said)


def _rate(value: str) -> float:
    """The interval between two messages."""
    if value == "max":
        return MAX_RATE
    try:
        rate = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        rate = math.nan
    if math.isnan(rate) or math.isinf(rate):
        raise ValueError('is not a number of messages a second, nor "max"')
    if rate < 0:
        raise ValueError("is negative")
    if rate == 0:
        raise ValueError("must be more than 0 messages a second")
    if not _SLOWEST <= rate <= _FASTEST:
        raise ValueError("is too slow" if rate < 1 else 'is too fast (try "max")')
    return 1 / rate


def _positive_duration(value: str) -> float:
    seconds = units.parse_duration(value)
    if seconds <= 0:
        raise ValueError("must be more than 0")
    return seconds


def _part_size(size: int) -> int:
    """A part begins with all that is known, which is not little after a day."""
    if size < _SMALLEST_PART:
        raise ValueError(f"must be {units.go_size(_SMALLEST_PART)} or more")
    return size


def whole(least: int, most: int = _LARGEST) -> Value:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", value):
            raise ValueError("is not a whole number")
        if int(value) < least:
            raise ValueError(f"must be {least} or more")
        if int(value) > most:
            raise ValueError(f"must be {most} or less")
        return int(value)

    return Value("N", parse)


URL = Value("URL", str)
"""Read later, together with the others: what is wrong may be between two of them."""
FILE = Value("FILE", lambda value: _readable(text(value)))
SECRET = Value("TEXT", lambda value: Secret(text(value)), secret=True)
DURATION = Value("DURATION", units.parse_duration)
POSITIVE_DURATION = Value("DURATION", _positive_duration)
NAME = Value("NAME", lambda value: _name(text(value)))
TLS_NAME = Value("NAME", lambda value: check_tls_name(_name(text(value))))
STREAM = Value("STREAM", lambda value: check_stream(text(value)))
SUBJECTS = Value("SUBJECT", lambda value: check_subjects(text(value)))
SUBJECT = Value("SUBJECT", lambda value: check_subject(text(value)))
PAYLOAD = Value("TEXT", os.fsencode)
PAYLOAD_FILE = Value("FILE", lambda value: _content(text(value)))
PAYLOAD_SIZE = Value("SIZE", _filling)
HEADER = Value("HEADER", lambda value: _header(text(value)), secret=True)
RATE = Value("RATE", _rate)
MONITOR = Value("URL", check_monitor, secret=True)
SIZE = Value("SIZE", units.parse_size)
PART_SIZE = Value("SIZE", lambda value: _part_size(units.parse_size(value)))


def one_of(metavar: str, *words: str) -> Value:
    def parse(value: str) -> str:
        if value not in words:
            raise ValueError(f"is not one of {', '.join(words)}")
        return value

    return Value(metavar, parse)


def _metric_prefix(value: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}", value):
        raise ValueError("is not a prefix for metric names: letters, digits and underscores")
    return value


def _command(value: str) -> str:
    if value:
        from natsmon.dial.command_dialer import CommandDialer

        CommandDialer(value)  # raises ValueError
    return value


COMMAND = Value("COMMAND", lambda value: _command(text(value)))
NAMESPACE = Value("NAME", _metric_prefix)
NEW_FILE = Value("FILE", lambda value: os.path.expanduser(_name(text(value))))
