"""How a run is shown: on a screen, as a log, or as the stream of its events.

The packages that cost a start (the client, the screen) are imported by the mode that needs them.
"""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from natsmon.cli.output import is_terminal, write
from natsmon.cli.record_target import recording
from natsmon.config.settings import Settings

if TYPE_CHECKING:
    from natsmon.lab.demo import Demo
    from natsmon.recording.recorder import Recorder
    from natsmon.recording.target import Target
    from natsmon.stream.sink import Sink
    from natsmon.tui.model.moment import Moment


def choose(ctx: click.Context, /, plain: bool, as_json: bool, control: bool) -> str:
    if plain and as_json:
        raise click.UsageError("--plain and --json exclude each other", ctx)
    if control and not as_json:
        raise click.UsageError("--control needs --json", ctx)
    if as_json:
        return "json"
    # The dashboard is drawn on standard error.
    if plain or not all(map(is_terminal, (sys.stdin, sys.stdout, sys.stderr))):
        return "plain"
    if (term := os.environ.get("TERM", "")) in ("dumb", "unknown"):
        raise click.UsageError(f'TERM: "{term}" is a terminal that cannot show the dashboard; try --plain', ctx)
    return "dashboard"


def run(mode: str, settings: Settings, *, control: bool, record: "Target | None", sandbox: "Demo | None" = None) -> int:
    with recording(record) as recorder:
        return _run(mode, settings, control, record, recorder, sandbox)


def _run(
    mode: str,
    settings: Settings,
    control: bool,
    record: "Target | None",
    recorder: "Recorder | None",
    sandbox: "Demo | None",
) -> int:
    if mode == "dashboard":
        from natsmon.stream.probe_child import ProbeChild
        from natsmon.tui.app import run as run_dashboard

        return run_dashboard(ProbeChild(settings), sandbox=sandbox, record=record, recorder=recorder, afterwards=sum_up)
    from natsmon.probe.process import run as run_probe
    from natsmon.stream.outbox import Outbox

    render = None
    if mode != "json":
        from natsmon.wording.plain_log import PlainLog

        render = PlainLog().line
    outbox = Outbox(sys.stdout.fileno(), render)
    sinks: list[Sink] = [outbox] if recorder is None else [outbox, recorder]
    return run_probe([settings], sinks, control=control)


def sum_up(last: "Moment", recordings: list[str]) -> None:
    """What the terminal keeps of what was on the screen."""
    from natsmon.wording.session_summary import summary

    died = last.exit_reason if last.stream == "died" else None
    there = [name for name in recordings if os.path.exists(name)]
    with suppress(OSError):  # a terminal that is gone keeps nothing
        write("".join(f"{line}\n" for line in summary(last.state, last.now, died=died, recordings=there)))
