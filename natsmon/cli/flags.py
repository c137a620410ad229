"""The flags, in the words of nats.go and the nats CLI."""

from collections.abc import Sequence
from typing import Any

import click

from natsmon.cli import flag_types as types

Params = Sequence[click.Parameter]


class Flag(click.Option):
    """An option, and where its value goes to and comes from besides.

    Args:
        section: Of the help.
        field: Of Settings, where it is not the flag's name without ``--no-``.
        context: The field of a context of the nats CLI that has its value.
    """

    def __init__(self, section: str, *names: str, field: str = "", context: str = "", **kwargs: Any) -> None:
        self.section = section
        self.context = context
        kwargs.setdefault("show_envvar", "envvar" in kwargs)
        kwargs.setdefault("show_default", kwargs.get("default") not in (None, False))
        super().__init__(names, **kwargs)
        self.negates = str(self.name).startswith("no_")
        """The field has the opposite value."""
        self.field = field or str(self.name).removeprefix("no_")


config_flags: Params = [
    Flag("Files", "--config", type=types.CONFIG_FILE, envvar="NATSMON_CONFIG",
         help="Config file.  [default: natsmon/config.toml in the user's config folder]"),
]  # fmt: skip


def _commands(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The commands, which may stand in place of the first URL, for a shell that completes."""
    first = ctx.info_name == "dashboard" and not ctx.params.get("url")
    return [name for name in types.COMMANDS if first and name.startswith(incomplete)]


server_flags: Params = [
    click.Argument(["url"], nargs=-1, type=types.URL, metavar="[URL]...", shell_complete=_commands),
    Flag("Servers", "--server", "-s", field="servers", context="url", multiple=True, type=types.URL, envvar="NATS_URL",
         help="Servers to dial; repeated, or separated by commas.  [default: nats://127.0.0.1:4222]"),
    Flag("Servers", "--context", type=types.CONTEXT, envvar="NATS_CONTEXT",
         help="Context of the nats CLI, or a .json file.  [default: the one selected there]"),
    Flag("Servers", "--no-context", is_flag=True, help="Use no context."),
    *config_flags,
]  # fmt: skip
"""``URL …``, ``--server`` and the context."""

connect_flags: Params = [
    Flag("Servers", "--user", context="user", type=types.USER, envvar="NATS_USER",
         help="User name; without a password it is a token."),
    Flag("Servers", "--password", context="password", type=types.SECRET, envvar="NATS_PASSWORD", help="Password."),
    Flag("Servers", "--token", context="token", type=types.SECRET, envvar="NATS_TOKEN", help="Token."),
    Flag("Servers", "--creds", context="creds", type=types.CREDENTIALS_FILE, envvar="NATS_CREDS",
         help="Credentials file: a user JWT and its seed."),
    Flag("Servers", "--nkey", context="nkey", type=types.NKEY_FILE, envvar="NATS_NKEY",
         help="File with the seed of an nkey."),
    Flag("Servers", "--jwt", context="user_jwt", type=types.TRIMMED_SECRET, envvar="NATS_JWT",
         help="User JWT; without --seed it is a bearer token."),
    Flag("Servers", "--seed", context="user_seed", type=types.TRIMMED_SECRET, envvar="NATS_SEED",
         help="Seed of --jwt."),
    Flag("TLS", "--tlsca", context="ca", type=types.FILE, envvar="NATS_CA",
         help="CAs to trust, PEM, instead of the system's."),
    Flag("TLS", "--tlscert", context="cert", type=types.FILE, envvar="NATS_CERT", help="Client certificate, PEM."),
    Flag("TLS", "--tlskey", context="key", type=types.FILE, envvar="NATS_KEY", help="Key of --tlscert."),
    Flag("TLS", "--tlsfirst", "--tls-first", context="tls_first", is_flag=True, help="TLS handshake before INFO."),
    Flag("TLS", "--mixed-tls", is_flag=True,
         help="Send credentials in clear also after a server of the pool has required TLS."),
    Flag("TLS", "--tls-server-name", type=types.TLS_NAME,
         help="Name to check the server's certificate for.  [default: the host dialed]"),
    Flag("Servers", "--connection-name", field="name", type=types.NAME,
         help="Name that servers list the connection by.  [default: natsmon HOST PID]"),
    Flag("Proxy", "--dial-command", type=types.DIAL_COMMAND,
         help="Command that carries each connection: 'ssh -W {host}:{port} bastion'."),
    Flag("Proxy", "--unix", type=types.NEW_FILE, help="UNIX socket that carries each connection."),
    Flag("Proxy", "--socks-proxy", field="proxy", context="socks_proxy", type=types.PROXY, envvar="NATS_SOCKS_PROXY",
         help="SOCKS5 proxy for every dial, socks5://[USER:PASSWORD@]HOST:PORT; none for no proxy."),
    Flag("Proxy", "--http-proxy", field="proxy", type=types.PROXY, help="HTTP proxy for every dial (CONNECT), http://HOST:PORT."),
    Flag("WebSocket", "--ws-header", "ws_headers", type=types.UPGRADE_HEADER, multiple=True,
         help="Header of the WebSocket upgrade, 'Name: value'; can be repeated."),
    Flag("WebSocket", "--ws-origin", type=types.NAME, help="Origin header of the WebSocket upgrade."),
    Flag("Connection", "--connect-timeout", type=types.POSITIVE_DURATION, default="5s",
         help="For one dial, from DNS to PONG."),
    Flag("Connection", "--timeout", type=types.POSITIVE_DURATION, default="5s", envvar="NATS_TIMEOUT",
         help="For an answer of a server to a request."),
    Flag("Connection", "--inbox-prefix", context="inbox_prefix", type=types.SUBJECT_PREFIX, default="_INBOX",
         help="Subject prefix of inboxes."),
    Flag("Connection", "--monitor", type=types.MONITOR,
         help="Monitoring port of the server, http://HOST:8222: asked why it closed or refused a connection."),
    Flag("Connection", "--no-inquiries", is_flag=True,
         help="Send no requests to servers, and do not dial a silent peer a second time."),
]  # fmt: skip
"""Credentials, TLS, proxy and limits of one dial."""

run_flags: Params = [
    Flag("Messages", "--subject", type=types.SUBJECT,
         help="Subject to publish and subscribe to.  "
              "[default: natsmon.echo.SESSION.CONNECTION, or the only one of --jetstream]"),
    Flag("Messages", "--payload", type=types.PAYLOAD, default="world", help="Body of each message."),
    Flag("Messages", "--payload-file", field="payload", type=types.PAYLOAD_FILE,
         help="File with the body of each message."),
    Flag("Messages", "--size", field="payload", type=types.PAYLOAD_SIZE,
         help="Size of the body of each message; natsmon fills it."),
    Flag("Messages", "--headers", type=types.HEADER, multiple=True,
         help="Header of each message, 'Name: value'; can be repeated."),
    Flag("Messages", "--no-echo", is_flag=True, help="Do not subscribe: delivery is not verified."),
    Flag("Messages", "--jetstream", type=types.STREAM,
         help="Publish to this stream: wait for acknowledgements, resend without one, read it back at the end."),
    Flag("Messages", "--observe", type=types.SUBJECTS,
         help="Publish nothing: count the messages on this subject, which may have wildcards."),
    Flag("Messages", "--rate", field="interval", type=types.RATE, default="1", help="Messages per second, or max."),
    Flag("Messages", "--count", type=types.whole(1), help="End after N messages published."),
    Flag("Messages", "--duration", type=types.POSITIVE_DURATION, help="End after this time."),
    Flag("Messages", "--reconnect-buffer", type=types.SIZE, default="8MiB",
         help="Messages kept while there is no connection; more are rejected."),
    Flag("JetStream", "--js-domain", field="js_api_prefix", context="jetstream_domain", type=types.JS_DOMAIN,
         help="JetStream domain."),
    Flag("JetStream", "--js-api-prefix", context="jetstream_api_prefix", type=types.SUBJECT_PREFIX,
         help="Subject prefix of the JetStream API."),
    Flag("Connection", "--reconnect-wait", type=types.DURATION, default="2s",
         help="Wait before the next pass over the servers."),
    Flag("Connection", "--reconnect-jitter", type=types.DURATION, default="100ms",
         help="Random time added to that wait."),
    Flag("Connection", "--reconnect-jitter-tls", type=types.DURATION, default="1s", help="The same under TLS."),
    Flag("Connection", "--max-reconnects", type=types.whole(-1), default="-1",
         help="Further dials of each server before giving up: -1 no limit, 0 none."),
    Flag("Connection", "--retry-on-failed-connect/--no-retry-on-failed-connect", default=True,
         show_default=False, help="Keep trying if the first connect fails (default), or exit."),
    Flag("Connection", "--ignore-discovered-servers", is_flag=True, help="Dial the given servers only."),
    Flag("Connection", "--no-randomize", is_flag=True, help="Dial the servers in the given order."),
    Flag("Connection", "--ping-interval", type=types.POSITIVE_DURATION, default="2m",
         help="Between two keep-alive PINGs."),
    Flag("Connection", "--max-pings-out", type=types.whole(1), default="2",
         help="PINGs without a PONG before the connection is stale."),
    Flag("Connection", "--rtt-interval", type=types.POSITIVE_DURATION, default="1s",
         help="Between two round-trip measurements."),
]  # fmt: skip
"""What to publish, when to dial again and when to stop."""

check_flags: Params = [
    Flag("Check", "--all", "every_address", is_flag=True, help="Every server, and every address of its name."),
    *(
        Flag("Thresholds", f"--{what}-{level}", type=types.POSITIVE_DURATION, default=default, help=help_)
        for what, of in (("connect", "DNS to PONG"), ("rtt", "PING to PONG"), ("req", "publish to receive"))
        for level, default, help_ in (
            ("warn", "500ms", f"WARNING where {of} takes this long."),
            ("critical", "1s", f"CRITICAL where {of} takes this long."),
        )
    ),
    Flag("Thresholds", "--expiry-warn", type=types.DURATION, default="168h",
         help="WARNING where a certificate or credentials expire within this time and a fifth of their validity."),
    Flag("Output", "--format", "as_format", type=types.one_of("FORMAT", "text", "nagios", "json", "prometheus"),
         default="text", help="text, nagios, json or prometheus."),
    Flag("Output", "--outfile", type=types.NEW_FILE, help="Write to this file instead, atomically."),
    Flag("Output", "--namespace", type=types.NAMESPACE, default="nats_server_check",
         help="Prefix of prometheus metrics."),
]  # fmt: skip

display_flags: Params = [
    Flag("Display", "--theme", type=types.NAME, envvar="TEXTUAL_THEME", help="Theme of the dashboard."),
    Flag("Display", "--messages", is_flag=True, help="Show single messages, also at a high rate."),
    Flag("Display", "--no-title", is_flag=True, help="Leave the terminal's title alone."),
]
"""What the screen shows."""

alert_flags: Params = [
    Flag("Alerts", "--bell", is_flag=True, help="Ring the terminal's bell when the health changes."),
    Flag("Alerts", "--notify", is_flag=True, help="Desktop notification when the health changes (OSC 9 and 777)."),
    Flag("Alerts", "--on-change", type=types.COMMAND, help="Run this command when the health changes."),
    Flag("Alerts", "--on-outage", type=types.COMMAND, help="Run this command when an outage begins and when it ends."),
]
"""Of what happens now: a replay has none. The commands run beside a log, too."""

log_flags: Params = [
    Flag("Output", "--plain", is_flag=True, help="A log, one line per event."),
    Flag("Output", "--format", "log_format", type=types.one_of("FORMAT", "text", "logfmt", "json"),
         default="text", help="With --plain: text, logfmt or json, for log collectors."),
    Flag("Output", "--level", "log_level", type=types.one_of("LEVEL", "debug", "info", "warn", "error"),
         default="debug", help="With --plain: lines of this level and above: debug, info, warn or error."),
]  # fmt: skip

_stream_flags: Params = [
    Flag("Output", "--json", "as_json", is_flag=True, help="The event stream, one JSON object per line."),
    Flag("Output", "--control", is_flag=True, help="With --json: take commands from standard input."),
]

record_flags: Params = [
    Flag("Output", "--record", type=types.NEW_FILE,
         help="Record the event stream to this file, compressed when it ends in .zst or .gz."),
    Flag("Output", "--record-max", type=types.PART_SIZE, help="Size of a part; a full part is numbered and closed."),
    Flag("Output", "--record-keep", type=types.whole(1), default="10", help="Number of parts kept."),
]  # fmt: skip


report_flags: Params = [
    Flag("Output", "--format", "as_format", type=types.one_of("FORMAT", "text", "markdown", "html", "json"),
         default="text", help="text, markdown, html or json."),
    Flag("Output", "--outfile", type=types.NEW_FILE, help="Write to this file instead, atomically."),
]  # fmt: skip

view_flags: Params = [*log_flags, *display_flags]
"""What a view shows: a screen, or a log."""
output_flags: Params = [*log_flags, *_stream_flags, *display_flags, *alert_flags, *record_flags]
"""The form of the output, and the recording."""

FLAG_NAMES = {
    name[2:]
    for flag in (*server_flags, *connect_flags, *run_flags, *check_flags, *output_flags)
    for name in (*flag.opts, *flag.secondary_opts)
    if name.startswith("--")
}
"""The long names of all flags of this module, without dashes: the keys of a config file."""
