"""``natsmon info``: every effective setting and where it came from."""

import json
from typing import Any

import click

from natsmon import __version__
from natsmon.cli.command_group import Command
from natsmon.cli.flags import Flag, connect_flags, run_flags, server_flags
from natsmon.cli.output import write
from natsmon.cli.settings_layers import settings_from
from natsmon.config.settings import describe
from natsmon.stream.exit_codes import Exit


@click.command(
    cls=Command,
    short_help="Show every setting and where it came from.",
    examples=["info", "info --json nats://east-1:4222", "info --creds user.creds --rate 10"],
    essentials=["server", "creds", "as_json"],
    exit_codes={0: "shown", 2: "wrong usage or settings"},
)
@server_flags
@connect_flags
@run_flags
@click.option("--json", "as_json", cls=Flag, section="Output", is_flag=True, help="As one JSON object.")
@click.pass_context
def info(ctx: click.Context, /, as_json: bool, **_: Any) -> int:
    """Show every effective setting and where it came from; secrets are masked."""
    rows = describe(settings_from(ctx))
    if as_json:
        shown = {name: {"value": value or None, "origin": origin} for name, (value, origin) in rows.items()}
        write(json.dumps({"version": __version__, "settings": shown}, indent=2) + "\n")
        return Exit.ENDED
    table = [("SETTING", "VALUE", "ORIGIN"), *((name, value or "–", origin) for name, (value, origin) in rows.items())]
    widths = [min(_WIDEST, max(len(row[column]) for row in table)) for column in (0, 1)]
    write("".join(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}\n" for name, value, origin in table))
    return Exit.ENDED


_WIDEST = 48
"""Columns a value may push the origins to the right; a longer one pushes only its own."""
