"""The grammar of the command line: a server's URL may stand where a command would, and help comes in sections."""

from importlib import import_module
from typing import Any

import click

from natsmon.cli.flags import Flag
from natsmon.cli.output import write
from natsmon.stream import garbage

HELP_WIDTH = 100
FLAGS_WORD = "[flags]"
_OTHER = "Other"

DEFAULT = "dashboard"
"""The command that runs when none is named."""
NAMED = ("demo", "check", "replay", "view", "report", "info")
"""Those a person can name, in the order of the help."""


def load(name: str) -> click.Command:
    """A command is in the module named after it."""
    command: click.Command = getattr(import_module(f"natsmon.cli.{name}_command"), name)
    return command


def _help(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        write(f"{ctx.get_help()}\n")
        ctx.exit()


class Command(click.Command):
    """A command whose help has its flags in sections."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _help  # click's own writes past us, and fails aloud
        return option

    def invoke(self, ctx: click.Context) -> Any:
        garbage.collect()  # a command that goes on for long has not to think of it
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                section = param.section if isinstance(param, Flag) else _OTHER
                sections.setdefault(section, []).append(record)
        for section, records in sorted(sections.items(), key=lambda item: item[0] == _OTHER):
            with formatter.section(section):
                formatter.write_dl(records)


class Dashboard(Command):
    """The command that runs when none is named; its help is the help of natsmon."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage("natsmon", f"[URL]... {FLAGS_WORD}")
        formatter.write_usage("natsmon", f"COMMAND {FLAGS_WORD}", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, load(name).get_short_help_str(limit=HELP_WIDTH)) for name in NAMED])
        super().format_options(ctx, formatter)


class Natsmon(click.Group):
    """A group in which a server's URL may stand where a command would."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [DEFAULT, *NAMED]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return load(name) if name in (DEFAULT, *NAMED) else None

    def all_commands(self) -> list[click.Command]:
        """Each imports its module: for the help, and for what went wrong."""
        return [load(name) for name in (DEFAULT, *NAMED)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._with_command(ctx, args))

    def _with_command(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, command first: the one that is named, also behind flags, or else the dashboard."""
        for at, arg in enumerate(args):
            if arg in NAMED and (at == 0 or self._flags_only(ctx, args[:at])):
                return [arg, *args[:at], *args[at + 1 :]]
        return [DEFAULT, *args]

    @staticmethod
    def _flags_only(ctx: click.Context, args: list[str]) -> bool:
        """Whether these arguments are flags with their values: no URL is among them, and no value is missing."""
        flags = click.Command(None, params=[param for param in load(DEFAULT).params if isinstance(param, click.Option)])
        try:
            _, rest, _ = flags.make_parser(click.Context(flags, parent=ctx)).parse_args(args=list(args))
        except click.UsageError:
            return False
        return not rest and "--" not in args
