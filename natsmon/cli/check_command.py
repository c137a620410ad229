"""``natsmon check``: one connect, for a person or a monitor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from natsmon.cli.command_group import Command
from natsmon.cli.flags import check_flags, connect_flags, server_flags
from natsmon.cli.output import Unwritable, complain, write_to
from natsmon.cli.settings_layers import settings_from
from natsmon.cli.terminal_check import has_colours
from natsmon.cli.value_layers import DEFAULT, Layers
from natsmon.stream.exit_codes import Exit
from natsmon.text.units import go_duration

if TYPE_CHECKING:
    from natsmon.check.verdict import Limit


@click.command(
    cls=Command,
    short_help="Connect once and explain each stage.",
    examples=[
        "check nats://east-1:4222",
        "check --all --tlsca ca.pem tls://east-1,tls://east-2",
        "check --format nagios --connect-warn 200ms east-1",
    ],
    essentials=[
        "server",
        "creds",
        "tlsca",
        "connect_timeout",
        "every_address",
        "as_format",
        "connect_warn",
        "expiry_warn",
    ],
    exit_codes={0: "OK", 1: "WARNING", 2: "CRITICAL or wrong usage", 3: "UNKNOWN", 130: "interrupted"},
    params=[*server_flags, *connect_flags, *check_flags],
)
@click.pass_context
def check(ctx: click.Context, /, as_format: str, outfile: str | None, every_address: bool, **_: Any) -> int:
    """Connect once and explain each stage; for a terminal or a monitoring system.

    Measures one connect from DNS to PONG, one round trip and one message. With --format prometheus the exit code is 0.
    """
    layers = Layers(ctx)
    if as_format != "prometheus" and layers.origin("namespace").startswith("flag"):
        raise click.UsageError("--namespace needs --format prometheus")
    settings, limits = settings_from(layers), _limits(layers)
    from natsmon.check import formats as check_formats
    from natsmon.check import text as check_text
    from natsmon.check import verdict
    from natsmon.check.measure import run as run_check

    found = run_check(settings, every_address=every_address)
    if found is None:
        return Exit.INTERRUPTED
    expiry_warn = layers.value("expiry_warn")[0]
    verdicts = [verdict.judge(each, limits, expiry_warn=expiry_warn) for each in found]
    colour = outfile is None and has_colours()
    match as_format:
        case "nagios":
            result = check_formats.nagios(verdicts)
        case "json":
            result = check_formats.json_text(verdicts, many=every_address)
        case "prometheus":
            result = check_formats.prometheus(verdicts, namespace=layers.value("namespace")[0])
        case _ if every_address:
            result = check_text.table(verdicts, colour=colour)
        case _:
            result = check_text.stages(verdicts[0], colour=colour)
    try:
        write_to(outfile, result)
    except Unwritable as exc:
        complain(str(exc))
        return verdict.Status.UNKNOWN
    return Exit.ENDED if as_format == "prometheus" else verdict.worst(verdicts)


def _limits(layers: Layers) -> "Mapping[str, Limit]":
    """The thresholds; the default of one that is not given keeps to the other."""
    from natsmon.check.verdict import LIMITS, Limit

    limits = {}
    for metric, what in zip(LIMITS, ("connect", "rtt", "req"), strict=True):
        (warning, warned), (critical, given) = layers.value(f"{what}_warn"), layers.value(f"{what}_critical")
        if warned == DEFAULT:
            warning = min(warning, critical)
        elif given == DEFAULT:
            critical = max(warning, critical)
        if warning > critical:
            why = f"{go_duration(warning)} is more than --{what}-critical, {go_duration(critical)}"
            raise click.BadParameter(why, param_hint=f"--{what}-warn")
        limits[metric] = Limit(warning, critical)
    return limits
