"""``--record``: where a run is recorded to, and the recording itself, open while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from natsmon.cli.output import complain
from natsmon.cli.value_layers import DEFAULT, Layers

if TYPE_CHECKING:
    from natsmon.recording.recorder import Recorder
    from natsmon.recording.writer import Target

_CLOSES_WITHIN = 5.0
"""Seconds that writing the last lines may take."""


def target_from(layers: Layers, mode: str) -> "Target | None":
    """The target of ``--record``; None without the flag. Raises BadParameter for flags of a recording without one."""
    given, part_size, keep = (layers.value(name)[0] for name in ("record", "record_max", "record_keep"))
    path = given or ""
    if path == "-":
        if mode != "json":
            why = '"-" is standard output, which has the stream only with --json'
            raise click.BadParameter(why, param_hint="--record")
        path = ""  # it is the recording
    if not given and layers.params["record_max"] and mode != "dashboard":  # there, a key may begin one
        raise click.BadParameter("is given without --record", param_hint="--record-max")
    if layers.origin("record_keep") != DEFAULT and part_size is None:
        raise click.BadParameter("is given without --record-max", param_hint="--record-keep")
    if not path and not (part_size and mode == "dashboard"):
        return None
    from natsmon.recording.writer import Target  # imported only when needed: most runs are not recorded

    return Target(path, part_size, keep)


@contextmanager
def recording(target: "Target | None") -> Iterator["Recorder | None"]:
    """A recorder that is closed at the end; None without a path. An error that stopped it is reported once."""
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
        recorder.close(_CLOSES_WITHIN)
        report_failure(recorder)


def report_failure(recorder: "Recorder") -> None:
    if failure := recorder.new_failure():
        complain(failure)
