"""The command line: run the named command, explain wrong usage in one line."""

import os
import re
import sys
from collections.abc import Sequence

import click
from click.core import ParameterSource

from natsmon.cli.command_group import COMMANDS, DEFAULT, CommandGroup, load
from natsmon.cli.output import Unwritable, complain
from natsmon.stream.exit_codes import Exit

COMPLETE_VARIABLE = "_NATSMON_COMPLETE"


@click.group(cls=CommandGroup, add_help_option=False)
def natsmon() -> None:
    pass


def explain(exc: click.ClickException) -> str:
    """One line that names the flag or variable, and the value unless it may be a secret."""
    named = exc.ctx.info_name if isinstance(exc, click.UsageError) and exc.ctx is not None else None
    hint = f"; try natsmon {f'{named} ' if named in COMMANDS else ''}--help"
    match exc:
        case click.NoSuchOption():
            name = re.match(r"-{0,2}[\w-]*", exc.option_name)
            similar = _most_similar(exc.option_name, exc.possibilities or ())
            meant = f"; did you mean {similar}?" if similar else hint
            return f"{name[0] if name else 'option'}: unknown flag{meant}"
        case click.BadOptionUsage():
            params = (param for name in (DEFAULT, *COMMANDS) for param in load(name).params)
            options = (p for p in params if exc.option_name in (*p.opts, *p.secondary_opts))
            is_flag = any(isinstance(p, click.Option) and p.is_flag for p in options)
            wants = "takes no value" if is_flag else "needs a value"
            return f"{exc.option_name}: {wants}{hint}"
        case click.MissingParameter() if exc.param is not None and exc.ctx is not None:
            return f"{exc.ctx.command.name} needs {_metavar(exc.param)}{hint}"
        case click.BadParameter():
            return f"{_place(exc)}: {exc.message}"
        case _:
            return exc.format_message()


def _most_similar(given: str, flags: Sequence[str]) -> str:
    """The flag that was most likely meant; empty for none. The dashes, which all flags share, do not count."""
    import difflib

    bare = {flag.lstrip("-"): flag for flag in flags}
    return next((bare[each] for each in difflib.get_close_matches(given.lstrip("-"), bare, n=1)), "")


def _place(exc: click.BadParameter) -> str:
    """The flag, the variable or the argument that a bad value came from."""
    if isinstance(exc.param_hint, str):
        return exc.param_hint
    param = exc.param
    if param is None:
        return "argument"
    if exc.ctx and exc.ctx.get_parameter_source(param.name or "") is ParameterSource.ENVIRONMENT:
        return str(param.envvar)
    return param.opts[0] if isinstance(param, click.Option) else _metavar(param)


def _metavar(param: click.Parameter) -> str:
    """The name of an argument for a person: ``URL``, ``FILE``."""
    return (param.metavar or str(param.name)).strip("[].")


def _occupy_standard_streams() -> None:
    """Put the null device where one is closed; for standard output that is an error.

    A socket opened later would get the free number, and events would be written to a server.
    """
    closed = []
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            closed.append(fd)
            os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process
    if 1 in closed:
        raise click.UsageError("standard output is closed")


def main(args: Sequence[str] | None = None) -> int:
    """The console script. The result is the exit status."""
    try:
        _occupy_standard_streams()
        return int(natsmon.main(args, prog_name="natsmon", standalone_mode=False) or Exit.ENDED)
    except click.ClickException as exc:
        complain(explain(exc))
        return Exit.USAGE
    except Unwritable as exc:
        complain(str(exc))
        return Exit.GAVE_UP
    except click.Abort:
        return Exit.INTERRUPTED
    except (KeyError, ValueError):
        if COMPLETE_VARIABLE not in os.environ:
            raise
        complain(f"{COMPLETE_VARIABLE}: COMP_WORDS and COMP_CWORD must be those of a shell that completes")
        return Exit.USAGE
