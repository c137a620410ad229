"""The Settings of a command line, each value with its origin. All values are checked before anything is started."""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from natsmon.cli.flag_types import SecretContent
from natsmon.cli.flags import Flag
from natsmon.cli.value_layers import DEFAULT, Layers, origin
from natsmon.config.secret import Secret
from natsmon.config.server_urls import BadURL, UserInfo, parse_servers
from natsmon.config.settings import Server, Settings
from natsmon.config.view_settings import ViewSettings

FIELDS = {
    "connection_name": "name", "rate": "interval", "server": "servers",
    "no_randomize": "randomize", "no_echo": "echo", "no_inquiries": "inquiries",
}  # fmt: skip
"""Parameters whose field in Settings has another name."""
_PAYLOADS = ("payload", "payload_file", "size")
"""Each gives the body of a message."""
_PROXIES = ("socks_proxy", "http_proxy")
_PUBLISHING = ("subject", *_PAYLOADS, "headers", "no_echo", "jetstream", "rate", "count", "reconnect_buffer")
"""Parameters of publishing; ``--observe`` publishes nothing."""
_LOGIN = ("user", "password", "token")
_SIGNERS = ("creds", "nkey", "jwt", "seed")
_OWN = ("server", "context", "no_context", *_LOGIN, *_SIGNERS, *_PAYLOADS, *_PROXIES)
"""Parameters that are merged by rules of their own."""
_NO_SETTINGS = ("Output", "Demo", "Check", "Thresholds", "Display", "Alerts", "Files", "Info")
"""Sections whose flags are not about the connection."""


def settings_from(ctx: click.Context, *, layers: Layers | None = None) -> Settings:
    """Merge all layers into Settings; those below the command line may have been read already.

    Raises:
        click.UsageError: For the first value that cannot be used.
    """
    merge = _Merge(ctx, layers or Layers(ctx))
    merge.plain_values()
    merge.one_of("payload", _PAYLOADS, "each gives the body of a message")
    merge.one_of("proxy", _PROXIES, "natsmon dials through one proxy")
    if merge.layers.context is not None:
        merge.put("context", merge.layers.context.name, merge.layers.context_origin)
    merge.credentials(merge.servers() if "server" in ctx.params else None)
    if not merge.values.get("name"):
        merge.values["name"] = f"natsmon {socket.gethostname()} {os.getpid()}"
    settings = Settings(**merge.values, origins=merge.origins)
    _check_pairs(settings, ctx)
    return settings


