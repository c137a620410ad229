"""``natsmon context ls``: the contexts of the nats CLI."""

import json
import ssl
import time
from contextlib import suppress
from typing import Any, NamedTuple

import click

from natsmon.cli.command_group import Command
from natsmon.cli.flag_types import one_of
from natsmon.cli.flags import Flag
from natsmon.cli.output import aligned, padded, write
from natsmon.config import nats_context
from natsmon.config.credentials_file import JWT
from natsmon.config.nats_context import NatsContext
from natsmon.config.secret_sources import file_path, reference_scheme
from natsmon.config.server_urls import masked_urls
from natsmon.stream.exit_codes import Exit
from natsmon.text import dates
from natsmon.text.files import read_file
from natsmon.text.plain_text import printable

_DEFAULT_URL = "nats://127.0.0.1:4222"


class Listed(NamedTuple):
    """A context, as far as it can be read."""

    name: str
    selected: bool
    servers: str
    credentials: str
    """The kind that is sent; the order is the nats CLI's."""
    expires: float
    """Of a JWT or certificate that can be read here: seconds since 1970, 0 for no limit or unknown."""
    error: str = ""


_JSON = Flag("Output", "--json", "as_json", is_flag=True, help="One JSON array.")
_ACTION = click.Argument(["action"], type=one_of("ls", "ls"), metavar="ls")


@click.command(
    cls=Command,
    short_help="List the contexts of the nats CLI.",
    examples=["context ls", "context ls --json", "--context prod"],
    essentials=["as_json"],
    exit_codes={0: "listed", 2: "wrong usage"},
    params=[_JSON, _ACTION],
)
def context(as_json: bool, **_: Any) -> int:
    """List the contexts of the nats CLI: servers, kind of credentials, expiry of a JWT or certificate.

    * marks the selected context. natsmon reads contexts and never changes them.
    """
    chosen = nats_context.selected()
    rows = [listed(name, chosen) for name in nats_context.names()]
    fields = [row._asdict() | {"expires": row.expires or None, "error": row.error or None} for row in rows]
    write(json.dumps(fields, indent=2) + "\n" if as_json else _as_text(rows))
    return Exit.ENDED


def listed(name: str, chosen: str) -> Listed:
    """Read a context; ``chosen`` is the name of the selected one."""
    try:
        found = nats_context.load(name)
    except nats_context.ContextError as error:
        return Listed(name, name == chosen, "", "", 0.0, str(error))
    url = found.fields.get("url") or ("nsc" if "nsc" in found.fields else _DEFAULT_URL)
    return Listed(name, name == chosen, masked_urls(url), _credentials(found), _expires(found))


def _credentials(found: NatsContext) -> str:
    fields = found.fields
    kinds = {"user": "user", "creds": "credentials file", "nsc": "nsc", "nkey": "nkey", "user_jwt": "JWT"}
    sent = [next((word for name, word in kinds.items() if name in fields), "")]
    sent += ["token"] if "token" in fields else []
    sent += ["certificate"] if "cert" in fields and "key" in fields else []
    return ", ".join(filter(None, sent)) or ("in the URL" if "@" in fields.get("url", "") else "none")


def _expires(found: NatsContext) -> float:
    """The earliest expiry; programs that hold secrets are not run for a list."""
    fields = found.fields
    times = []
    with suppress(OSError, ValueError):
        if jwt := _jwt(fields):
            from natsmon.protocol.jwt_claims import read_claims

            times.append(read_claims(jwt).expires)
    with suppress(OSError, ValueError):
        if "cert" in fields and "key" in fields:
            from natsmon.protocol.certificates import unverified_chain

            pem = read_file(file_path(fields["cert"])).decode("ascii")
            times += [each.not_after for each in unverified_chain([ssl.PEM_cert_to_DER_cert(pem)])]
    return min((each for each in times if each), default=0.0)


def _jwt(fields: Any) -> str:
    """The JWT of a context without a user, where it is in a file or in the context itself."""
    if "user" in fields:
        return ""
    if reference_scheme(fields.get("creds", "")) in ("", "file") and "creds" in fields:
        found = JWT.search(read_file(file_path(fields["creds"])))
        return found[0].decode() if found else ""
    jwt = fields.get("user_jwt", "") if not {"creds", "nkey"} & fields.keys() else ""
    return "" if reference_scheme(jwt) else str(jwt)


def _as_text(rows: list[Listed]) -> str:
    if not rows:
        return f"no contexts in {nats_context.root() / 'context'}\n"
    table = [("", "NAME", "SERVERS", "CREDENTIALS", "EXPIRES")]
    for row in rows:
        names = printable(row.name), printable(row.error or row.servers)
        table.append(("*" if row.selected else "", *names, row.credentials, _until(row.expires)))
    return "".join(f"{line}\n" for line in aligned(table))


def describe(row: Listed, width: int) -> str:
    """A context in one line, its name padded to ``width`` columns."""
    credentials = "no credentials" if row.credentials == "none" else row.credentials
    known = row.error or f"{row.servers}  {credentials}"
    expires = f", until {_until(row.expires)}" if row.expires else ""
    return f"{padded(row.name, width)}  {known}{expires}"


def _until(expires: float) -> str:
    if not expires:
        return "–"
    return f"{'expired ' if expires < time.time() else ''}{dates.stamp(expires)}"
