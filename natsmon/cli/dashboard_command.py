"""``natsmon [URL …]``: the dashboard, the plain log or the event stream."""

from typing import Any

import click

from natsmon import __version__
from natsmon.cli.command_group import DashboardCommand, action_flag
from natsmon.cli.flags import connect_flags, output_flags, run_flags, server_flags
from natsmon.cli.run_modes import choose, run
from natsmon.cli.settings_layers import settings_from
from natsmon.cli.value_layers import Layers


@click.command(
    cls=DashboardCommand,
    hidden=True,
    examples=[
        "nats://east-1:4222,nats://east-2:4222",
        "--creds user.creds --observe 'orders.>' tls://east-1",
        "--plain --count 60 --record run.jsonl.zst east-1",
    ],
    essentials=["server", "creds", "subject", "rate", "plain", "as_json", "record"],
    params=[
        *server_flags,
        *connect_flags,
        *run_flags,
        *output_flags,
        action_flag("--version", text=lambda *_: f"natsmon {__version__}", help="Show the version."),
    ],
)
@click.pass_context
def dashboard(ctx: click.Context, /, **_: Any) -> int:
    """Monitor a connection to NATS: every dial, reconnect, outage and message, live.

    Without a terminal on standard output it is a log instead.
    """
    layers = Layers(ctx)
    return run(choose(layers), settings_from(layers), layers=layers)
