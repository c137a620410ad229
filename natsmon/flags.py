"""The flags, in the words of nats.go and the nats CLI, and the Settings they make.

Every value carries where it came from (a flag, an environment variable, a default). Values are checked here,
all of them, before anything is started.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from natsmon.parameters import (
    DURATION,
    FILE,
    MONITOR,
    NAME,
    NAMESPACE,
    NEW_FILE,
    PAYLOAD,
    POSITIVE_DURATION,
    RATE,
    SECRET,
    SIZE,
    SUBJECT,
    URL,
    one_of,
    whole,
)
from natsmon.servers import BadURL, UserInfo, parse_servers
from natsmon.settings import Secret, Server, Settings
from natsmon.units import go_duration

if TYPE_CHECKING:
    from natsmon.verdict import Limits

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]


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

_CONNECT_FLAGS = [
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
    _flag("TLS", "--tls-server-name", type=NAME,
          help="Name to check the server's certificate for.  [default: the host dialed]"),
    _flag("Servers", "--connection-name", type=NAME,
          help="Name that servers list the connection by.  [default: natsmon HOST PID]"),
    _flag("Connection", "--connect-timeout", type=POSITIVE_DURATION, default="5s",
          help="For one dial, from DNS to PONG."),
]  # fmt: skip

_RUN_FLAGS = [
    _flag("Messages", "--subject", type=SUBJECT, default="hello",
          help="Subject to publish and subscribe to."),
    _flag("Messages", "--payload", type=PAYLOAD, default="world", help="Body of each message."),
    _flag("Messages", "--rate", type=RATE, default="1", help="Messages a second, or max."),
    _flag("Messages", "--count", type=whole(1), help="End after N messages published."),
    _flag("Messages", "--duration", type=POSITIVE_DURATION, help="End after this time."),
    _flag("Messages", "--reconnect-buffer", type=SIZE, default="8MiB",
          help="Messages kept while there is no connection; more are rejected."),
    _flag("Connection", "--reconnect-wait", type=DURATION, default="2s", help="Wait before the next round of dials."),
    _flag("Connection", "--reconnect-jitter", type=DURATION, default="100ms", help="Random time added to that wait."),
    _flag("Connection", "--reconnect-jitter-tls", type=DURATION, default="1s", help="The same under TLS."),
    _flag("Connection", "--max-reconnects", type=whole(-1), default="60",
          help="Further dials of each server before giving up: -1 for ever, 0 none."),
    _flag("Connection", "--retry-on-failed-connect/--no-retry-on-failed-connect", default=True,
          show_default=False, help="Dial on when the initial connect fails (as it does), or end."),
    _flag("Connection", "--ignore-discovered-servers", is_flag=True, help="Dial the given servers only."),
    _flag("Connection", "--no-randomize", is_flag=True, help="Dial the servers in the given order."),
    _flag("Connection", "--ping-interval", type=POSITIVE_DURATION, default="2m", help="Between two keep-alive PINGs."),
    _flag("Connection", "--max-pings-out", type=whole(1), default="2",
          help="PINGs without a PONG before the connection is stale."),
    _flag("Connection", "--rtt-interval", type=POSITIVE_DURATION, default="1s",
          help="Between two round-trip measurements."),
    _flag("Connection", "--monitor", type=MONITOR,
          help="Monitoring port of the server, http://HOST:8222, to ask why it closed a connection."),
]  # fmt: skip

_CHECK_FLAGS = [
    _flag("Check", "--all", "every_address", is_flag=True, help="Every server, and every address of its name."),
    *(
        _flag("Thresholds", f"--{what}-{level}", type=POSITIVE_DURATION, default=default, help=help_)
        for what, of in (("connect", "DNS to PONG"), ("rtt", "PING to PONG"), ("req", "publish to receive"))
        for level, default, help_ in (
            ("warn", "500ms", f"WARNING where {of} takes this long."),
            ("critical", "1s", f"CRITICAL where {of} takes this long."),
        )
    ),
    _flag("Output", "--format", "as_format", type=one_of("FORMAT", "text", "nagios", "json", "prometheus"),
          default="text", help="text, nagios, json or prometheus."),
    _flag("Output", "--outfile", type=NEW_FILE, help="Write to this file instead, whole or not at all."),
    _flag("Output", "--namespace", type=NAMESPACE, default="nats_server_check",
          help="What prometheus metrics begin with."),
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


def connect_flags(function: F) -> F:
    """What to dial with: credentials, TLS, how long."""
    return _apply(_CONNECT_FLAGS, function)


def run_flags(function: F) -> F:
    """What to publish, when to dial again and when to stop."""
    return _apply(_RUN_FLAGS, function)


def check_flags(function: F) -> F:
    """What of a check is bad, and how to tell it."""
    return _apply(_CHECK_FLAGS, function)


def output_flags(function: F) -> F:
    """How to show it."""
    return _apply(_OUTPUT_FLAGS, function)


_FIELDS = {"connection_name": "name", "rate": "interval"}
"""Parameters whose field is called otherwise."""
_CREDENTIALS = ("user", "password", "token")
_NO_SETTINGS = ("Output", "Demo", "Check", "Thresholds")
"""Sections whose flags say how to run, not what to dial."""


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
        if not isinstance(param, Flag) or param.section in _NO_SETTINGS or name in ("server", *_CREDENTIALS):
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


def limits_from(ctx: click.Context) -> "Limits":
    """The thresholds of a check."""
    from natsmon.verdict import Limit, Limits

    def limit(what: str) -> Limit:
        warning, critical = ctx.params[f"{what}_warn"], ctx.params[f"{what}_critical"]
        if warning > critical:
            why = f"{go_duration(warning)} is more than --{what}-critical, {go_duration(critical)}"
            raise click.BadParameter(why, ctx=ctx, param_hint=f"--{what}-warn")
        return Limit(warning, critical)

    return Limits(limit("connect"), limit("rtt"), limit("req"))


def _default_name() -> str:
    import socket

    return f"natsmon {socket.gethostname()} {os.getpid()}"


def _asked() -> Secret | None:
    """The password, typed unseen; none where there is nobody to ask, or who just presses enter."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    typed = click.prompt(
        "Password (none: the user is a token)", default="", hide_input=True, show_default=False, err=True
    )
    return Secret(typed) if typed else None


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

    On a terminal the password is asked for. A flag wins over a variable. An empty one is as good as none.
    """
    given = {name: ctx.params[name] for name in _CREDENTIALS if ctx.params[name] and ctx.params[name].reveal()}
    origins = {name: origin(ctx, name) for name in given}

    def drop(name: str) -> None:
        del given[name], origins[name]

    if "password" in given and "user" not in given:
        if origins["password"].startswith("flag"):
            raise click.BadParameter("is given without --user", ctx=ctx, param_hint="--password")
        drop("password")
    if "user" in given and not given.keys() & {"password", "token"} and (typed := _asked()):
        given["password"], origins["password"] = typed, "prompt"
    if "user" in given and "password" not in given:
        user_is_flag, token_is_flag = origins["user"].startswith("flag"), origins.get("token", "").startswith("flag")
        if "token" in given and user_is_flag == token_is_flag:
            name = origins["user"].split()[-1]
            raise click.BadParameter("is a token when there is no password, and a token is given too", param_hint=name)
        if not token_is_flag:
            given["token"], origins["token"] = given["user"], origins["user"]
        drop("user")
    return given, origins
