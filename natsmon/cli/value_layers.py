"""The layers of each value: default < config file < context < variable < flag.

The command line and the variables are click's; this module adds the contexts of the nats CLI and natsmon's own files.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from natsmon.cli.flag_types import Value
from natsmon.cli.flags import FLAG_NAMES, Flag
from natsmon.config import config_file, nats_context
from natsmon.config.config_file import ConfigFile
from natsmon.config.nats_context import NatsContext
from natsmon.config.secret_sources import SecretUnavailable, nsc_profile, reference_scheme
from natsmon.config.server_urls import masked_urls
from natsmon.text.plain_text import quotable

_NOT_IN_CONFIG = {"config", "no-context", "format", "outfile", "control", "json", "all"}
"""Flags of one run; a config file is for all runs."""
_SECTIONS_OF_SERVERS = ("Servers", "TLS", "Proxy", "WebSocket", "JetStream")
_OF_SERVERS = ("monitor", "subject", "jetstream", "observe")
"""Flags that describe the servers and streams of the user, which are not those of the demo."""
_HALF = "a certificate without its key is not used, nor the reverse, as in the nats CLI"
_DOMAIN = "jetstream_domain has another one, which is used, as in the nats CLI"
DEFAULT = "default"
_NO_CONTEXT = NatsContext("", Path(), {})


class Given(NamedTuple):
    """The value of one layer, as text or as a TOML value, and where it came from."""

    raw: Any
    origin: str
    place: str = ""
    """For an error: the file and the key."""


class Layers:
    """All layers below the command line, for one run.

    Args:
        ctx: The parsed command line.
        context: The name of a context that replaces the selected one.
        section: The name of a context whose section of the config file applies, whether it is used or not.
        config: The config file, where it has been read.
        ignored: Parameters whose values of the command line and of variables do not apply.
    """

    def __init__(
        self,
        ctx: click.Context,
        *,
        context: str = "",
        section: str = "",
        config: ConfigFile | None = None,
        ignored: Collection[str] = (),
    ) -> None:
        self.ctx = ctx
        self._ignored = ignored
        self.params = ctx.params | {
            name: _default(ctx, param) for param in ctx.command.params if (name := param.name or "") in ignored
        }
        """The values of the command line and of variables, converted; else the defaults."""
        self.flags = {param.name or "": param for param in ctx.command.params if isinstance(param, Flag)}
        self._section = section
        self._uses_servers = "context" in self.flags  # not in the demo, which has servers of its own
        self.config = config or _config(ctx)
        self.choices = config_file.load_choices() if "theme" in self.flags else {}
        """Made on screen, for the next screen."""
        self.context_origin = ""
        """Where the name of the context came from."""
        self.context = self._load_context(context) if self._uses_servers else _NO_CONTEXT
        self._of_context = f"context {quotable(self.context.name)}"

    def _load_context(self, name: str) -> NatsContext:
        if not name:
            name, self.context_origin = self._context_name()
        if not name:
            return _NO_CONTEXT
        try:
            context = nats_context.load(name)
            for field in nats_context.UNSUPPORTED_FIELDS:
                if field in context.fields:
                    why = f"{context.path}: {field} is not supported: natsmon reads no Windows store"
                    raise nats_context.ContextError(why)
            return context._replace(fields=_with_nsc(context))
        except (nats_context.ContextError, SecretUnavailable) as error:
            raise click.UsageError(f"{self.context_origin or '--context'}: {error}") from None

    def _context_name(self) -> tuple[str, str]:
        """The name of the context and the place it came from."""
        if self.params["no_context"]:
            return "", ""
        if name := self.params["context"]:
            return name, self.origin("context").split()[-1]
        if name := self.config.values.get("context"):
            return str(name), f"{self.config.path}: context"
        return nats_context.selected(), str(nats_context.root() / "context.txt")

    def below(self, name: str) -> list[Given]:
        """The values of the layers below the command line and the variables, the highest first."""
        param, found = self.flags[name], []
        field = param.context
        if field in self.context.fields and field not in self._unused_fields:
            found.append(Given(self.context.fields[field], self._of_context, f"{self.context.path}: {field}"))
        if name in self.choices:
            found.append(Given(self.choices[name], config_file.CHOSEN, f"{config_file.state_path()}: {name}"))
        if not self._uses_servers and (param.section in _SECTIONS_OF_SERVERS or name in _OF_SERVERS):
            return found
        context = self._section or self.context.name
        sections = (f"contexts.{context}", self.config.contexts.get(context, {})), ("", self.config.values)
        for key in (option[2:] for option in (*param.opts, *param.secondary_opts) if option.startswith("--")):
            for section, values in sections:
                if key in values:
                    raw, origin = values[key], f"config file{f', {quotable(section)}' if section else ''}"
                    if f"--{key}" in param.secondary_opts and isinstance(raw, bool):
                        raw = not raw  # as no-retry-on-failed-connect
                    found.append(Given(raw, origin, self.config.place(key, section)))
        return found

    @property
    def _unused_fields(self) -> dict[str, str]:
        """Fields of the context that are not used for lack, or because of, another one; and why."""
        fields = self.context.fields
        certificate = {"cert", "key"} & fields.keys()
        unused = dict.fromkeys(certificate, _HALF) if len(certificate) == 1 else {}
        return unused | ({"jetstream_api_prefix": _DOMAIN} if "jetstream_domain" in fields else {})

    def value(self, name: str) -> tuple[Any, str]:
        """The effective value of a parameter and its origin."""
        came_from = self.origin(name)
        if came_from == DEFAULT and (below := self.below(name)):
            return self.convert(name, below[0]), below[0].origin
        return self.params[name], came_from

    def origin(self, name: str) -> str:
        """Where the command line or a variable gives a parameter, for a person; else DEFAULT."""
        if (flag := self.flags.get(name)) is None:
            return "URL argument"
        match None if name in self._ignored else self.ctx.get_parameter_source(name):
            case ParameterSource.COMMANDLINE:
                negated = self.params.get(name) is False and flag.secondary_opts
                return f"flag {(flag.secondary_opts if negated else flag.opts)[0]}"
            case ParameterSource.ENVIRONMENT:
                return f"env {flag.envvar}"
            case _:
                return DEFAULT

    def convert(self, name: str, given: Given) -> Any:
        """Convert a value as the flag would. Raises click.UsageError with the file and the key."""
        param = self.flags[name]
        try:
            if param.is_flag:
                if not isinstance(given.raw, bool):
                    raise click.BadParameter("must be true or false")
                return given.raw
            raws = given.raw if isinstance(given.raw, list) else [given.raw]
            if len(raws) > 1 and not param.multiple:
                raise click.BadParameter("must be one value, not a list")
            values = tuple(param.type.convert(_text(raw), param, self.ctx) for raw in raws)
            return values if param.multiple else values[0] if values else None
        except click.BadParameter as error:
            raise click.UsageError(f"{given.place}: {error.message}") from None

    def overridden(self, name: str, used: Sequence[str]) -> list[tuple[str, str]]:
        """Origin and value of each layer whose value is not used; secrets masked.

        ``used`` is the origin of the setting, which may be a URL or another flag, and of one that the value is put to.
        """
        param, given = self.flags[name], self.origin(name)
        layers = self.below(name)
        variable = os.environ.get(str(param.envvar)) if param.envvar else None
        if variable:
            layers.insert(0, Given(variable, f"env {param.envvar}"))
        if given.startswith("flag") and name != "server":  # those go beside the URL arguments
            layers.insert(0, Given(self.params[name], given))
        secret = isinstance(param.type, Value) and param.type.secret
        unused = [each for each in layers if each.origin not in used]
        return [(each.origin, "****" if secret else _shown(each.raw, urls=name == "server")) for each in unused]

    def files(self) -> list[tuple[str, Path]]:
        """The files that were read: what each is, and its path."""
        found = [("config file", self.config.path)] if self.config.text else []
        found += [("choices made on screen", config_file.state_path())] if self.choices else []
        return found + ([(self._of_context, self.context.path)] if self.context.name else [])

    def unused(self) -> list[tuple[str, str, str]]:
        """Name, origin and reason of each given value that natsmon does not use."""
        reasons = nats_context.UNUSED_FIELDS | self._unused_fields
        found = [(field, self._of_context, why) for field, why in reasons.items() if field in self.context.fields]
        if os.environ.get("NATS_COLOR"):
            found.append(("NATS_COLOR", "env NATS_COLOR", nats_context.UNUSED_FIELDS["color_scheme"]))
        return found


def check_config(config: ConfigFile) -> None:
    """Check the keys of a config file. Raises ConfigError for the first unknown key, with suggestions."""
    sections = {"": config.values} | {f"contexts.{name}": values for name, values in config.contexts.items()}
    for section, values in sections.items():
        for key in values:
            if key not in FLAG_NAMES - _NOT_IN_CONFIG or (section and key == "context"):
                raise config.error(key, _unknown(key), section)


def _unknown(key: str) -> str:
    import difflib

    if key in _NOT_IN_CONFIG:
        return "is a flag of one run and has no place in a config file"
    similar = difflib.get_close_matches(key.replace("_", "-"), FLAG_NAMES - _NOT_IN_CONFIG, n=2)
    return f"unknown key; did you mean {' or '.join(similar)}?" if similar else "unknown key; keys are names of flags"


def _default(ctx: click.Context, param: click.Parameter) -> Any:
    default = param.get_default(ctx)
    return param.type_cast_value(ctx, default if isinstance(default, str | bool) else None)


def _config(ctx: click.Context) -> ConfigFile:
    try:
        config = config_file.load(ctx.params.get("config") or "")
        check_config(config)
    except config_file.ConfigError as error:
        raise click.UsageError(str(error)) from None
    return config


def _with_nsc(context: NatsContext) -> Mapping[str, Any]:
    """The fields of a context with its legacy ``nsc`` lookup, which fills only an empty server or credentials."""
    if "nsc" not in context.fields:
        return context.fields
    try:
        creds, url = nsc_profile(context.fields["nsc"])
    except SecretUnavailable as error:
        raise nats_context.ContextError(f"{context.path}: nsc: {error}") from None
    return {name: value for name, value in (("creds", creds), ("url", url)) if value} | dict(context.fields)


def _text(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise click.BadParameter("must be text or a number")
    return raw if isinstance(raw, str) else f"{raw:.17g}" if isinstance(raw, float) else str(raw)


def _shown(raw: Any, *, urls: bool) -> str:
    if isinstance(raw, bool):
        return "yes" if raw else "no"
    values = [str(each) for each in (raw if isinstance(raw, list) else [raw])]
    if urls:
        return ", ".join(map(masked_urls, values))
    return "data:****" if reference_scheme(str(raw)) == "data" else quotable(", ".join(values))
