"""``natsmon replay``: the dashboard on a recording."""

from typing import TYPE_CHECKING, Any

import click

from natsmon.cli.command_group import Command
from natsmon.cli.flag_types import ANY_FILE
from natsmon.cli.flags import config_flags, view_flags
from natsmon.cli.output import complain, write
from natsmon.cli.run_modes import check_theme, view_mode
from natsmon.cli.terminal_check import need_screen
from natsmon.cli.value_layers import Layers
from natsmon.stream.exit_codes import Exit

if TYPE_CHECKING:
    from natsmon.recording.reader import Recording
    from natsmon.wording.plain_log import PlainLog


@click.command(
    cls=Command,
    short_help="Play a recording in the dashboard.",
    examples=["replay run.jsonl.zst", "replay monday.jsonl.gz tuesday.jsonl.gz", "replay --plain run.jsonl"],
    essentials=["plain"],
    exit_codes={0: "ended by you", 2: "FILE cannot be read"},
    params=[*view_flags, *config_flags, click.Argument(["files"], nargs=-1, metavar="FILE...", type=ANY_FILE)],
)
@click.pass_context
def replay(ctx: click.Context, /, files: tuple[str, ...], **_: Any) -> int:
    """Play a recording in the dashboard: play, pause, step, jump from outage to outage.

    Numbered parts of FILE are read first, compressed or not. Several files are played one after another.
    """
    if not files:
        raise click.UsageError("replay needs a recording: natsmon replay FILE")
    mode = view_mode(Layers(ctx))
    if mode.form == "dashboard":
        need_screen("replay")
    from natsmon.recording.reader import Recording, Unreadable

    try:
        recording = Recording(files)
    except Unreadable as error:
        raise click.UsageError(f"replay: {error}") from None
    if mode.form == "plain":
        return _log(recording, mode.log())
    from natsmon.replay.recording_index import RecordingIndex

    index = RecordingIndex(recording)
    if not index.begin():
        return _nothing(recording)
    from natsmon.tui.replay.replay_app import run

    check_theme(mode.view)
    return run(index, mode.view)


def _log(recording: "Recording", log: "PlainLog") -> int:
    events = 0
    for events, event in enumerate(recording.events(), 1):  # noqa: B007  the last number is asked for
        if (line := log.line(event)) is not None and not write(line):
            return Exit.ENDED
    if not events:
        return _nothing(recording)
    for note in recording.skipped:
        complain(f"replay: not read: {note}")
    return Exit.ENDED


def _nothing(recording: "Recording") -> int:
    where = ", ".join(str(path) for path in recording.parts)
    complain(f"replay: not read: {recording.skipped[0]}" if recording.skipped else f"replay: {where}: is empty")
    return Exit.USAGE
