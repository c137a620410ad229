"""Secrets that are kept elsewhere: ``file://``, ``env://``, ``nsc://``, ``op://`` and ``data:``, as in the nats CLI.

The rules are those of jsm.go's ``natscontext``: a value is a reference only if Go's ``url.Parse`` accepts it and its
scheme is one of these. Every other value is the secret itself.
"""

import base64
import os
import re
from typing import Any

import msgspec

from natsmon.config.nats_context import expand
from natsmon.text.files import read_file
from natsmon.text.plain_text import printable, quotable

_SCHEMES = ("file", "env", "nsc", "op", "data")
_PROGRAM_SECONDS = 60.0
"""1Password may wait for a fingerprint."""
_SHOWN = 200
# Not compiled before a value needs them: every start reads this module.
_HOST = r"[A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>\"\u0080-\U0010ffff]*"
_USERINFO = r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*"
_BAD_ESCAPE = r"%(?![0-9A-Fa-f]{2})"


class SecretUnavailable(ValueError):
    """The text gives the reason and names the file, variable or program; never the secret."""

    def __init__(self, why: str) -> None:
        super().__init__(f"refers to a secret that cannot be read: {why}")


def reference_scheme(value: str) -> str:
    """The scheme of a reference in lower case; empty where the value is the secret itself."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", value)
    scheme = found[1].lower() if found else ""
    return scheme if scheme in _SCHEMES and _go_parses(value[len(scheme) + 1 :]) else ""


def file_path(value: str) -> str:
    """The path behind ``file://``, or the value itself; expanded."""
    return expand(value[7:] if value[:7].lower() == "file://" else value)


def resolve(value: str) -> bytes:
    """Read what a reference refers to. Raises SecretUnavailable where it cannot be read."""
    scheme = reference_scheme(value)
    rest = value[len(scheme) + 1 :]
    match scheme:
        case "file":
            return _read(file_path(value))
        case "env":
            return _variable(rest.removeprefix("//") if rest.startswith("//") else value)
        case "data":
            return _inline(rest)
        case "op":
            return _run("op", "read", "op:" + rest)
        case _:
            creds, _urls = nsc_profile(value)
            if not creds:
                raise SecretUnavailable(f"nsc names no credentials file for {quotable(value)}")
            return _read(creds)


def resolve_text(value: str) -> str:
    """The secret itself: the value, or what it refers to without line breaks at its end. Raises SecretUnavailable."""
    if not reference_scheme(value):
        return value
    try:
        return resolve(value).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretUnavailable("the secret is not UTF-8") from None


def nsc_profile(ref: str) -> tuple[str, str]:
    """Ask nsc for the credentials file and the comma-separated servers of a user. Raises SecretUnavailable.

    The answer is that of ``nsc generate profile``; ``ref`` is as ``nsc://operator/account/user``.
    """
    ref = "nsc://" + (ref[6:] if ref[:6].lower() == "nsc://" else ref)
    answer = _run("nsc", "generate", "profile", ref)
    try:
        raw: Any = msgspec.json.decode(answer)
        service = (raw.get("operator") or {}).get("service") or []
        urls = [service] if isinstance(service, str) else list(service)
        return str(raw.get("user_creds") or ""), ",".join(map(str, urls))
    except (ValueError, AttributeError, TypeError):
        raise SecretUnavailable(f"the answer of nsc for {quotable(ref)} is not understood") from None


def _go_parses(rest: str) -> bool:
    """Whether Go's ``url.Parse`` accepts the text behind the scheme; where it fails, the nats CLI takes a literal."""
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in rest):
        return False
    before, _, fragment = rest.partition("#")
    path, _, _query = before.partition("?")
    if re.search(_BAD_ESCAPE, fragment):
        return False
    if not path.startswith("/"):
        return True  # opaque, as data:
    if not path.startswith("//"):
        return not re.search(_BAD_ESCAPE, path)
    authority, _, path = path[2:].partition("/")
    userinfo, _, host = authority.rpartition("@")
    port = re.search(r":([^\]]*)$", host)
    return bool(
        re.fullmatch(_USERINFO, userinfo)
        and re.fullmatch(_HOST, host)
        and not (port and not re.fullmatch(r"[0-9]*", port[1]))
        and not re.search(_BAD_ESCAPE, path + userinfo)
    )


def _read(path: str) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise SecretUnavailable(f"{quotable(path)} cannot be read: {error.strerror}") from None


def _variable(name: str) -> bytes:
    if not name:
        raise SecretUnavailable("env:// names no variable")
    value = os.environ.get(name)
    if not value:
        raise SecretUnavailable(f"the variable {quotable(name)} is {'not set' if value is None else 'empty'}")
    return os.fsencode(value)


def _inline(rest: str) -> bytes:
    header, comma, payload = rest.partition(",")
    if not comma or "base64" not in (part.strip() for part in header.split(";")):
        raise SecretUnavailable("a value that begins with data: must be data:;base64,…")
    try:
        return base64.b64decode(payload.replace("\r", "").replace("\n", ""), validate=True)
    except ValueError:
        raise SecretUnavailable("the base64 behind data: is not valid") from None


def _run(program: str, *arguments: str) -> bytes:
    """Run a program that prints a secret, without a shell and without standard input."""
    import subprocess  # few values are references, and fewer run a program

    command = (program, *arguments)
    try:
        done = subprocess.run(  # noqa: S603 - the user's own program and reference
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROGRAM_SECONDS, check=False
        )
    except FileNotFoundError:
        raise SecretUnavailable(f"the program {program} is not installed") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"{quotable(arguments[-1])} has a NUL in it"
        raise SecretUnavailable(f"the program {program} cannot be started: {why}") from None
    except subprocess.TimeoutExpired:
        raise SecretUnavailable(f"the program {program} did not end within {_PROGRAM_SECONDS:.0f} s") from None
    if done.returncode:
        complaint = printable(done.stderr.decode(errors="replace").strip()[:_SHOWN])
        raise SecretUnavailable(f"{program} failed" + (f": {complaint}" if complaint else ""))
    return done.stdout
