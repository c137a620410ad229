"""``--record``: where a run is recorded to, and the recording itself, open while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from natsmon.cli.output import complain

if TYPE_CHECKING:
    from natsmon.recording.recorder import Recorder
    from natsmon.recording.target import Target

_AT_THE_END = 5.0
"""Seconds a disk may take for the last lines."""


def target_from(ctx: click.Context, mode: str) -> "Target | None":
    """None where nothing is said of recording."""
    path = ctx.params["record"] or ""
    if path == "-":
        if mode != "json":
            raise click.BadParameter(
                '"-" is standard output, which has the stream only with --json', ctx=ctx, param_hint="--record"
            )
        path = ""  # it is the recording
    if not ctx.params["record"] and ctx.params["record_max"] and mode != "dashboard":  # there, a key may begin one
        raise click.BadParameter("is given without --record", ctx=ctx, param_hint="--record-max")
    if ctx.get_parameter_source("record_keep") is not ParameterSource.DEFAULT and ctx.params["record_max"] is None:
        raise click.BadParameter("is given without --record-max", ctx=ctx, param_hint="--record-keep")
    if not path and not ctx.params["record_max"]:
        return None
    from natsmon.recording.target import Target  # it costs a start, and most are not recorded

    return Target(path, ctx.params["record_max"], ctx.params["record_keep"])


@contextmanager
def recording(target: "Target | None") -> Iterator["Recorder | None"]:
    """A recorder while it is needed; none without a path. What stopped it is said, unless that has been done."""
    if target is None or not target.path:
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
        say_if_stopped(recorder)


def say_if_stopped(recorder: "Recorder") -> None:
    """Once, and as soon as it is known."""
    if recorder.failure and not recorder.reported:
        recorder.reported = True
        complain(recorder.failure)
