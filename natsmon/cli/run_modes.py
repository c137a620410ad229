"""How a run is shown: on a screen, as a log, or as the stream of its events; and where it is recorded to.

Packages that slow a start down (the client, the screen) are imported by the mode that needs them.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from natsmon.cli.output import complain, write
from natsmon.cli.settings_layers import view_settings_from
from natsmon.cli.terminal_check import check_encoding, missing_terminal
from natsmon.cli.value_layers import DEFAULT, Layers
from natsmon.config.config_file import CHOSEN
from natsmon.config.settings import Settings, ViewSettings

if TYPE_CHECKING:
    from natsmon.lab.demo import Demo
    from natsmon.recording.recorder import Recorder
    from natsmon.recording.writer import Target
    from natsmon.stream.sink import Sink
    from natsmon.stream.source import Source
    from natsmon.tui.model.moment import Moment
    from natsmon.wording.plain_log import PlainLog

_FILES = 64
"""Terminal, pipes, event loop, recording, sockets of a race over many addresses, inquiries."""
_FILES_PER_SERVER = 16
"""Of the demo: a server's pipes, its relay and the relay's connections."""
_CLOSES_WITHIN = 5.0
"""Seconds that writing the last lines of a recording may take."""
_OF_LOG = ("log_format", "log_level")
_COMMANDS = ("on_change", "on_outage")
_OF_SCREEN = ("theme", "no_title", "bell", "notify")


class Mode(NamedTuple):
    """The form of the output of a run, its recording, and what it needs beside the settings of the connection."""

    form: str
    """``dashboard``, ``plain`` or ``json``."""
    view: ViewSettings
    control: bool
    """Commands come from standard input."""
    log_format: str
    log_level: str
    record: "Target | None"
    notice: str
    """Why it is the log, where the dashboard was not excluded."""

    def log(self) -> "PlainLog":
        from natsmon.wording.plain_log import PlainLog

        return PlainLog(self.log_format, self.log_level, messages=self.view.messages)


def choose(layers: Layers) -> Mode:
    """The mode of a command line. Without a terminal it is the log, with a notice. Raises UsageError."""
    plain, as_json, control = (layers.params[name] for name in ("plain", "as_json", "control"))
    if plain and as_json:
        raise click.UsageError("--plain and --json exclude each other")
    if control and not as_json:
        raise click.UsageError("--control needs --json")
    if as_json:
        _refuse(layers, _COMMANDS, ": --json has no alerts; the dashboard, --plain and natsmon view have")
    form, notice = "json" if as_json else _view_form(layers), ""
    if form == "dashboard" and (why := missing_terminal()):
        form, notice = "plain", f"{why}: this is the log, as with --plain"
    mode = _mode(form, layers, control=control, notice=notice)
    if form == "dashboard":
        check_encoding()
    return mode


def view_mode(layers: Layers) -> Mode:
    """The mode of a command that shows a stream or a recording: the dashboard, or the log."""
    return _mode(_view_form(layers), layers)


def _view_form(layers: Layers) -> str:
    return "plain" if layers.value("plain")[0] else "dashboard"


def _mode(form: str, layers: Layers, *, control: bool = False, notice: str = "") -> Mode:
    if form != "plain":
        _refuse(layers, _OF_LOG, " needs --plain")
    if form != "dashboard":
        layers.choices = {}
        if not notice:
            _refuse(layers, _OF_SCREEN, " needs the dashboard")
    log_format, log_level = (layers.value(name)[0] for name in _OF_LOG)
    record = _target_from(layers, form) if "record" in layers.flags else None
    return Mode(form, view_settings_from(layers), control, log_format, log_level, record, notice)


def _refuse(layers: Layers, names: tuple[str, ...], why: str) -> None:
    """Raise UsageError for a flag that does nothing in this run; variables and the config file are for others, too."""
    for name in names:
        if layers.origin(name).startswith("flag"):
            raise click.UsageError(layers.flags[name].opts[0] + why)


def _target_from(layers: Layers, mode: str) -> "Target | None":
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


def run(mode: Mode, settings: Settings, *, sandbox: "Demo | None" = None, layers: Layers | None = None) -> int:
    """Run until the end, and return the exit code.

    ``sandbox`` are the demo's servers; with ``layers`` the dashboard may switch to another context.
    """
    if mode.view.messages:
        settings = msgspec.structs.replace(settings, every_message=True)
    _check_open_files(_FILES + (_FILES_PER_SERVER * len(settings.servers) if sandbox is not None else 0))
    with recording(mode.record) as recorder:
        if mode.notice:
            complain(mode.notice)
        if mode.form == "dashboard":
            from natsmon.cli.context_choice import ContextChoice
            from natsmon.stream.probe_child import ProbeChild

            source = ProbeChild(settings)
            contexts = ContextChoice(layers, source, settings) if layers is not None else None
            return show(source, mode, demo=sandbox, recorder=recorder, contexts=contexts)
        from natsmon.probe.process import run as run_probe
        from natsmon.stream.outbox import Outbox

        with alerting_log(mode) if mode.form == "plain" else nullcontext() as log:
            outbox = Outbox(sys.stdout.fileno(), log.line if log is not None else None)
            sinks: Sequence[Sink] = [outbox] if recorder is None else [outbox, recorder]
            return run_probe([settings], sinks, control=mode.control)


@contextmanager
def alerting_log(mode: Mode) -> "Iterator[PlainLog]":
    """The log of what happens now, with the alert commands."""
    if not (mode.view.on_change or mode.view.on_outage):
        yield mode.log()
        return
    from natsmon.alerts.alerting_log import AlertingLog

    log = AlertingLog(mode.view, complain, mode.log_format, mode.log_level, messages=mode.view.messages)
    with closing(log):
        yield log


def _check_open_files(needed: int) -> None:
    """Raise the soft limit of open files (``ulimit -n``) where it is too low; UsageError above the hard limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise click.UsageError(f"{hard} open files are allowed and natsmon needs {needed}: ulimit -n {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def show(source: "Source", mode: Mode, **options: Any) -> int:
    """Show a source in the dashboard, and leave a summary in the terminal."""
    from natsmon.tui.app import run as run_dashboard

    check_theme(mode.view)
    return run_dashboard(source, view=mode.view, record=mode.record, afterwards=print_summary, **options)


def check_theme(view: ViewSettings) -> None:
    """Raise UsageError for a theme that does not exist, unless it was chosen on screen, in another version."""
    from natsmon.tui.widgets.themes import theme_problem

    origin = view.origins.get("theme", "")
    if view.theme and origin != CHOSEN and (problem := theme_problem(view.theme)):
        raise click.UsageError(f"{origin}: {problem}")


def print_summary(last: "Moment", recordings: list[str]) -> None:
    from natsmon.wording.session_summary import summary

    stopped = last.exit_reason if last.stream == "stopped" else None
    existing = [name for name in recordings if os.path.exists(name)]
    with suppress(OSError):  # the terminal was closed
        write("".join(f"{line}\n" for line in summary(last.state, last.now, stopped=stopped, recordings=existing)))
