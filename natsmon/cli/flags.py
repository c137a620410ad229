"""The flags, in the words of nats.go and the nats CLI."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from natsmon.cli import flag_types as types

F = TypeVar("F", bound=Callable[..., Any])


class Flag(click.Option):
    """An option, and where its value goes to and comes from besides.

    Args:
        section: Of the help.
        field: Of Settings, where it is not the flag's name without ``--no-``.
        context: The field of a context of the nats CLI that has its value.
    """

    def __init__(self, *args: Any, section: str, field: str = "", context: str = "", **kwargs: Any) -> None:
        self.section = section
        self.context = context
        kwargs.setdefault("show_envvar", "envvar" in kwargs)
        kwargs.setdefault("show_default", kwargs.get("default") not in (None, False))
        super().__init__(*args, **kwargs)
        self.negates = str(self.name).startswith("no_")
        """The field has the opposite value."""
        self.field = field or str(self.name).removeprefix("no_")


FLAG_NAMES: set[str] = set()
"""The long names of all flags of this module, without dashes: the keys of a config file."""


def _flag(section: str, *names: str, **kwargs: Any) -> Callable[[F], F]:
    FLAG_NAMES.update(part[2:] for name in names for part in name.split("/") if part.startswith("--"))
    return click.option(*names, cls=Flag, section=section, **kwargs)


def _decorator(*flags: Callable[[Any], Any]) -> Callable[[F], F]:
    """Add flags to a command, in this order."""

    def decorate(function: F) -> F:
        for flag in reversed(flags):
            function = flag(function)
        return function

    return decorate


config_flags = _decorator(
    _flag("Files", "--config", type=types.CONFIG_FILE, envvar="NATSMON_CONFIG",
          help="Config file.  [default: natsmon/config.toml in the user's config folder]"),
)  # fmt: skip
"""The config file."""

server_flags = _decorator(
    click.argument("url", nargs=-1, type=types.URL, metavar="[URL]..."),
    _flag("Servers", "--server", "-s", field="servers", context="url", multiple=True, type=types.URL, envvar="NATS_URL",
          help="Servers to dial; repeated, or separated by commas.  [default: nats://127.0.0.1:4222]"),
    _flag("Servers", "--context", type=types.CONTEXT, envvar="NATS_CONTEXT",
          help="Context of the nats CLI, or a .json file.  [default: the one selected there]"),
    _flag("Servers", "--no-context", is_flag=True, help="Use no context."),
    config_flags,
)  # fmt: skip
"""``URL …``, ``--server`` and the context."""

connect_flags = _decorator(
    _flag("Servers", "--user", context="user", type=types.USER, envvar="NATS_USER",
          help="User name; without a password it is a token."),
    _flag("Servers", "--password", context="password", type=types.SECRET, envvar="NATS_PASSWORD", help="Password."),
    _flag("Servers", "--token", context="token", type=types.SECRET, envvar="NATS_TOKEN", help="Token."),
    _flag("Servers", "--creds", context="creds", type=types.CREDENTIALS_FILE, envvar="NATS_CREDS",
          help="Credentials file: a user JWT and its seed."),
    _flag("Servers", "--nkey", context="nkey", type=types.NKEY_FILE, envvar="NATS_NKEY",
          help="File with the seed of an nkey."),
    _flag("Servers", "--jwt", context="user_jwt", type=types.TRIMMED_SECRET, envvar="NATS_JWT",
          help="User JWT; without --seed it is a bearer token."),
    _flag("Servers", "--seed", context="user_seed", type=types.TRIMMED_SECRET, envvar="NATS_SEED",
          help="Seed of --jwt."),
    _flag("TLS", "--tlsca", context="ca", type=types.FILE, envvar="NATS_CA",
          help="CAs to trust, PEM, instead of the system's."),
    _flag("TLS", "--tlscert", context="cert", type=types.FILE, envvar="NATS_CERT", help="Client certificate, PEM."),
    _flag("TLS", "--tlskey", context="key", type=types.FILE, envvar="NATS_KEY", help="Key of --tlscert."),
    _flag("TLS", "--tlsfirst", "--tls-first", context="tls_first", is_flag=True, help="TLS handshake before INFO."),
    _flag("TLS", "--mixed-tls", is_flag=True,
          help="Send credentials in clear also after a server of the pool has required TLS."),
    _flag("TLS", "--tls-server-name", type=types.TLS_NAME,
          help="Name to check the server's certificate for.  [default: the host dialed]"),
    _flag("Servers", "--connection-name", field="name", type=types.NAME,
          help="Name that servers list the connection by.  [default: natsmon HOST PID]"),
    _flag("Proxy", "--dial-command", type=types.DIAL_COMMAND,
          help="Command that carries each connection: 'ssh -W {host}:{port} bastion'."),
    _flag("Proxy", "--unix", type=types.NEW_FILE, help="UNIX socket that carries each connection."),
    _flag("Proxy", "--socks-proxy", context="socks_proxy", type=types.PROXY, envvar="NATS_SOCKS_PROXY",
          help="SOCKS5 proxy for every dial, socks5://[USER:PASSWORD@]HOST:PORT; none for no proxy."),
    _flag("Proxy", "--http-proxy", type=types.PROXY, help="HTTP proxy for every dial (CONNECT), http://HOST:PORT."),
    _flag("WebSocket", "--ws-header", "ws_headers", type=types.UPGRADE_HEADER, multiple=True,
          help="Header of the WebSocket upgrade, 'Name: value'; can be repeated."),
    _flag("WebSocket", "--ws-origin", type=types.NAME, help="Origin header of the WebSocket upgrade."),
    _flag("Connection", "--connect-timeout", type=types.POSITIVE_DURATION, default="5s",
          help="For one dial, from DNS to PONG."),
    _flag("Connection", "--timeout", type=types.POSITIVE_DURATION, default="5s", envvar="NATS_TIMEOUT",
          help="For an answer of a server to a request."),
    _flag("Connection", "--inbox-prefix", context="inbox_prefix", type=types.SUBJECT_PREFIX, default="_INBOX",
          help="Subject prefix of inboxes."),
    _flag("Connection", "--monitor", type=types.MONITOR,
          help="Monitoring port of the server, http://HOST:8222: asked why it closed or refused a connection."),
    _flag("Connection", "--no-inquiries", is_flag=True,
          help="Send no requests to servers, and do not dial a silent peer a second time."),
)  # fmt: skip
"""Credentials, TLS, proxy and limits of one dial."""

run_flags = _decorator(
    _flag("Messages", "--subject", type=types.SUBJECT,
          help="Subject to publish and subscribe to.  "
               "[default: natsmon.echo.SESSION.CONNECTION, or the only one of --jetstream]"),
    _flag("Messages", "--payload", type=types.PAYLOAD, default="world", help="Body of each message."),
    _flag("Messages", "--payload-file", type=types.PAYLOAD_FILE, help="File with the body of each message."),
    _flag("Messages", "--size", type=types.PAYLOAD_SIZE, help="Size of the body of each message; natsmon fills it."),
    _flag("Messages", "--headers", type=types.HEADER, multiple=True,
          help="Header of each message, 'Name: value'; can be repeated."),
    _flag("Messages", "--no-echo", is_flag=True, help="Do not subscribe: delivery is not verified."),
    _flag("Messages", "--jetstream", type=types.STREAM,
          help="Publish to this stream: wait for acknowledgements, resend without one, read it back at the end."),
    _flag("Messages", "--observe", type=types.SUBJECTS,
          help="Publish nothing: count the messages on this subject, which may have wildcards."),
    _flag("Messages", "--rate", field="interval", type=types.RATE, default="1", help="Messages per second, or max."),
    _flag("Messages", "--count", type=types.whole(1), help="End after N messages published."),
    _flag("Messages", "--duration", type=types.POSITIVE_DURATION, help="End after this time."),
    _flag("Messages", "--reconnect-buffer", type=types.SIZE, default="8MiB",
          help="Messages kept while there is no connection; more are rejected."),
    _flag("JetStream", "--js-domain", context="jetstream_domain", type=types.TOKEN, help="JetStream domain."),
    _flag("JetStream", "--js-api-prefix", context="jetstream_api_prefix", type=types.SUBJECT_PREFIX,
          help="Subject prefix of the JetStream API."),
    _flag("Connection", "--reconnect-wait", type=types.DURATION, default="2s",
          help="Wait before the next round of dials."),
    _flag("Connection", "--reconnect-jitter", type=types.DURATION, default="100ms",
          help="Random time added to that wait."),
    _flag("Connection", "--reconnect-jitter-tls", type=types.DURATION, default="1s", help="The same under TLS."),
    _flag("Connection", "--max-reconnects", type=types.whole(-1), default="-1",
          help="Further dials of each server before giving up: -1 no limit, 0 none."),
    _flag("Connection", "--retry-on-failed-connect/--no-retry-on-failed-connect", default=True,
          show_default=False, help="Keep trying if the first connect fails (default), or exit."),
    _flag("Connection", "--ignore-discovered-servers", is_flag=True, help="Dial the given servers only."),
    _flag("Connection", "--no-randomize", is_flag=True, help="Dial the servers in the given order."),
    _flag("Connection", "--ping-interval", type=types.POSITIVE_DURATION, default="2m",
          help="Between two keep-alive PINGs."),
    _flag("Connection", "--max-pings-out", type=types.whole(1), default="2",
          help="PINGs without a PONG before the connection is stale."),
    _flag("Connection", "--rtt-interval", type=types.POSITIVE_DURATION, default="1s",
          help="Between two round-trip measurements."),
)  # fmt: skip
"""What to publish, when to dial again and when to stop."""

check_flags = _decorator(
    _flag("Check", "--all", "every_address", is_flag=True, help="Every server, and every address of its name."),
    *(
        _flag("Thresholds", f"--{what}-{level}", type=types.POSITIVE_DURATION, default=default, help=help_)
        for what, of in (("connect", "DNS to PONG"), ("rtt", "PING to PONG"), ("req", "publish to receive"))
        for level, default, help_ in (
            ("warn", "500ms", f"WARNING where {of} takes this long."),
            ("critical", "1s", f"CRITICAL where {of} takes this long."),
        )
    ),
    _flag("Output", "--format", "as_format", type=types.one_of("FORMAT", "text", "nagios", "json", "prometheus"),
          default="text", help="text, nagios, json or prometheus."),
    _flag("Output", "--outfile", type=types.NEW_FILE, help="Write to this file instead, atomically."),
    _flag("Output", "--namespace", type=types.NAMESPACE, default="nats_server_check",
          help="Prefix of prometheus metrics."),
)  # fmt: skip
"""Thresholds and formats of a check."""

display_flags = _decorator(
    _flag("Display", "--theme", type=types.NAME, envvar="TEXTUAL_THEME", help="Theme of the dashboard."),
    _flag("Display", "--messages", is_flag=True, help="Show single messages, also at a high rate."),
    _flag("Display", "--no-title", is_flag=True, help="Leave the terminal's title alone."),
    _flag("Alerts", "--bell", is_flag=True, help="Ring the terminal's bell when the health changes."),
    _flag("Alerts", "--notify", is_flag=True, help="Desktop notification when the health changes (OSC 9 and 777)."),
    _flag("Alerts", "--on-change", type=types.COMMAND, help="Run this command when the health changes."),
    _flag("Alerts", "--on-outage", type=types.COMMAND, help="Run this command when an outage begins and when it ends."),
)
"""What the screen shows, and alerts."""

_log_flags = _decorator(
    _flag("Output", "--plain", is_flag=True, help="A log, one line per event."),
    _flag("Output", "--format", "log_format", type=types.one_of("FORMAT", "text", "logfmt", "json"),
          default="text", help="With --plain: text, logfmt or json, for log collectors."),
    _flag("Output", "--level", "log_level", type=types.one_of("LEVEL", "debug", "info", "warn", "error"),
          default="debug", help="With --plain: lines of this level and above: debug, info, warn or error."),
)  # fmt: skip

_stream_flags = _decorator(
    _flag("Output", "--json", "as_json", is_flag=True, help="The event stream, one JSON object per line."),
    _flag("Output", "--control", is_flag=True, help="With --json: take commands from standard input."),
)

record_flags = _decorator(
    _flag("Output", "--record", type=types.NEW_FILE,
          help="Record the event stream to this file, compressed when it ends in .zst or .gz."),
    _flag("Output", "--record-max", type=types.PART_SIZE, help="Size of a part; a full part is numbered and closed."),
    _flag("Output", "--record-keep", type=types.whole(1), default="10", help="Number of parts kept."),
)  # fmt: skip
"""Where the stream is recorded to."""


report_flags = _decorator(
    _flag("Output", "--format", "as_format", type=types.one_of("FORMAT", "text", "markdown", "html", "json"),
          default="text", help="text, markdown, html or json."),
    _flag("Output", "--outfile", type=types.NEW_FILE, help="Write to this file instead, atomically."),
)  # fmt: skip
"""Format and file of a report."""

view_flags = _decorator(_log_flags, display_flags)
"""What a view shows: a screen with its alerts, or a log."""
output_flags = _decorator(_log_flags, _stream_flags, display_flags, record_flags)
"""The form of the output, and the recording."""
