"""The command line: commands and flags become Settings, then one mode runs. Alone reads argv and environment.

The packages that cost a start (the client, the screen) are imported by the mode that needs them, so that
``--help``, ``--version`` and an error answer at once.
"""

import gc
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from natsmon import __version__
from natsmon.exit_codes import Exit
from natsmon.flags import (
    Flag,
    check_flags,
    connect_flags,
    limits_from,
    output_flags,
    run_flags,
    server_flags,
    settings_from,
)
from natsmon.grammar import FLAGS_WORD, HELP_WIDTH, Command, Dashboard, Natsmon
from natsmon.parameters import whole
from natsmon.plaintext import printable
from natsmon.servers import parse_servers, quotable
from natsmon.settings import Settings, describe

if TYPE_CHECKING:
    from natsmon.sandbox import Sandbox

_SERVERS_AT_MOST = 9


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        _write(f"natsmon {__version__}\n")
        ctx.exit()


@click.group(cls=Natsmon, add_help_option=False, context_settings={"max_content_width": HELP_WIDTH})
def natsmon() -> None:
    pass


@natsmon.command(cls=Dashboard, hidden=True)
@server_flags
@connect_flags
@run_flags
@output_flags
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
@click.pass_context
def dashboard(ctx: click.Context, /, plain: bool, as_json: bool, control: bool, **_: Any) -> int:
    """Watch a connection to NATS: every dial, reconnect, outage and message, live.

    Without a terminal on standard output it is a log instead.
    """
    mode = _mode(ctx, plain, as_json, control)
    return _run(mode, settings_from(ctx), control=control)


@natsmon.command(cls=Command, options_metavar=FLAGS_WORD)
@click.option("--servers", cls=Flag, section="Demo", type=whole(1, _SERVERS_AT_MOST), default="1", help="How many.")
@connect_flags
@run_flags
@output_flags
@click.argument("rest", nargs=-1, metavar="")
@click.pass_context
def demo(
    ctx: click.Context, /, servers: int, rest: tuple[str, ...], plain: bool, as_json: bool, control: bool, **_: Any
) -> int:
    """The dashboard on real servers of its own, to be killed and restarted with a key."""
    if rest:
        raise click.UsageError("demo starts servers of its own and takes no URL", ctx)
    mode = _mode(ctx, plain, as_json, control)
    settings_from(ctx, servers=())  # what is wrong is said before a server is started
    from natsmon.sandbox import NoServer, Sandbox, SandboxFailed

    try:
        sandbox = Sandbox.start(servers=servers)
    except (NoServer, SandboxFailed) as exc:
        _complain(f"demo: {exc}")
        return Exit.USAGE
    try:
        addresses, _userinfo = parse_servers(sandbox.urls)
        return _run(mode, settings_from(ctx, servers=addresses), control=control, sandbox=sandbox)
    finally:
        sandbox.close()


@natsmon.command(cls=Command, options_metavar=FLAGS_WORD)
@server_flags
@connect_flags
@check_flags
@click.pass_context
def check(
    ctx: click.Context, /, as_format: str, outfile: str | None, namespace: str, every_address: bool, **_: Any
) -> int:
    """One connect to PONG, one round trip and one message, told stage by stage or to a monitor.

    The exit code is 0 for OK, 1 for WARNING, 2 for CRITICAL, 3 for UNKNOWN; with --format prometheus it is 0.
    """
    settings, limits = settings_from(ctx), limits_from(ctx)
    from natsmon import outfile as file
    from natsmon import verdict
    from natsmon.check import run as run_check
    from natsmon.views import check_formats, check_text

    found = run_check(settings, every_address=every_address)
    if found is None:
        return Exit.INTERRUPTED
    verdicts = [verdict.judge(each, limits) for each in found]
    colour = outfile is None and _is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    match as_format:
        case "nagios":
            told = check_formats.nagios(verdicts)
        case "json":
            told = check_formats.json_text(verdicts, many=every_address)
        case "prometheus":
            told = check_formats.prometheus(verdicts, namespace=namespace)
        case _ if every_address:
            told = check_text.table(verdicts, colour=colour)
        case _:
            told = check_text.stages(verdicts[0], colour=colour)
    if outfile is None:
        _write(told)
    else:
        try:
            file.write(outfile, told)
        except OSError as exc:
            _complain(f'--outfile: "{quotable(outfile)}" cannot be written: {exc.strerror}')
            return Exit.GAVE_UP
    return Exit.ENDED if as_format == "prometheus" else verdict.worst(verdicts)


