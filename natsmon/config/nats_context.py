"""Contexts of the nats CLI, read as jsm.go's ``natscontext`` reads them (ADR-21). natsmon never writes them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from natsmon.text.files import home, read_file
from natsmon.text.plain_text import quotable

_TEXTS = (
    "description", "url", "socks_proxy", "token", "user", "password", "creds", "nkey", "cert", "key", "ca", "nsc",
    "jetstream_domain", "jetstream_api_prefix", "jetstream_event_prefix", "inbox_prefix", "user_jwt", "user_seed",
    "color_scheme", "windows_cert_store", "windows_cert_match_by", "windows_cert_match",
)  # fmt: skip
FIELDS: dict[str, type] = {**dict.fromkeys(_TEXTS, str), "tls_first": bool, "windows_ca_certs_match": list}
UNUSED_FIELDS = {
    "jetstream_event_prefix": "natsmon reads no advisories",
    "color_scheme": "natsmon has themes (--theme)",
}
"""Fields that do not change what is dialed, and why natsmon does not use them."""
UNSUPPORTED_FIELDS = ("windows_cert_store", "windows_cert_match_by", "windows_cert_match", "windows_ca_certs_match")
"""Fields that would change what is dialed."""
_PATHS = ("creds", "nkey", "cert", "key", "ca")
_TYPE_NAMES: dict[type, str] = {str: "text", bool: "true or false", list: "a list of texts"}
_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|\{|([*#$@!?0-9-])|([A-Za-z_][A-Za-z0-9_]*))")


class ContextError(Exception):
    """A context that cannot be used; the text names the file and the key."""


class ContextMissing(ContextError):
    """This machine has no context with that name."""


class NatsContext(NamedTuple):
    """One context: its fields as the file has them, paths expanded; empty fields are left out."""

    name: str
    path: Path
    fields: Mapping[str, Any]


def root() -> Path:
    """The folder of the CLI's files: ``$XDG_CONFIG_HOME/nats``, or ``~/.config/nats`` on every system."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path(home(), ".config")) / "nats"


def names() -> list[str]:
    """The names of all contexts, sorted; empty files and names that are not valid are left out."""
    try:
        files = [entry for entry in (root() / "context").iterdir() if entry.suffix == ".json" and entry.is_file()]
        return sorted(file.stem for file in files if _valid(file.stem) and file.stat().st_size)
    except OSError:
        return []


def selected() -> str:
    """The name in ``context.txt``; empty where there is none, or the file cannot be read."""
    try:
        return read_file(root() / "context.txt").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def load(name: str) -> NatsContext:
    """Read a context by its name, or by the path of a file that ends in ``.json``. Raises ContextError."""
    if name.endswith(".json") and os.access(name, os.R_OK):
        path = Path(name)
        name = path.stem or path.name
    elif _valid(name):
        path = root() / "context" / f"{name}.json"
    else:
        raise ContextError(f'"{quotable(name)}" is not the name of a context: empty, or with "..", /, \\ or NUL in it')
    try:
        content = read_file(path)
    except (FileNotFoundError, NotADirectoryError):  # a service user may have /dev/null as its home
        missing = f'"{quotable(name)}" is not a context{_suggestion(name)}; natsmon looked in {path.parent}'
        raise ContextMissing(missing) from None
    except OSError as error:
        raise ContextError(f"{path} cannot be read: {error.strerror}") from None
    return NatsContext(name, path, _fields(path, content))


def expand(path: str) -> str:
    """Expand ``$VAR`` and ``${VAR}`` (unset: empty), then a leading ``~``, as Go's ``os.ExpandEnv`` does."""

    def value(found: re.Match[str]) -> str:
        name = next((name for name in found.groups() if name is not None), "")
        return os.environ.get(name, "") if name else ""

    path = _VARIABLE.sub(value, path)
    return f"{home()}{path[1:]}" if path.startswith("~") else path


def _valid(name: str) -> bool:
    return bool(name) and not any(each in name for each in ("..", "/", "\\", "\0"))


def _suggestion(name: str) -> str:
    import difflib

    known = names()
    similar = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if similar:
        return f"; did you mean {quotable(similar[0])}?"
    return f"; there are {quotable(', '.join(known))}" if known else "; there is none"


def _fields(path: Path, content: bytes) -> dict[str, Any]:
    if content.startswith(b"\xef\xbb\xbf"):
        raise ContextError(f"{path} begins with a byte order mark, which the nats CLI refuses; save it as plain UTF-8")
    try:
        import json  # names the place of an error; most runs have no context

        raw = json.loads(content.decode("utf-8", "replace"), parse_constant=_not_json)
    except json.JSONDecodeError as error:
        raise ContextError(f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise ContextError(f"{path} is not JSON") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ContextError(f"{path} is not a JSON object")
    fields = _checked(path, raw).items()
    return {name: expand(value) if name in _PATHS else value for name, value in fields if value}


def _not_json(constant: str) -> None:
    raise ValueError(constant)


def _checked(path: Path, raw: dict[str, Any]) -> dict[str, Any]:
    """The known fields; keys match in any case of letters, ``null`` keeps the value before it, as in Go."""
    fields: dict[str, Any] = {}
    for key, value in raw.items():
        name = key.lower()
        kind = FIELDS.get(name)
        if kind is None or value is None:
            continue
        if not isinstance(value, kind) or (kind is list and any(not isinstance(each, str) for each in raw[key])):
            given = "text" if isinstance(value, str) else f"`{quotable(msgspec.json.encode(value).decode())}`"
            raise ContextError(f'{path}: "{quotable(key)}" must be {_TYPE_NAMES[kind]}, not {given}')
        fields[name] = value
    return fields
