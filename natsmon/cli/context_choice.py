"""The contexts of the nats CLI for the dashboard: listed, and the settings of a connection with one of them."""

from typing import TYPE_CHECKING

import click
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
        ctx, config = self._layers.ctx, self._layers.config
        ignored = {str(param.name) for param in ctx.command.params if _of_servers(param)}
        try:
            layers = Layers(ctx, context=name, config=config if config.piped else None, ignored=ignored)
            layers.context_origin = "chosen on screen"
            chosen = settings_from(layers)
        except click.ClickException as error:
            raise ValueError(error.format_message()) from None
        return replace(chosen, every_message=self._started_with.every_message)


def _of_servers(param: click.Parameter) -> bool:
    """Whether a context has the value of a parameter, or it belongs to certain servers."""
    described = not isinstance(param, Flag) or param.section in _SECTIONS or param.context or param.name == "monitor"
    return bool(described) and param.name not in _KEPT
