"""The command group: a server's URL may stand in place of a command; help in a short and a full form."""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import click

from natsmon.cli.flag_types import COMMANDS as COMMANDS
from natsmon.cli.flags import Flag
from natsmon.cli.output import write
from natsmon.stream.exit_codes import EXIT_CODES

HELP_WIDTH = 100
FLAGS_WORD = "[flags]"
DEFAULT = "dashboard"
"""The command that runs when none is named."""
_ALIASES = {"help": "--help", "version": "--version"}
_WORD = re.compile(r"[A-Za-z]+")
_SIMILAR = 0.75
"""``difflib`` ratio: one wrong, missing or swapped letter in a word of four."""
_LOOKUP_SECONDS = 1.0


def load(name: str) -> click.Command:
    """Import a command; commands that do not run cost the start nothing."""
    command: click.Command = getattr(import_module(f"natsmon.cli.{name}_command"), name)
    return command


def action_flag(*names: str, text: Callable[[click.Context, click.Parameter], str], **options: Any) -> click.Option:
    """A flag that writes a text instead of running the command, such as ``--version``."""

    def act(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
        if wanted and not ctx.resilient_parsing:  # as a shell completes
            write(f"{text(ctx, param)}\n")
            ctx.exit()

    return click.Option(names, is_flag=True, expose_value=False, is_eager=True, callback=act, **options)


class Command(click.Command):
    """A command whose ``--help`` fits a terminal of 24 lines and whose ``--help-all`` shows every flag.

    ``--help`` shows the parameters named in ``essentials``; ``exit_codes`` are given where they are not those of a run.
    """

    def __init__(
        self,
        examples: Sequence[str] = (),
        essentials: Sequence[str] = (),
        exit_codes: dict[int, str] = EXIT_CODES,
        **options: Any,
    ) -> None:
        settings = {"max_content_width": HELP_WIDTH}
        super().__init__(options_metavar=FLAGS_WORD, context_settings=settings, add_help_option=False, **options)
        self.examples = examples
        self.essentials = essentials
        self.exit_codes = exit_codes
        self.params += [  # click's own --help does not report a write error
            action_flag("--help-all", text=_help, help="Show every flag."),
            action_flag("-h", "--help", text=_help, help="Show this message and exit."),
        ]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        full = ctx.meta.get(_FULL, False)
        self.format_usage(ctx, formatter)
        if full:
            self.format_help_text(ctx, formatter)
        else:
            formatter.write_paragraph()
            formatter.write_text(self.get_short_help_str(limit=HELP_WIDTH))
        formatter.write_paragraph()
        for example in self.examples:
            formatter.write(f"  {f'natsmon {example}'.rstrip()}\n")
        self.format_commands(ctx, formatter)
        if full:
            self.format_all_flags(ctx, formatter)
            formatter.write_paragraph()
        else:
            self.format_essential_flags(ctx, formatter)
        codes = ", ".join(f"{code} {meaning}" for code, meaning in self.exit_codes.items())
        formatter.write_text(f"Exit codes: {codes}." + ("" if full else " All flags: --help-all."))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the other commands; only the help of natsmon itself does."""

    def format_all_flags(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx)):
                sections.setdefault(param.section if isinstance(param, Flag) else "Other", []).append(record)
        for section, records in sorted(sections.items(), key=lambda item: item[0] == "Other"):
            with formatter.section(section):
                formatter.write_dl(records)

    def essential_flags(self, ctx: click.Context) -> Iterator[tuple[str, str]]:
        """Flag with its metavar, and the first clause of its help."""
        by_name = {param.name: param for param in self.get_params(ctx)}
        for name in self.essentials:
            if record := by_name[name].get_help_record(ctx):
                yield record[0], re.split(r"[;:.]( |$)", record[1])[0]

    def format_essential_flags(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if flags := list(self.essential_flags(ctx)):
            with formatter.section("Flags"):
                formatter.write_dl(flags)
        formatter.write_paragraph()


_FULL = "natsmon.cli.help_all"


def _help(ctx: click.Context, param: click.Parameter) -> str:
    ctx.meta[_FULL] = param.name == "help_all"
    return ctx.get_help()


class DashboardCommand(Command):
    """The command that runs when none is named; its help is the help of natsmon."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage("natsmon", f"[URL]... {FLAGS_WORD}")
        formatter.write_usage("natsmon", f"COMMAND {FLAGS_WORD}", prefix="       ")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, load(name).get_short_help_str(limit=HELP_WIDTH)) for name in COMMANDS])

    def format_essential_flags(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text("Flags: " + ", ".join(flag for flag, _ in self.essential_flags(ctx)) + ".")


class CommandGroup(click.Group):
    """A group in which a server's URL may stand in place of a command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [DEFAULT, *COMMANDS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return load(name) if name in (DEFAULT, *COMMANDS) else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command first. ``natsmon help check`` is ``natsmon check --help``."""
        at = _first_word(args)
        word = args[at] if at < len(args) else ""
        if word in COMMANDS:
            args = [word, *args[:at], *args[at + 1 :]]
        elif word in _ALIASES and at == 0:
            if (about := "".join(args[1:2])) and not about.startswith("-") and about not in (*COMMANDS, *_ALIASES):
                _refuse_misspelling(about)
                raise click.UsageError(
                    f"{word}: there is no such command; natsmon help lists them"
                )  # it may be a secret
            return self.parse_args(ctx, [*args[1:2], _ALIASES[word]])
        else:
            if not ctx.resilient_parsing:  # as a shell completes
                _refuse_misspelling(word)
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


def _first_word(args: Sequence[str]) -> int:
    """The index of the first argument that is neither a flag nor the value of one."""
    takes_value: set[str] = set()
    if args and args[0].startswith("-"):
        options = (param for param in load(DEFAULT).params if isinstance(param, click.Option) and not param.is_flag)
        takes_value = {name for option in options for name in option.opts}
    at = 0
    while at < len(args) and args[at].startswith("-") and args[at] != "--":
        at += 2 if args[at] in takes_value else 1
    return at


def _refuse_misspelling(word: str) -> None:
    """Raise UsageError where the first argument is most likely a misspelled command.

    That is a word of letters only, similar to a command's name, which does not resolve. ``east-1``, ``localhost``,
    ``h:4222`` and ``nats://chekc`` are dialed.
    """
    if not _WORD.fullmatch(word):
        return
    import difflib

    similar = difflib.get_close_matches(word.lower(), (*COMMANDS, *_ALIASES), n=1, cutoff=_SIMILAR)
    if similar and not _resolves(word):
        raise click.UsageError(f"{word}: did you mean {similar[0]}? A host of that name is dialed as nats://{word}")


def _resolves(host: str) -> bool:
    """True where the resolver finds an address of the host within a second."""
    found: list[object] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, None))
        except (OSError, UnicodeError):
            return

    thread = threading.Thread(target=look_up, daemon=True)  # a resolver can hang
    thread.start()
    thread.join(_LOOKUP_SECONDS)
    return bool(found)