class _Merge:
    """Values and origins, by the name of the field in Settings."""

    def __init__(self, ctx: click.Context, layers: Layers) -> None:
        self._ctx = ctx
        self.layers = layers
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}

    def put(self, field: str, value: Any, came_from: str) -> None:
        self.values[field] = value
        if came_from != DEFAULT:
            self.origins[field] = came_from

    def plain_values(self) -> None:
        for param in self._ctx.command.params:
            name = param.name or ""
            if not isinstance(param, Flag) or param.section in _NO_SETTINGS or name in _OWN:
                continue
            value, came_from = self.layers.value(name)
            if value is not None:
                self.put(FIELDS.get(name, name), not value if name.startswith("no_") else value, came_from)

    def one_of(self, field: str, names: tuple[str, ...], why: str) -> None:
        """Put the value of the highest layer; two flags exclude each other."""
        if names[0] not in self._ctx.params:
            return
        found = {name: self.layers.value(name) for name in names}
        given = [name for name, (_, came_from) in found.items() if came_from != DEFAULT] or [names[0]]
        flags = [name for name in given if found[name][1].startswith("flag")] or given
        if len(flags) > 1:
            hints = [f"--{name.replace('_', '-')}" for name in flags]
            raise click.BadParameter(f"excludes {hints[0]}: {why}", ctx=self._ctx, param_hint=hints[1])
        self.put(field, *found[flags[0]])

    # -- servers ------------------------------------------------------------------------------------

    def servers(self) -> UserInfo | None:
        """The servers, and the userinfo in their URLs."""
        arguments, flags = self._ctx.params["url"], self._ctx.params["server"]
        source = self._ctx.get_parameter_source("server")
        if arguments and source is ParameterSource.ENVIRONMENT:
            flags = ()
        given = [(origin(self._ctx, name), urls) for name, urls in (("url", arguments), ("server", flags)) if urls]
        places = ["URL" if came_from == "URL argument" else came_from.split()[-1] for came_from, _ in given]
        if not given and (below := self.layers.below("server")):
            given = [(below[0].origin, self.layers.convert("server", below[0]))]
            places = [below[0].place]
        if not given:
            self.put("servers", Settings().servers, DEFAULT)
            return None
        for place, (_, urls) in zip(places, given, strict=True):
            servers, userinfo = self._parsed(urls, place)
        if len(given) > 1:  # each may be right, and not go with the other
            servers, userinfo = self._parsed((*arguments, *flags), " and ".join(places))
        self.put("servers", servers, ", ".join(came_from for came_from, _ in given))
        return userinfo

    def _parsed(self, urls: Sequence[str], place: str) -> tuple[tuple[Server, ...], UserInfo | None]:
        try:
            return parse_servers(urls)
        except BadURL as exc:
            raise click.BadParameter(f'"{exc.shown}": {exc}', ctx=self._ctx, param_hint=place) from None

    # -- credentials: the order of use is the nats CLI's ------------------------------------------------

    def credentials(self, userinfo: UserInfo | None) -> None:
        """User, password and token; then a credentials file, else an nkey, else a JWT with or without a seed.

        A value of a context or config file is resolved only where it is sent, as in the nats CLI.
        """
        if userinfo is not None:  # as in nats.go, they win over options
            for name in _LOGIN:
                if (secret := getattr(userinfo, name)) is not None:
                    self.put(name, secret, self.origins.get("servers", DEFAULT))
            self.values["credentials_in_url"] = True
        else:
            self._login()
        sent = "" if "user" in self.values and userinfo is None else self._signer(userinfo)
        for name in _SIGNERS:
            from_above = self._above(name)
            if not from_above and name not in {"jwt": ("jwt", "seed")}.get(sent, (sent,)):
                continue
            value, came_from = self.layers.value(name)
            if isinstance(value, SecretContent):
                self.values[f"{name}_data"] = value.content
                value = value.label
            if value:
                self.put(name, value, came_from)

    def _signer(self, userinfo: UserInfo | None) -> str:
        for name in ("creds", "nkey", "jwt"):
            if self._above(name) or self.layers.below(name):
                return "" if name == "nkey" and userinfo is not None else name
        return ""

    def _above(self, name: str) -> bool:
        """Whether the command line or a variable gives a value that is not empty."""
        return origin(self._ctx, name) != DEFAULT and bool(self._ctx.params[name])

    def _login(self) -> None:
        """A user without a password is a token, as in the nats CLI; a terminal asks for the password first."""
        above = {name: (self._ctx.params[name], origin(self._ctx, name)) for name in _LOGIN if self._above(name)}
        has_user = bool(self.layers.below("user"))
        if "password" in above and "user" not in above and not has_user:
            if above["password"][1].startswith("flag"):
                raise click.BadParameter("is given without --user", ctx=self._ctx, param_hint="--password")
            del above["password"]
        if "user" in above and not above.keys() & {"password", "token"} and (typed := _typed_password()):
            above["password"] = (typed, "prompt")
        if "user" in above and "password" not in above:
            user, came_from = above.pop("user")
            is_flag, token_is_flag = came_from.startswith("flag"), above.get("token", (None, ""))[1].startswith("flag")
            if "token" in above and is_flag == token_is_flag:
                why = "is a token without a password, and another token is given"
                raise click.BadParameter(why, ctx=self._ctx, param_hint=came_from.split()[-1])
            if not token_is_flag:
                above["token"] = (user, came_from)
        for name in _LOGIN:
            if name in above:
                self.put(name, *above[name])
            elif (below := self.layers.below(name)) and (name != "password" or "user" in self.values):
                self.put(name, self.layers.convert(name, below[0]), below[0].origin)


def _check_pairs(settings: Settings, ctx: click.Context) -> None:
    """Check values that exclude or need each other, and the TLS files."""

    def refuse(field: str, why: str) -> NoReturn:
        given = settings.origins.get(field, f"flag --{field}")
        raise click.BadParameter(why, ctx=ctx, param_hint=given.split()[-1] if " --" in given else given)

    ways = [name for name in ("dial_command", "unix", "proxy") if getattr(settings, name)]
    if len(ways) > 1:
        refuse(ways[1], f"excludes --{ways[0].replace('_', '-')}: natsmon dials in one way")
    for one, other in (("seed", "jwt"), ("tlskey", "tlscert")):
        if getattr(settings, one) and not getattr(settings, other):
            refuse(one, f"is given without --{other}")
    excluded = _PUBLISHING if settings.observe else ("no_echo",) if settings.jetstream else ()
    for name in excluded:
        if ctx.params.get(name) and origin(ctx, name) != DEFAULT:
            why = "publishes nothing" if settings.observe else "waits for acknowledgements instead of echoes"
            refuse("observe" if settings.observe else "jetstream", f"{why}, so it excludes --{name.replace('_', '-')}")
    if settings.tlsca or settings.tlscert:
        from natsmon.protocol import tls  # imported where it is used: it takes longer than all the flags

        for field, alone in tls.unusable(settings):
            refuse(field, alone)


def view_settings_from(layers: Layers) -> ViewSettings:
    """Merge all layers into the settings of a view."""
    values: dict[str, Any] = {"keymap": dict(layers.config.keymap)}
    origins: dict[str, str] = {}
    for name in ("theme", "messages", "no_title", "bell", "notify", "on_change", "on_outage"):
        value, came_from = layers.value(name)
        field = name.removeprefix("no_")
        values[field] = not value if field != name else value or getattr(ViewSettings(), field)
        if came_from != DEFAULT:
            origins[field] = came_from
    return ViewSettings(**values, origins=origins)


def _typed_password() -> Secret | None:
    """The password, typed without echo; None without a terminal, or where enter is pressed at once."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    typed = click.prompt(
        "Password (none: the user is a token)", default="", hide_input=True, show_default=False, err=True
    )
    return Secret(typed) if typed else None
