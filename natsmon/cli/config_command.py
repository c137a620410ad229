"""``natsmon config init`` and ``natsmon config check``: natsmon's config file."""

import os
from pathlib import Path
from typing import Any

import click

from natsmon.cli.command_group import DEFAULT, Command, load
from natsmon.cli.flag_types import one_of
from natsmon.cli.flags import config_flags
from natsmon.cli.output import complain, write
from natsmon.cli.run_modes import view_mode
from natsmon.cli.settings_layers import settings_from
from natsmon.cli.value_layers import Layers, check_config
from natsmon.config import config_file, nats_context
from natsmon.stream.exit_codes import Exit

_TEMPLATE = """\
# natsmon reads this file and never writes it. A key is the name of a flag (natsmon --help-all).
# Each value has layers: default < this file < context of the nats CLI < variable < flag. natsmon info shows them.

# server = ["nats://east-1:4222", "nats://east-2:4222"]
# context = "prod"
# rate = 1
# reconnect-wait = "2s"

# The screen
# theme = "natsmon-dark"
# messages = false

# Alerts: a command gets the health as JSON on standard input and as NATSMON_... variables
# bell = true
# notify = true
# on-change = "/usr/local/bin/alert"
# on-outage = "/usr/local/bin/alert"

# Only with one context
# [contexts.prod]
# rate = 10

# Keys, by the id of an action (? in the dashboard shows them)
# [keymap]
# reconnect = "ctrl+r"
"""

_ACTION = click.Argument(["action"], type=one_of("init|check", "init", "check"), metavar="init|check")


@click.command(
    cls=Command,
    short_help="Write a commented config file, or check it.",
    examples=["config init", "config check", "config check --config other.toml"],
    essentials=["config"],
    exit_codes={0: "written, or without errors", 1: "cannot be written", 2: "wrong usage, or an error in the file"},
    params=[*config_flags, _ACTION],
)
@click.pass_context
def config(ctx: click.Context, /, action: str, config: str | None, **_: Any) -> int:
    """Write a commented config file, or check it: every key and every value, with file, line and key of an error.

    An existing file is not overwritten.
    """
    path = Path(os.path.expanduser(config)) if config else config_file.default_path()
    return _init(path) if action == "init" else _check(path, ctx)


def _init(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE)
    except OSError as error:
        complain(f"config: {path}: {'exists already' if isinstance(error, FileExistsError) else error.strerror}")
        return Exit.USAGE if isinstance(error, FileExistsError) else Exit.GAVE_UP
    write(f"{path}\n")
    return Exit.ENDED


def _check(path: Path, ctx: click.Context) -> int:
    # Textual, which the other action does not need
    from natsmon.tui.model.key_table import keymap_problems
    from natsmon.tui.widgets.themes import theme_problem

    try:
        found = config_file.load(str(path))
        check_config(found)
        for name, problem in keymap_problems(found.keymap).items():
            raise found.error(name, problem, "keymap")
        for name in ("", *found.contexts):
            # Every value is converted as in a run.
            dashboard = load(DEFAULT).make_context("natsmon", ["--no-context"], parent=ctx)
            layers = Layers(dashboard, section=name, config=found)
            settings_from(layers)
            view_mode(layers)
            for given in layers.below("theme"):
                theme = layers.convert("theme", given) if given.origin != config_file.CHOSEN else None
                if theme and (problem := theme_problem(theme)):
                    raise click.UsageError(f"{given.place}: {problem}")
        _check_contexts(found)
    except config_file.ConfigError as error:
        raise click.UsageError(str(error)) from None
    write(f"{path}: no errors\n")
    return Exit.ENDED


def _check_contexts(found: config_file.ConfigFile) -> None:
    """Raise ConfigError where a context of the file cannot be read. The section of a ``.json`` file has its stem.

    A section whose context is missing is a notice only: machines may share the file.
    """
    chosen = str(found.values.get("context", ""))
    named = {"context": chosen} if chosen else {}
    named |= {f"contexts.{name}": name for name in found.contexts if name != Path(chosen).stem}
    for key, name in named.items():
        try:
            nats_context.load(name)
        except nats_context.ContextError as error:
            if key == "context" or not isinstance(error, nats_context.ContextMissing):
                raise found.error(key, str(error)) from None
            complain(f"{found.place(key)}: not used on this machine: {error}")
