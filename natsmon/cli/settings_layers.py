"""The Settings of a command line, each value with its origin. All values are checked before anything is started."""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from natsmon.cli.flag_types import SecretContent
from natsmon.cli.value_layers import DEFAULT, Layers
from natsmon.config.secret import Secret
from natsmon.config.server_urls import BadURL, UserInfo, parse_servers
from natsmon.config.settings import Server, Settings, ViewSettings

_PAYLOADS = ("payload", "payload_file", "size")
"""Each gives the body of a message."""
_JS_APIS = ("js_domain", "js_api_prefix")
_PROXIES = ("socks_proxy", "http_proxy")
_PUBLISHING = ("subject", *_PAYLOADS, "headers", "no_echo", "jetstream", "rate", "count", "reconnect_buffer")
"""Parameters of publishing; ``--observe`` publishes nothing."""
_LOGIN = ("user", "password", "token")
_SIGNERS = ("creds", "nkey", "jwt", "seed")
_OWN = ("server", "context", "no_context", *_LOGIN, *_SIGNERS, *_PAYLOADS, *_JS_APIS, *_PROXIES)
"""Parameters that are merged by rules of their own."""
_CONNECTION = ("Servers", "TLS", "Proxy", "WebSocket", "Connection", "Messages", "JetStream")
_VIEW = ("Display", "Alerts")
"""Sections of the flags that are fields of Settings, and of ViewSettings."""


def settings_from(layers: Layers) -> Settings:
    """Merge all layers into Settings. Raises click.UsageError for the first value that cannot be used."""
    merge = _Merge(layers)
    merge.plain_values(_CONNECTION)
    merge.one_of("payload", _PAYLOADS, "each gives the body of a message")
    merge.one_of("js_api_prefix", _JS_APIS, "each gives the subjects of the JetStream API")
    merge.one_of("proxy", _PROXIES, "natsmon dials through one proxy")
    if layers.context.name:
        merge.put("context", layers.context.name, layers.context_origin)
    merge.credentials(merge.servers() if "server" in layers.flags else {})
    if not merge.values.get("name"):
        merge.values["name"] = f"natsmon {socket.gethostname()} {os.getpid()}"
    settings = Settings(**merge.values, origins=merge.origins)
    _check_pairs(settings, layers)
    return settings


def view_settings_from(layers: Layers) -> ViewSettings:
    """Merge all layers into the settings of a view."""
    merge = _Merge(layers)
    merge.plain_values(_VIEW)
    return ViewSettings(**merge.values, keymap=dict(layers.config.keymap), origins=merge.origins)