@natsmon.command(cls=Command, options_metavar=FLAGS_WORD)
@server_flags
@connect_flags
@run_flags
@click.option("--json", "as_json", cls=Flag, section="Output", is_flag=True, help="As one JSON object.")
@click.pass_context
def info(ctx: click.Context, /, as_json: bool, **_: Any) -> int:
    """Every effective setting and where it came from; secrets are masked."""
    rows = describe(settings_from(ctx))
    if as_json:
        shown = {name: {"value": value or None, "origin": origin} for name, (value, origin) in rows.items()}
        _write(json.dumps({"version": __version__, "settings": shown}, indent=2) + "\n")
        return Exit.ENDED
    table = [("SETTING", "VALUE", "ORIGIN"), *((name, value or "–", origin) for name, (value, origin) in rows.items())]
    widths = [min(_WIDEST, max(len(row[column]) for row in table)) for column in (0, 1)]
    _write("".join(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}\n" for name, value, origin in table))
    return Exit.ENDED


_WIDEST = 48
"""Columns a value may push the origins to the right; a longer one pushes only its own."""


def _mode(ctx: click.Context, /, plain: bool, as_json: bool, control: bool) -> str:
    if plain and as_json:
        raise click.UsageError("--plain and --json exclude each other", ctx)
    if control and not as_json:
        raise click.UsageError("--control needs --json", ctx)
    if as_json:
        return "json"
    # The dashboard is drawn on standard error.
    if plain or not all(map(_is_terminal, (sys.stdin, sys.stdout, sys.stderr))):
        return "plain"
    if (term := os.environ.get("TERM", "")) in ("dumb", "unknown"):
        raise click.UsageError(f'TERM: "{term}" is a terminal that cannot show the dashboard; try --plain', ctx)
    return "dashboard"


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def _run(mode: str, settings: Settings, *, control: bool, sandbox: "Sandbox | None" = None) -> int:
    if mode == "dashboard":
        gc.disable()  # the app turns it on again once it has painted, a tenth sooner for it

        from natsmon.sources import ProbeProcess
        from natsmon.tui.app import run as run_dashboard

        return run_dashboard(ProbeProcess(settings), sandbox=sandbox)
    from natsmon.probe import run as run_probe

    if mode == "json":
        from natsmon.events import encode

        return run_probe(settings, encode=encode, control=control)
    from natsmon.views.plain import Plain

    return run_probe(settings, encode=Plain().line, control=control)


# -- what goes wrong --------------------------------------------------------------------------------


def explain(exc: click.ClickException) -> str:
    """One line that names the flag or variable, and the value unless it may be a secret."""
    hint = "; try natsmon --help"
    match exc:
        case click.NoSuchOption():
            name = re.match(r"-{0,2}[\w-]*", exc.option_name)
            similar = f"; did you mean {' or '.join(exc.possibilities)}?" if exc.possibilities else hint
            return f"{name[0] if name else 'option'}: there is no such option{similar}"
        case click.BadOptionUsage():
            params = (param for command in natsmon.commands.values() for param in command.params)
            options = (p for p in params if exc.option_name in (*p.opts, *p.secondary_opts))
            is_flag = any(isinstance(p, click.Option) and p.is_flag for p in options)
            wants = "takes no value" if is_flag else "needs a value"
            return f"{exc.option_name}: {wants}{hint}"
        case click.BadParameter():
            return f"{_place(exc)}: {exc.message}"
        case _:
            return exc.format_message()


def _place(exc: click.BadParameter) -> str:
    """The flag, the variable or the argument that a bad value came from."""
    if isinstance(exc.param_hint, str):
        return exc.param_hint
    param = exc.param
    if param is None:
        return "argument"
    if exc.ctx and exc.ctx.get_parameter_source(param.name or "") is ParameterSource.ENVIRONMENT:
        return str(param.envvar)
    return param.opts[0] if isinstance(param, click.Option) else "URL"


def _complain(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"natsmon: {printable(' '.join(message.split()))}\n")


def _write(text: str) -> None:
    """To standard output; a reader that has gone away (``| head``) is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and that must not fail aloud either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UnicodeEncodeError:
        sys.stdout.buffer.write(text.encode("utf-8"))


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
    if 1 in closed:
        raise click.UsageError("standard output is closed")


def main(args: Sequence[str] | None = None) -> int:
    """The console script. The result is the exit status."""
    try:
        _occupy_standard_streams()
        return int(natsmon.main(args, prog_name="natsmon", standalone_mode=False) or Exit.ENDED)
    except click.ClickException as exc:
        _complain(explain(exc))
        return Exit.USAGE
    except click.Abort:
        return Exit.INTERRUPTED
