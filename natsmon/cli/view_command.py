"""``natsmon view``: the dashboard on a stream that comes from elsewhere."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from natsmon.cli.command_group import Command
from natsmon.cli.flags import Flag, alert_flags, config_flags, record_flags, view_flags
from natsmon.cli.output import complain, has_reader, is_terminal, write
from natsmon.cli.run_modes import Mode, alerting_log, recording, report_failure, show, view_mode
from natsmon.cli.terminal_check import need_screen
from natsmon.cli.value_layers import Layers
from natsmon.stream.exit_codes import Exit
from natsmon.text.plain_text import printable

if TYPE_CHECKING:
    from natsmon.recording.recorder import Recorder
    from natsmon.stream.source import Source
    from natsmon.wording.plain_log import PlainLog

_STANDARD_INPUT = "-"
_TERMINAL = "/dev/tty"

_SSH = Flag("Source", "--ssh", metavar="[USER@]HOST", help="Run natsmon --json on HOST and show it; keys work.")
_REST = click.Argument(["rest"], nargs=-1, metavar="- | --ssh HOST [-- ARGUMENTS...]")


@click.command(
    cls=Command,
    short_help="Show a natsmon on another machine: a pipe, or ssh.",
    examples=[
        "view --ssh ops@east-1",
        "view --ssh east-1 -- --rate 10 nats://127.0.0.1:4222",
        "view - < <(ssh east-1 natsmon --json)",
    ],
    essentials=["ssh", "plain", "record"],
    params=[_SSH, *view_flags, *alert_flags, *record_flags, *config_flags, _REST],
)
@click.pass_context
def view(ctx: click.Context, /, ssh: str | None, rest: tuple[str, ...], **_: Any) -> int:
    """Show a natsmon on another machine, through a pipe or over ssh.

    Through a pipe: ssh HOST natsmon --json | natsmon view -. With --ssh, ARGUMENTS are passed to the natsmon on HOST,
    and the keys act on its connection.
    """
    mode = view_mode(Layers(ctx))
    if ssh is not None:
        return _over_ssh(ssh, rest, mode)
    if rest != (_STANDARD_INPUT,):
        hint = "; natsmon replay FILE shows a recording" if rest else ""
        raise click.UsageError(f"view wants - for standard input, or --ssh HOST{hint}")
    if is_terminal(sys.stdin):
        raise click.UsageError("view -: standard input is this terminal; try natsmon --json … | natsmon view -")
    stream = os.dup(0)
    if mode.form == "dashboard":
        need_screen("view", keys_from=_TERMINAL)
    from natsmon.stream.pipe import NO_COMMANDS, Pipe

    with recording(mode.record) as recorder:
        return _show(Pipe(stream), mode, recorder, unable=NO_COMMANDS)


def _over_ssh(host: str, arguments: tuple[str, ...], mode: Mode) -> int:
    if not host or host.startswith("-") or printable(host) != host:
        raise click.BadParameter(f'"{printable(host)}" is not a host', param_hint="--ssh")
    if mode.form == "dashboard":
        need_screen("view")
    from natsmon.stream.ssh import NoRemote, Remote

    with recording(mode.record) as recorder:
        try:
            source = Remote(host, arguments)
        except NoRemote as error:
            complain(f"view: {error}")
            return Exit.USAGE if error.status == Exit.USAGE else Exit.GAVE_UP
        return _show(source, mode, recorder)


def _show(source: "Source", mode: Mode, recorder: "Recorder | None", *, unable: str = "") -> int:
    if mode.form == "plain":
        import asyncio

        source.tap = recorder.write if recorder is not None else None
        with alerting_log(mode) as log:
            return asyncio.run(_log(source, recorder, log))
    return show(source, mode, leave_at_end=False, recorder=recorder, unable=unable)


async def _log(source: "Source", recorder: "Recorder | None", log: "PlainLog") -> int:
    try:
        async for event in source.events():
            if recorder is not None:
                report_failure(recorder)
            if not (write(line) if (line := log.line(event)) is not None else has_reader()):
                return Exit.ENDED
    finally:
        source.kill()
    if log.exit_code is None:
        complain(f"view: {source.exit_reason}")
        return Exit.MONITOR_STOPPED
    return log.exit_code