class _Merge:
    """Values and origins, by the name of the field in Settings."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}

    def put(self, field: str, value: Any, came_from: str) -> None:
        self.values[field] = value
        if came_from != DEFAULT:
            self.origins[field] = came_from

    def plain_values(self, sections: tuple[str, ...]) -> None:
        for name, flag in self.layers.flags.items():
            if flag.section in sections and name not in _OWN:
                value, came_from = self.layers.value(name)
                if value is not None:
                    self.put(flag.field, not value if flag.negates else value, came_from)

    def one_of(self, field: str, names: tuple[str, ...], why: str) -> None:
        """Put the value of the highest layer; two flags exclude each other."""
        if names[0] not in self.layers.flags:
            return
        found = {name: self.layers.value(name) for name in names}
        given = [name for name, (_, came_from) in found.items() if came_from != DEFAULT] or [names[0]]
        flags = [name for name in given if found[name][1].startswith("flag")] or given
        if len(flags) > 1:
            hints = [f"--{name.replace('_', '-')}" for name in flags]
            raise click.BadParameter(f"excludes {hints[0]}: {why}", param_hint=hints[1])
        value, came_from = found[flags[0]]
        if value is not None or came_from != DEFAULT:
            self.put(field, value, came_from)

    # -- servers ------------------------------------------------------------------------------------

    def servers(self) -> UserInfo:
        """The servers, and the userinfo in their URLs."""
        arguments, flags = self.layers.params["url"], self.layers.params["server"]
        if arguments and self.layers.origin("server").startswith("env"):
            flags = ()
        given = [(self.layers.origin(name), urls) for name, urls in (("url", arguments), ("server", flags)) if urls]
        places = ["URL" if came_from == "URL argument" else came_from.split()[-1] for came_from, _ in given]
        if not given and (below := self.layers.below("server")):
            given = [(below[0].origin, self.layers.convert("server", below[0]))]
            places = [below[0].place]
        if not given:
            self.put("servers", Settings().servers, DEFAULT)
            return {}
        for place, (_, urls) in zip(places, given, strict=True):
            servers, userinfo = self._parsed(urls, place)
        if len(given) > 1:  # each may be right, and not go with the other
            servers, userinfo = self._parsed((*arguments, *flags), " and ".join(places))
        self.put("servers", servers, ", ".join(came_from for came_from, _ in given))
        return userinfo

    def _parsed(self, urls: Sequence[str], place: str) -> tuple[tuple[Server, ...], UserInfo]:
        try:
            return parse_servers(urls)
        except BadURL as exc:
            raise click.BadParameter(f'"{exc.shown}": {exc}', param_hint=place) from None

    # -- credentials: the order of use is the nats CLI's ------------------------------------------------

    def credentials(self, userinfo: UserInfo) -> None:
        """User, password and token; then a credentials file, else an nkey, else a JWT with or without a seed.

        A value of a context or config file is resolved only where it is sent, as in the nats CLI.
        """
        if userinfo:  # as in nats.go, they win over options
            for name, secret in userinfo.items():
                self.put(name, secret, self.origins.get("servers", DEFAULT))
            self.values["credentials_in_url"] = True
        else:
            self._login()
        sent = "" if "user" in self.values and not userinfo else self._signer(userinfo)
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

    def _signer(self, userinfo: UserInfo) -> str:
        for name in ("creds", "nkey", "jwt"):
            if self._above(name) or self.layers.below(name):
                return "" if name == "nkey" and userinfo else name
        return ""

    def _above(self, name: str) -> bool:
        """Whether the command line or a variable gives a value that is not empty."""
        return self.layers.origin(name) != DEFAULT and bool(self.layers.params[name])

    def _login(self) -> None:
        """A user without a password is a token, as in the nats CLI; a terminal asks for the password first."""
        above = {name: self.layers.value(name) for name in _LOGIN if self._above(name)}
        has_user = bool(self.layers.below("user"))
        if "password" in above and "user" not in above and not has_user:
            if above["password"][1].startswith("flag"):
                raise click.BadParameter("is given without --user", param_hint="--password")
            del above["password"]
        if "user" in above and not above.keys() & {"password", "token"} and (typed := _typed_password()):
            above["password"] = (typed, "prompt")
        if "user" in above and "password" not in above:
            user, came_from = above.pop("user")
            is_flag, token_is_flag = came_from.startswith("flag"), above.get("token", (None, ""))[1].startswith("flag")
            if "token" in above and is_flag == token_is_flag:
                why = "is a token without a password, and another token is given"
                raise click.BadParameter(why, param_hint=came_from.split()[-1])
            if not token_is_flag:
                above["token"] = (user, came_from)
        for name in _LOGIN:
            if name in above:
                self.put(name, *above[name])
            elif (below := self.layers.below(name)) and (name != "password" or "user" in self.values):
                self.put(name, self.layers.convert(name, below[0]), below[0].origin)


def _check_pairs(settings: Settings, layers: Layers) -> None:
    """Check values that exclude or need each other, and the TLS files."""

    def refuse(field: str, why: str) -> NoReturn:
        given = settings.origins.get(field, f"flag --{field}")
        raise click.BadParameter(why, param_hint=given.split()[-1] if " --" in given else given)

    ways = [name for name in ("dial_command", "unix", "proxy") if getattr(settings, name)]
    if len(ways) > 1:
        refuse(ways[1], f"excludes --{ways[0].replace('_', '-')}: natsmon dials in one way")
    for one, other in (("seed", "jwt"), ("tlskey", "tlscert")):
        if getattr(settings, one) and not getattr(settings, other):
            refuse(one, f"is given without --{other}")
    excluded = _PUBLISHING if settings.observe else ("no_echo",) if settings.jetstream else ()
    for name in excluded:
        if layers.params.get(name) and layers.origin(name) != DEFAULT:
            why = "publishes nothing" if settings.observe else "waits for acknowledgements instead of echoes"
            refuse("observe" if settings.observe else "jetstream", f"{why}, so it excludes --{name.replace('_', '-')}")
    over_ws = any(server.websocket for server in settings.servers)
    for name, needed, why in (
        ("js_api_prefix", settings.jetstream, "is given without --jetstream"),
        ("ws_headers", over_ws, "is given without a ws:// or wss:// server"),
        ("ws_origin", over_ws, "is given without a ws:// or wss:// server"),
        ("monitor", settings.inquiries, "is asked in inquiries, and --no-inquiries makes none"),
    ):
        if not needed and settings.origins.get(name, "").startswith("flag"):  # the other layers are for other runs, too
            refuse(name, why)
    if settings.tlsca or settings.tlscert:
        from natsmon.protocol import tls  # imported where it is used: it takes longer than all the flags

        for field, alone in tls.unusable(settings):
            refuse(field, alone)


def _typed_password() -> Secret | None:
    """The password, typed without echo; None without a terminal, or where enter is pressed at once."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    typed = click.prompt(
        "Password (none: the user is a token)", default="", hide_input=True, show_default=False, err=True
    )
    return Secret(typed) if typed else None
