"""The contexts of the nats CLI for the dashboard: listed, and the settings of a connection with one of them."""

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource
from msgspec.structs import replace

from natsmon.cli.flags import Flag
from natsmon.cli.output import columns, padded
from natsmon.cli.settings_layers import settings_from
from natsmon.cli.value_layers import Layers
from natsmon.config import nats_context
from natsmon.config.settings import Settings

if TYPE_CHECKING:
    from natsmon.stream.probe_child import ProbeChild

_SECTIONS = ("Servers", "TLS", "Proxy", "WebSocket")
_START = "as started"
_KEPT = ("connection_name", "config")


class ContextChoice:
    """Contexts for a run of the dashboard, whose probe was started with these settings."""

    def __init__(self, layers: Layers, source: "ProbeChild", settings: Settings) -> None:
        self._layers = layers
        self._source = source
        self._started_with = settings

    def listed(self) -> list[tuple[str, str]]:
        """The name and a description of each; first, without a name, what natsmon was started with."""
        from natsmon.cli.context_command import describe, listed  # for a key that most runs do not press

        now = self._source.settings.context
        rows = [listed(name, now) for name in nats_context.names()]
        width = max(map(columns, (_START, *(row.name for row in rows))))
        servers = ", ".join(map(str, self._started_with.servers))
        start = ("", f"  {padded(_START, width)}  {servers}")
        return [start, *((row.name, f"{'●' if row.selected else ' '} {describe(row, width)}") for row in rows)]

    def settings(self, name: str) -> Settings:
        """The settings of a connection with a context. May run programs that hold secrets.

        Flags and variables about the servers do not apply: their credentials are for other servers. Raises ValueError
        with one line, for a context that cannot be used.
        """
        if not name:
            return self._started_with
        ctx, config = _without_servers(self._layers.ctx), self._layers.config
        try:
            layers = Layers(ctx, context=name, config=config if config.piped else None)
            layers.context_origin = "chosen on screen"
            chosen = settings_from(layers)
        except click.ClickException as error:
            raise ValueError(error.format_message()) from None
        return replace(chosen, every_message=self._started_with.every_message)


def _without_servers(ctx: click.Context) -> click.Context:
    """The same command line, as if nothing were given that a context has, or that belongs to certain servers."""
    found = click.Context(ctx.command, info_name=ctx.info_name, parent=ctx.parent)
    for param in ctx.command.params:
        name = param.name or ""
        if name not in ctx.params:
            continue
        found.params[name] = ctx.params[name]
        source = ctx.get_parameter_source(name)
        of_servers = not isinstance(param, Flag) or param.section in _SECTIONS or param.context or name == "monitor"
        if of_servers and name not in _KEPT:
            default = param.get_default(found)
            found.params[name] = param.type_cast_value(found, default if isinstance(default, str | bool) else None)
            source = ParameterSource.DEFAULT
        if source is not None:
            found.set_parameter_source(name, source)
    return found
