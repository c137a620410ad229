"""The Settings that a command line gives, each value with where it came from.

A flag wins over an environment variable, and that over a default. Values are checked here, all of them,
before anything is started.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from natsmon.cli.flags import Flag
from natsmon.config.secret import Secret
from natsmon.config.server_urls import BadURL, UserInfo, parse_servers
from natsmon.config.settings import Server, Settings
from natsmon.text.units import go_duration

if TYPE_CHECKING:
    from natsmon.check.verdict import Limits

_FIELDS = {"connection_name": "name", "rate": "interval"}
"""Parameters whose field is called otherwise."""
_NEGATED = ("no_randomize", "no_echo")
_PAYLOADS = ("payload", "payload_file", "size")
"""One of them says what the body of a message is."""
_PUBLISHING = ("subject", *_PAYLOADS, "headers", "no_echo", "jetstream", "rate", "count", "reconnect_buffer")
"""What says how to publish, and is at odds with publishing nothing."""
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
        if (
            not isinstance(param, Flag)
            or param.section in _NO_SETTINGS
            or name in ("server", *_CREDENTIALS, *_PAYLOADS)
        ):
            continue
        value, came_from = ctx.params[name], origin(ctx, name)
        if name in _NEGATED:
            name, value = name.removeprefix("no_"), not value
        field = _FIELDS.get(name, name)
        if value is not None:
            values[field] = value
        if came_from != "default":
            origins[field] = came_from
    if "payload" in ctx.params:
        values["payload"], came_from = _payload(ctx)
        if came_from != "default":
            origins["payload"] = came_from
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


def _payload(ctx: click.Context) -> tuple[bytes, str]:
    """The body of each message, and where it came from."""
    given = [name for name in _PAYLOADS if origin(ctx, name) != "default"] or ["payload"]
    flags = [f"--{name.replace('_', '-')}" for name in given]
    if len(given) > 1:
        why = f"excludes {flags[0]}: each says what the body of a message is"
        raise click.BadParameter(why, ctx=ctx, param_hint=flags[1])
    return ctx.params[given[0]], origin(ctx, given[0])


def _check_pairs(settings: Settings, ctx: click.Context) -> None:
    """What makes sense only together with something else, and whether TLS can use its files."""

    def refuse(field: str, why: str) -> NoReturn:
        given = settings.origins.get(field, f"flag --{field}")
        raise click.BadParameter(why, ctx=ctx, param_hint=given.split()[-1])

    for one, other in (("jwt", "seed"), ("seed", "jwt"), ("tlskey", "tlscert")):
        if getattr(settings, one) and not getattr(settings, other):
            refuse(one, f"is given without --{other}")
    if settings.dial_command and settings.unix:
        refuse("unix", "excludes --dial-command")
    excluded = _PUBLISHING if settings.observe else ("no_echo",) if settings.jetstream else ()
    for name in excluded:
        if ctx.params.get(name) and origin(ctx, name) != "default":
            why = "publishes nothing" if settings.observe else "is about acknowledgements"
            refuse("observe" if settings.observe else "jetstream", f"{why}, so it excludes --{name.replace('_', '-')}")
    if settings.tlsca or settings.tlscert:
        from natsmon.protocol import tls  # only here: it costs a start more than all the flags

        for field, alone in tls.unusable(settings):
            refuse(field, alone)


def limits_from(ctx: click.Context) -> "Limits":
    """The thresholds of a check."""
    from natsmon.check.verdict import Limit, Limits

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
    given = [(origin(ctx, name), urls) for name, urls in (("url", arguments), ("server", flags)) if urls]
    if not given:
        return Settings().servers, None, "default"
    places = ["URL" if came_from == "URL argument" else came_from.split()[-1] for came_from, _ in given]
    for place, (_, urls) in zip(places, given, strict=True):
        servers, userinfo = _parsed(ctx, urls, place)
    if len(given) > 1:  # each may be right, and not go with the other
        servers, userinfo = _parsed(ctx, (*arguments, *flags), " and ".join(places))
    return servers, userinfo, ", ".join(came_from for came_from, _ in given)


def _parsed(ctx: click.Context, urls: Sequence[str], place: str) -> tuple[tuple[Server, ...], UserInfo | None]:
    try:
        return parse_servers(urls)
    except BadURL as exc:
        raise click.BadParameter(f'"{exc.shown}": {exc}', ctx=ctx, param_hint=place) from None


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
