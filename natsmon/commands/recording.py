"""``--record``: where a run is recorded to, and the recording itself, open while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from natsmon.commands.output import complain
from natsmon.recording.target import Target

if TYPE_CHECKING:
    from natsmon.recording.recorder import Recorder

_AT_THE_END = 5.0
"""Seconds a disk may take for the last lines."""


def target_from(ctx: click.Context, mode: str) -> Target:
    path = ctx.params["record"] or ""
    if path == "-":
        if mode != "json":
            raise click.BadParameter(
                '"-" is standard output, which has the stream only with --json', ctx=ctx, param_hint="--record"
            )
        path = ""  # it is the recording
    if not ctx.params["record"] and ctx.params["record_max"] and mode != "dashboard":  # there, a key may begin one
        raise click.BadParameter("is given without --record", ctx=ctx, param_hint="--record-max")
    return Target(path, ctx.params["record_max"], ctx.params["record_keep"])


@contextmanager
def recording(target: Target) -> Iterator["Recorder | None"]:
    """A recorder while it is needed; none without a path. What stopped it is said, unless that has been done."""
    if not target.path:
        yield None
        return
    from natsmon.recording.recorder import CannotRecord, Recorder

    try:
        recorder = Recorder(target)
    except CannotRecord as error:
        raise click.BadParameter(str(error), param_hint="--record") from None
    try:
        yield recorder
    finally:
        recorder.close(_AT_THE_END)
        if recorder.failure and not recorder.told:
            complain(recorder.failure)
