"""The grammar of the command line: a server's URL may stand where a command would, and help comes in sections."""

import click

from natsmon.flags import Flag

HELP_WIDTH = 100
FLAGS_WORD = "[flags]"
_OTHER = "Other"


class Command(click.Command):
    """A command whose help has its flags in sections."""

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
        assert ctx.parent is not None
        group = ctx.parent.command
        assert isinstance(group, Natsmon)
        with formatter.section("Commands"):
            formatter.write_dl([(name, it.get_short_help_str(limit=HELP_WIDTH)) for name, it in group.named.items()])
        super().format_options(ctx, formatter)


class Natsmon(click.Group):
    """A group in which a server's URL may stand where a command would."""

    @property
    def named(self) -> dict[str, click.Command]:
        """The commands a person can name."""
        return {name: command for name, command in self.commands.items() if not command.hidden}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.with_command(ctx, args))

    def with_command(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, command first: the one that is named, also behind flags, or else the dashboard."""
        default = next(command for command in self.commands.values() if command.hidden)
        for at, arg in enumerate(args):
            if arg in self.named and self._flags_only(default, ctx, args[:at]):
                return [arg, *args[:at], *args[at + 1 :]]
        return [str(default.name), *args]

    @staticmethod
    def _flags_only(default: click.Command, ctx: click.Context, args: list[str]) -> bool:
        """Whether these arguments are flags with their values: no URL is among them, and no value is missing."""
        flags = click.Command(None, params=[param for param in default.params if isinstance(param, click.Option)])
        try:
            _, rest, _ = flags.make_parser(click.Context(flags, parent=ctx)).parse_args(args=list(args))
        except click.UsageError:
            return False
        return not rest and "--" not in args
