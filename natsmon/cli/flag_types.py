"""Types of flag values, parsed strictly; an error quotes the value unless it may be a secret."""

import math
import os
import re
import stat
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import click

from natsmon.cli.header_values import message_header, upgrade_header
from natsmon.config import credentials_file, nats_context
from natsmon.config.proxy_url import parse_proxy
from natsmon.config.secret import Secret
from natsmon.config.secret_sources import file_path, reference_scheme, resolve, resolve_text
from natsmon.config.server_urls import check_monitor, check_tls_name
from natsmon.config.settings import MAX_RATE
from natsmon.config.subjects import check_stream, check_subject, check_subjects
from natsmon.text import units
from natsmon.text.files import LARGEST, open_now, read_file
from natsmon.text.plain_text import printable, quotable

_SLOWEST, _FASTEST = 1e-6, 1e9
"""Messages a second."""
_LARGEST = 2**31 - 1
_LARGEST_PAYLOAD = 64 * 1024 * 1024
"""Bytes; ``max_payload`` of a server cannot be larger."""
COMMANDS = ("demo", "check", "replay", "view", "report", "info", "context", "config", "completion")
"""The commands that can be named, in the order of the help. Each is in the module named after it."""
_SMALLEST_PART = 4 * 1024 * 1024


class Value(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """A parameter type from a function that raises ValueError with the reason.

    Args:
        metavar: Name of the value in the help; ``FILE`` is completed with files.
        parse: Converts the text.
        secret: An error does not quote the value.
        utf8: Refuse text that is not UTF-8.
        words: What a shell completes it with.
    """

    def __init__(
        self,
        metavar: str,
        parse: Callable[[str], Any],
        *,
        secret: bool = False,
        utf8: bool = True,
        words: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self.name = metavar
        self._parse = parse
        self.secret = secret
        self._utf8 = utf8
        self._words = words

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        if self.name == "FILE":
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(word) for word in self._words() if word.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            if self._utf8 and any("\ud800" <= char <= "\udfff" for char in value):
                raise ValueError("is not UTF-8")
            return self._parse(value)
        except ValueError as exc:
            shown = "the value" if self.secret else f'"{quotable(value)}"'
            self.fail(f"{shown} {exc}", param, ctx)

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """A variable is one value, also of a flag that can be repeated."""
        return [rv]


def _name(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    if printable(value) != value:
        raise ValueError("has a control or invisible character in it")
    return value


def _readable(value: str) -> str:
    """The path of a file that can be read now, expanded as the nats CLI does; an empty one means none."""
    scheme = reference_scheme(value)
    if scheme not in ("", "file"):
        raise ValueError(f"must be a path or file://: {scheme} is not supported here")
    path = file_path(value)
    if path:
        try:
            with open(path, "rb", opener=open_now) as file:
                file.read(1)
                regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        except (OSError, ValueError) as exc:  # a NUL is no OSError
            raise ValueError(f"cannot be read: {getattr(exc, 'strerror', 'not a path')}") from None
        if not regular:
            raise ValueError("is a pipe or a device; it must be a file, because it is read again at each dial")
    return path


class SecretContent(NamedTuple):
    """The content of a file that is a reference, and a label for it."""

    label: str
    content: Secret


def _secret_file(value: str, parse: Callable[[bytes], object]) -> str | SecretContent:
    """The path of a file, which is read at each dial; or the content of a reference, which is read once."""
    if reference_scheme(value) in ("", "file"):
        path = _readable(value)
        if path:
            parse(_content(path, LARGEST))
        return path
    return SecretContent(f"{reference_scheme(value)}:… (read once)", Secret(resolve(value).decode("utf-8", "replace")))


def _content(path: str, largest: int) -> bytes:
    """The content of a file, read now."""
    try:
        return read_file(path, largest)
    except OSError as exc:
        raise ValueError(f"cannot be read: {exc.strerror}") from None


def _filling(value: str) -> bytes:
    """A body of so many bytes that names its sender."""
    size = units.parse_size(value)
    if size > _LARGEST_PAYLOAD:
        raise ValueError(f"is over {units.size(_LARGEST_PAYLOAD)}, which no server takes")
    return (b"natsmon " * (size // 8 + 1))[:size]


def _domain_prefix(domain: str) -> str:
    """The subject prefix of the API of a JetStream domain, which is one token (ADR-21); empty means none."""
    if domain and (check_subject(domain) != domain or "." in domain):
        raise ValueError("must be one word without dots")
    return domain and f"$JS.{domain}.API"


def _command(value: str) -> tuple[str, ...]:
    """A command line, split as a shell does, whose program exists; empty means none."""
    import shlex
    import shutil

    try:
        words = tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError(f"is not a command line: {error}") from None
    if not words:
        return ()
    if "\0" in value:
        raise ValueError("has a NUL in it")
    program = os.path.expanduser(words[0])
    if shutil.which(program) is None:
        raise ValueError("does not exist, or cannot be executed")
    return (program, *words[1:])


def _rate(value: str) -> float:
    """The interval between two messages."""
    if value == "max":
        return MAX_RATE
    try:
        rate = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        rate = math.nan
    if not math.isfinite(rate):
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


def _part_size(value: str) -> int:
    """A part begins with a snapshot of the state, some MiB after a day."""
    size = units.parse_size(value)
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


URL = Value("URL", str, utf8=False)
"""Parsed later, together with the others: an error may be between two of them."""
FILE = Value("FILE", _readable)
CREDENTIALS_FILE = Value("FILE", lambda value: _secret_file(value, credentials_file.jwt_and_seed))
NKEY_FILE = Value("FILE", lambda value: _secret_file(value, credentials_file.seed))
USER = Value("TEXT", Secret, secret=True)
SECRET = Value("TEXT", lambda value: Secret(resolve_text(value)), secret=True)
"""A secret, or a reference to one: file:// env:// nsc:// op:// data:."""
TRIMMED_SECRET = Value("TEXT", lambda value: Secret(resolve_text(value).strip()), secret=True)
"""Without the line break that tools put behind a JWT or seed; Go's decoders ignore it, too."""
SUBJECT_PREFIX = Value("PREFIX", lambda value: check_subject(value.removesuffix(".")) if value else "")
JS_DOMAIN = Value("NAME", _domain_prefix)
PROXY = Value("URL", parse_proxy, secret=True)
CONTEXT = Value("NAME", str, words=nats_context.names)
CONFIG_FILE = Value("FILE", str)
COMMAND = Value("COMMAND", _command)
DURATION = Value("DURATION", units.parse_duration)
POSITIVE_DURATION = Value("DURATION", _positive_duration)
NAME = Value("NAME", _name)
TLS_NAME = Value("NAME", lambda value: check_tls_name(_name(value)))
STREAM = Value("STREAM", check_stream)
SUBJECTS = Value("SUBJECT", check_subjects)
SUBJECT = Value("SUBJECT", check_subject)
PAYLOAD = Value("TEXT", os.fsencode, utf8=False)
PAYLOAD_FILE = Value("FILE", lambda value: _content(file_path(value), _LARGEST_PAYLOAD))
PAYLOAD_SIZE = Value("SIZE", _filling)
HEADER = Value("HEADER", message_header, secret=True)
UPGRADE_HEADER = Value("HEADER", upgrade_header, secret=True)
RATE = Value("RATE", _rate)
MONITOR = Value("URL", check_monitor, secret=True)
SIZE = Value("SIZE", units.parse_size)
PART_SIZE = Value("SIZE", _part_size)


def one_of(metavar: str, *words: str) -> Value:
    def parse(value: str) -> str:
        if value not in words:
            raise ValueError(f"is not one of {', '.join(words)}")
        return value

    return Value(metavar, parse, words=lambda: words)


def _metric_prefix(value: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}", value):
        raise ValueError("is not a prefix for metric names: letters, digits and underscores")
    return value


def _dial_command(value: str) -> str:
    if value:
        from natsmon.dial.command_dialer import CommandDialer

        try:
            CommandDialer(value)
        except ValueError as error:
            raise ValueError(str(error).removeprefix("command ")) from None
    return value


DIAL_COMMAND = Value("COMMAND", _dial_command)
NAMESPACE = Value("NAME", _metric_prefix)
ANY_FILE = Value("FILE", str, utf8=False)
NEW_FILE = Value("FILE", lambda value: os.path.expanduser(_name(value)))
