"""``natsmon demo``: the dashboard on real servers of its own."""

from contextlib import closing
from copy import copy
from typing import Any

import click
from msgspec.structs import replace

from natsmon.cli.command_group import Command
from natsmon.cli.flag_types import whole
from natsmon.cli.flags import Flag, Params, config_flags, connect_flags, output_flags, run_flags
from natsmon.cli.run_modes import choose, run
from natsmon.cli.settings_layers import settings_from
from natsmon.cli.value_layers import Layers
from natsmon.config.server_urls import parse_servers

_SERVERS_AT_MOST = 9
_SUBJECT = "hello"
"""As in the article "Using Custom Dialers in the NATS Go Client"."""


def _without_variables(params: Params) -> list[click.Parameter]:
    """Copies of the flags without NATS_* variables, which describe other servers."""
    copies = [copy(param) for param in params]
    for param in copies:
        if str(param.envvar).startswith("NATS_"):
            param.envvar = None
    return copies


_SERVERS = Flag("Demo", "--servers", type=whole(1, _SERVERS_AT_MOST), default="3", help="Number of servers.")
_REST = click.Argument(["rest"], nargs=-1, metavar="")


@click.command(
    cls=Command,
    short_help="The dashboard on nats-servers it starts itself.",
    examples=["demo", "demo --servers 3", "demo --servers 3 --rate 100 --record demo.jsonl.gz"],
    essentials=["servers", "rate", "plain", "record"],
    params=_without_variables([_SERVERS, *connect_flags, *run_flags, *output_flags, *config_flags, _REST]),
)
@click.pass_context
def demo(ctx: click.Context, /, servers: int, rest: tuple[str, ...], **_: Any) -> int:
    """Show the dashboard on nats-servers it starts itself, with keys that break them."""
    if rest:
        raise click.UsageError("demo starts servers of its own and takes no URL")
    layers = Layers(ctx)
    mode, settings = choose(layers), settings_from(layers)
    from natsmon.lab.demo import Demo, DemoFailed
    from natsmon.lab.nats_server import NoServer

    try:
        cluster = Demo.start(servers=servers)
    except (NoServer, DemoFailed) as exc:
        raise click.UsageError(f"demo: {exc}") from None
    with closing(cluster):
        addresses, _userinfo = parse_servers(cluster.urls)
        origins = settings.origins | {"servers": "demo"}
        settings = replace(settings, servers=addresses, subject=settings.subject or _SUBJECT, origins=origins)
        return run(mode, settings, sandbox=cluster)
