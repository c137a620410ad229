"""``natsmon info``: every effective setting, the layer it came from and what it overrode."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from natsmon import __version__
from natsmon.cli.command_group import Command
from natsmon.cli.flags import (
    Flag,
    alert_flags,
    connect_flags,
    display_flags,
    log_flags,
    record_flags,
    run_flags,
    server_flags,
)
from natsmon.cli.output import columns, padded, write
from natsmon.cli.settings_layers import settings_from, view_settings_from
from natsmon.cli.value_layers import DEFAULT, Layers
from natsmon.config.settings import LABELS, Settings, ViewSettings, describe
from natsmon.stream.exit_codes import Exit
from natsmon.text.plain_text import printable
from natsmon.text.units import go_size

_WIDEST = 48
"""Columns of a value; a longer one moves its origin only."""
_OUTPUT_FLAGS = [flag for flag in (*log_flags, *record_flags) if isinstance(flag, Flag) and flag.name != "log_format"]
"""Those that a config file may have."""
_NO_SETTINGS = ("context", "no_context", "as_json", "config", "policy")


class _Row(NamedTuple):
    name: str
    value: str
    origin: str
    overrode: list[tuple[str, str]]
    """Origin and value of each lower layer that has one."""


_JSON = Flag("Info", "--json", "as_json", is_flag=True, help="One JSON object.")
_POLICY = Flag("Info", "--policy", is_flag=True, help="The dials natsmon would make against servers that never answer.")


@click.command(
    cls=Command,
    short_help="Show every setting and where it came from.",
    examples=["info", "info --context prod --json", "info --policy nats://east-1,nats://east-2"],
    essentials=["server", "context", "config", "policy", "as_json"],
    exit_codes={0: "shown", 2: "wrong usage or settings"},
    params=[*server_flags, *connect_flags, *run_flags, *_OUTPUT_FLAGS, *display_flags, *alert_flags, _JSON, _POLICY],
)
@click.pass_context
def info(ctx: click.Context, /, as_json: bool, policy: bool, **_: Any) -> int:
    """Show every effective setting, the layer it came from, what it overrode, and the files that were read.

    Secrets are masked.
    """
    layers = Layers(ctx)
    settings = settings_from(layers)
    if policy:
        from natsmon.cli import dial_policy

        write(dial_policy.as_json(settings) if as_json else dial_policy.as_text(settings))
        return Exit.ENDED
    rows = list(_rows(layers, settings, view_settings_from(layers)))
    files = [*layers.files(), *_credential_files(settings)]
    write(_as_json(rows, files, layers) if as_json else _as_text(rows, files, layers))
    return Exit.ENDED


def _rows(layers: Layers, settings: Settings, view: ViewSettings) -> Iterator[_Row]:
    output = {flag.field: layers.value(str(flag.name)) for flag in _OUTPUT_FLAGS}
    origins = {field: origin for field, (_, origin) in output.items()} | settings.origins | view.origins
    overrode: dict[str, list[tuple[str, str]]] = {}
    for name, flag in layers.flags.items():
        if name not in _NO_SETTINGS:
            # a user without a password is a token
            fields = ("user", "token") if flag.field == "user" else (flag.field,)
            used = [origins.get(each, DEFAULT) for each in fields]
            overrode.setdefault(flag.field, []).extend(layers.overridden(name, used))
    for field, (label, shown) in zip(LABELS, describe(settings).items(), strict=True):
        yield _Row(label, *shown, overrode.get(field, []))
    for written in _OUTPUT_FLAGS:
        value, origin = output[written.field]
        text = go_size(value) if written.field == "record_max" and value else _view_value(value)
        yield _Row(written.opts[0][2:], text, origin, overrode[written.field])
    for field in ViewSettings.__struct_fields__:
        if field != "origins":
            value = _view_value(getattr(view, field))
            yield _Row(field.replace("_", "-"), value, view.origins.get(field, "default"), overrode.get(field, []))


def _view_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={keys}" for name, keys in value.items())
    return printable(" ".join(value) if isinstance(value, tuple) else str(value))


def _credential_files(settings: Settings) -> list[tuple[str, str]]:
    files = ("creds", settings.creds, settings.creds_data), ("nkey", settings.nkey, settings.nkey_data)
    return [(f"{name}, read at each dial", path) for name, path, content in files if path and content is None]


def _as_json(rows: list[_Row], files: list[tuple[str, Any]], layers: Layers) -> str:
    settings = {
        row.name: {
            "value": row.value or None,
            "origin": row.origin,
            "overrode": [{"origin": origin, "value": value} for origin, value in row.overrode],
        }
        for row in rows
    }
    answer = {
        "version": __version__,
        "context": layers.context.name or None,
        "files": [{"what": what, "path": str(path)} for what, path in files],
        "settings": settings,
        "unused": [{"name": name, "origin": origin, "reason": why} for name, origin, why in layers.unused()],
    }
    return json.dumps(answer, indent=2) + "\n"


def _as_text(rows: list[_Row], files: list[tuple[str, Any]], layers: Layers) -> str:
    table = [("SETTING", "VALUE", "ORIGIN"), *((row.name, row.value or "–", row.origin) for row in rows)]
    widths = [min(_WIDEST, max(columns(row[column]) for row in table)) for column in (0, 1)]
    lines = []
    for number, (name, value, origin) in enumerate(table):
        lines.append(f"{padded(name, widths[0])}  {padded(value, widths[1])}  {origin}")
        overrode = rows[number - 1].overrode if number else []
        lines += [f"{'':<{widths[0]}}  overrode {origin}: {value}" for origin, value in overrode]
    if files:
        lines += ["", "FILES", *(f"{printable(str(path))}  ({what})" for what, path in files)]
    if unused := layers.unused():
        lines += ["", "NOT USED", *(f"{name}  ({origin}): {why}" for name, origin, why in unused)]
    return "".join(f"{line}\n" for line in lines)
