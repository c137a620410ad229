"""The flags, in the words of nats.go and the nats CLI, and the Settings they make.

Every value carries where it came from (a flag, an environment variable, a default). Values are checked here,
all of them, before anything is started; an error quotes the value unless it may be a secret.
"""

import math
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from natsmon import units
from natsmon.plaintext import printable
from natsmon.servers import BadURL, UserInfo, check_subject, parse_servers, quotable
from natsmon.settings import MAX_RATE, Secret, Server, Settings

_SLOWEST, _FASTEST = 1e-6, 1e9
"""Messages a second; beyond the one nobody waits, beyond the other only ``max`` is meant."""
_LARGEST = 2**31 - 1

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # generic for type checkers only before click 8.4

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]


class Value(_ParamType):
    """A parameter type from a function that raises ValueError with the reason."""

    def __init__(self, metavar: str, parse: Callable[[str], Any], *, secret: bool = False) -> None:
        self.name = metavar
        self._parse = parse
        self._secret = secret

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as exc:
            shown = "the value" if self._secret else f'"{quotable(value)}"'
            self.fail(f"{shown} {exc}", param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return self.name

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """A variable is one value, also of a flag that can be repeated."""
        return [rv]


def text(value: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("is not UTF-8")
    return value


def _name(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    if printable(value) != value:
        raise ValueError("has a control character in it")
    return value


def _readable(path: str) -> str:
    """A file's path, if it can be read now; an empty one is as good as none."""
    if path:
        try:
            with open(os.path.expanduser(path), "rb") as file:
                file.read(1)
        except OSError as exc:
            raise ValueError(f"cannot be read: {exc.strerror}") from None
    return os.path.expanduser(path)


def _rate(value: str) -> float:
    """The interval between two messages."""
    if value == "max":
        return MAX_RATE
    try:
        rate = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        rate = math.nan
    if math.isnan(rate) or math.isinf(rate):
        raise ValueError('is not a number of messages a second, nor "max"')
    if rate < 0:
        raise ValueError("is negative")
    if rate == 0:
        raise ValueError("must be more than 0 messages a second")
    if not _SLOWEST <= rate <= _FASTEST:
        raise ValueError("is too slow" if rate < 1 else 'is too fast (try "max")')
    return 1 / rate


def _positive_duration(value: str) -> float:
    seconds = units.parse_duration(value)
    if seconds <= 0:
        raise ValueError("must be more than 0")
    return seconds


def whole(least: int, most: int = _LARGEST) -> Value:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", value):
            raise ValueError("is not a whole number")
        if int(value) < least:
            raise ValueError(f"must be {least} or more")
        if int(value) > most:
            raise ValueError(f"must be {most} or less")
        return int(value)

    return Value("N", parse)


URL = Value("URL", str)
"""Read later, together with the others: what is wrong may be between two of them."""
FILE = Value("FILE", lambda value: _readable(text(value)))
SECRET = Value("TEXT", lambda value: Secret(text(value)), secret=True)
DURATION = Value("DURATION", units.parse_duration)
POSITIVE_DURATION = Value("DURATION", _positive_duration)


class Flag(click.Option):
    """An option that stands in a section of the help."""

    def __init__(self, *args: Any, section: str, **kwargs: Any) -> None:
        self.section = section
        kwargs.setdefault("show_default", kwargs.get("default") not in (None, False))
        super().__init__(*args, **kwargs)


def _flag(section: str, *names: str, **kwargs: Any) -> Decorator[Any]:
    return click.option(*names, cls=Flag, section=section, **kwargs)


_SERVER_FLAGS = [
    _flag("Servers", "--server", "-s", multiple=True, type=URL, envvar="NATS_URL", show_envvar=True,
          help="Servers to dial; repeated, or separated by commas.  [default: nats://127.0.0.1:4222]"),
]  # fmt: skip

_RUN_FLAGS = [
    _flag("Servers", "--user", type=SECRET, envvar="NATS_USER", show_envvar=True,
          help="User name; without a password it is a token."),
    _flag("Servers", "--password", type=SECRET, envvar="NATS_PASSWORD", show_envvar=True, help="Password."),
    _flag("Servers", "--token", type=SECRET, envvar="NATS_TOKEN", show_envvar=True, help="Token."),
    _flag("Servers", "--creds", type=FILE, envvar="NATS_CREDS", show_envvar=True,
          help="Credentials file: a user JWT and its seed."),
    _flag("Servers", "--nkey", type=FILE, envvar="NATS_NKEY", show_envvar=True, help="File with an nkey's seed."),
    _flag("Servers", "--jwt", type=SECRET, envvar="NATS_JWT", show_envvar=True, help="User JWT; needs --seed."),
    _flag("Servers", "--seed", type=SECRET, envvar="NATS_SEED", show_envvar=True, help="The seed of --jwt."),
    _flag("TLS", "--tlsca", type=FILE, envvar="NATS_CA", show_envvar=True,
          help="CAs to trust, PEM, instead of the system's."),
    _flag("TLS", "--tlscert", type=FILE, envvar="NATS_CERT", show_envvar=True, help="Client certificate, PEM."),
    _flag("TLS", "--tlskey", type=FILE, envvar="NATS_KEY", show_envvar=True, help="The key of --tlscert."),
    _flag("TLS", "--tlsfirst", "--tls-first", is_flag=True, help="Handshake before the server says INFO."),
    _flag("TLS", "--tls-server-name", type=Value("NAME", lambda value: _name(text(value))),
          help="Name to check the server's certificate for.  [default: the host dialed]"),
    _flag("Servers", "--connection-name", type=Value("NAME", lambda value: _name(text(value))),
          help="Name that servers list the connection by.  [default: natsmon HOST PID]"),
    _flag("Messages", "--subject", type=Value("SUBJECT", lambda value: check_subject(text(value))), default="hello",
          help="Subject to publish and subscribe to."),
    _flag("Messages", "--payload", type=Value("TEXT", os.fsencode), default="world", help="Body of each message."),
    _flag("Messages", "--rate", type=Value("RATE", _rate), default="1", help="Messages a second, or max."),
    _flag("Messages", "--count", type=whole(1), help="End after N messages published."),
    _flag("Messages", "--duration", type=POSITIVE_DURATION, help="End after this time."),
    _flag("Messages", "--reconnect-buffer", type=Value("SIZE", units.parse_size), default="8MiB",
          help="Messages kept while there is no connection; more are rejected."),
    _flag("Connection", "--connect-timeout", type=POSITIVE_DURATION, default="5s",
          help="For one dial, from DNS to PONG."),
    _flag("Connection", "--reconnect-wait", type=DURATION, default="2s", help="Wait before the next round of dials."),
    _flag("Connection", "--reconnect-jitter", type=DURATION, default="100ms", help="Random time added to that wait."),
    _flag("Connection", "--max-reconnects", type=whole(-1), default="60",
          help="Dials for each server before giving up: -1 for ever, 0 none."),
    _flag("Connection", "--retry-on-failed-connect/--no-retry-on-failed-connect", default=True,
          show_default=False, help="Dial on when the initial connect fails (as it does), or end."),
    _flag("Connection", "--ignore-discovered-servers", is_flag=True, help="Dial the given servers only."),
    _flag("Connection", "--no-randomize", is_flag=True, help="Dial the servers in the given order."),
    _flag("Connection", "--ping-interval", type=POSITIVE_DURATION, default="2m", help="Between two keep-alive PINGs."),
    _flag("Connection", "--max-pings-out", type=whole(1), default="2",
          help="PINGs without a PONG before the connection is stale."),
    _flag("Connection", "--rtt-interval", type=POSITIVE_DURATION, default="1s",
          help="Between two round-trip measurements."),
]  # fmt: skip

_OUTPUT_FLAGS = [
    _flag("Output", "--plain", is_flag=True, help="A log, one line an event."),
    _flag("Output", "--json", "as_json", is_flag=True, help="The event stream, one JSON object a line."),
    _flag("Output", "--control", is_flag=True, help="With --json: take commands from standard input."),
]


def _apply(flags: Sequence[Decorator[Any]], function: F) -> F:
    for flag in reversed(flags):
        function = flag(function)
    return function


def server_flags(function: F) -> F:
    """``URL …`` and ``--server``."""
    return click.argument("url", nargs=-1, type=URL, metavar="[URL]...")(_apply(_SERVER_FLAGS, function))


def run_flags(function: F) -> F:
    """What to dial with, what to publish and when to stop."""
    return _apply(_RUN_FLAGS, function)


def output_flags(function: F) -> F:
    """How to show it."""
    return _apply(_OUTPUT_FLAGS, function)


_FIELDS = {"connection_name": "name", "rate": "interval"}
"""Parameters whose field is called otherwise."""
_CREDENTIALS = ("user", "password", "token")


def origin(ctx: click.Context, name: str) -> str:
    """Where a parameter's value came from, for a person."""
    param = next(p for p in ctx.command.params if p.name == name)
    if isinstance(param, click.Argument):
        return "URL argument"
    match ctx.get_parameter_source(name):
        case ParameterSource.COMMANDLINE:
            negated = ctx.params.get(name) is False and param.secondary_opts
            return f"flag {(param.secondary_opts if negated else param.opts)[0]}"
        case ParameterSource.ENVIRONMENT:
            return f"env {param.envvar}"
        case _:
            return "default"


def settings_from(ctx: click.Context, servers: Sequence[Server] | None = None) -> Settings:
    """The Settings of a command line. ``servers`` replaces what URLs and variables say of them."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for param in ctx.command.params:
        name = param.name or ""
        if not isinstance(param, Flag) or param.section in ("Output", "Demo") or name in ("server", *_CREDENTIALS):
            continue
        value, came_from = ctx.params[name], origin(ctx, name)
        if name == "no_randomize":
            name, value = "randomize", not value
        field = _FIELDS.get(name, name)
        if value is not None:
            values[field] = value
        if came_from != "default":
            origins[field] = came_from
    if not values.get("name"):
        values["name"] = _default_name()
    userinfo = None
    if servers is None:
        values["servers"], userinfo, came_from = _servers(ctx)
    else:
        values["servers"], came_from = tuple(servers), "demo"
    if came_from != "default":
        origins["servers"] = came_from
    if userinfo is not None:  # as in nats.go, they win over the flags
        credentials = _given(userinfo)
        origins |= dict.fromkeys(credentials, came_from)
    else:
        credentials, credential_origins = _credentials(ctx)
        origins |= credential_origins
    settings = Settings(**values | credentials, origins=origins)
    _check_pairs(settings, ctx)
    return settings


def _check_pairs(settings: Settings, ctx: click.Context) -> None:
    """What makes sense only together with something else, and whether TLS can use its files."""

    def refuse(field: str, why: str) -> NoReturn:
        given = settings.origins.get(field, f"flag --{field}")
        raise click.BadParameter(why, ctx=ctx, param_hint=given.split()[-1])

    for one, other in (("jwt", "seed"), ("seed", "jwt"), ("tlskey", "tlscert")):
        if getattr(settings, one) and not getattr(settings, other):
            refuse(one, f"is given without --{other}")
    if settings.tlsca or settings.tlscert:
        from natsmon import tls  # only here: it costs a start more than all the flags

        for field, alone in tls.unusable(settings):
            refuse(field, alone)


def _default_name() -> str:
    import socket

    return f"natsmon {socket.gethostname()} {os.getpid()}"


def _given(userinfo: UserInfo) -> dict[str, Secret]:
    return {name: secret for name in _CREDENTIALS if (secret := getattr(userinfo, name)) is not None}


def _servers(ctx: click.Context) -> tuple[tuple[Server, ...], UserInfo | None, str]:
    arguments, flags = ctx.params["url"], ctx.params["server"]
    if arguments and ctx.get_parameter_source("server") is ParameterSource.ENVIRONMENT:
        flags = ()
    sources = [name for name, urls in (("url", arguments), ("server", flags)) if urls]
    if not sources:
        return Settings().servers, None, "default"
    came_from = ", ".join(origin(ctx, name) for name in sources)
    try:
        servers, userinfo = parse_servers((*arguments, *flags))
    except BadURL as exc:
        at = "URL" if sources == ["url"] else came_from.split()[-1]
        raise click.BadParameter(f'"{exc.shown}": {exc}', ctx=ctx, param_hint=at) from None
    return servers, userinfo, came_from


def _credentials(ctx: click.Context) -> tuple[dict[str, Secret], dict[str, str]]:
    """User, password and token as given, where a user without a password is a token, as in the nats CLI.

    A flag wins over a variable. An empty one is as good as none.
    """
    given = {name: ctx.params[name] for name in _CREDENTIALS if ctx.params[name] and ctx.params[name].reveal()}
    origins = {name: origin(ctx, name) for name in given}

    def drop(name: str) -> None:
        del given[name], origins[name]

    if "password" in given and "user" not in given:
        if origins["password"].startswith("flag"):
            raise click.BadParameter("is given without --user", ctx=ctx, param_hint="--password")
        drop("password")
    if "user" in given and "password" not in given:
        user_is_flag, token_is_flag = origins["user"].startswith("flag"), origins.get("token", "").startswith("flag")
        if "token" in given and user_is_flag == token_is_flag:
            name = origins["user"].split()[-1]
            raise click.BadParameter("is a token when there is no password, and a token is given too", param_hint=name)
        if not token_is_flag:
            given["token"], origins["token"] = given["user"], origins["user"]
        drop("user")
    return given, origins
