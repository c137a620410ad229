"""The flags, in the words of nats.go and the nats CLI."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from natsmon.cli.flag_types import (
    COMMAND,
    DURATION,
    FILE,
    HEADER,
    MONITOR,
    NAME,
    NAMESPACE,
    NEW_FILE,
    PART_SIZE,
    PAYLOAD,
    PAYLOAD_FILE,
    PAYLOAD_SIZE,
    POSITIVE_DURATION,
    RATE,
    SECRET,
    SIZE,
    STREAM,
    SUBJECT,
    SUBJECTS,
    TLS_NAME,
    URL,
    one_of,
    whole,
)

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
    _flag("TLS", "--tls-server-name", type=TLS_NAME,
          help="Name to check the server's certificate for.  [default: the host dialed]"),
    _flag("Servers", "--connection-name", type=NAME,
          help="Name that servers list the connection by.  [default: natsmon HOST PID]"),
    _flag("Connection", "--dial-command", type=COMMAND,
          help="Command that carries each connection: 'ssh -W {host}:{port} bastion'."),
    _flag("Connection", "--unix", type=NEW_FILE, help="UNIX socket that carries each connection."),
    _flag("Connection", "--connect-timeout", type=POSITIVE_DURATION, default="5s",
          help="For one dial, from DNS to PONG."),
]  # fmt: skip

_RUN_FLAGS = [
    _flag("Messages", "--subject", type=SUBJECT, default="hello",
          help="Subject to publish and subscribe to."),
    _flag("Messages", "--payload", type=PAYLOAD, default="world", help="Body of each message."),
    _flag("Messages", "--payload-file", type=PAYLOAD_FILE, help="File with the body of each message."),
    _flag("Messages", "--size", type=PAYLOAD_SIZE, help="Body of this many bytes instead, filled with something."),
    _flag("Messages", "--headers", type=HEADER, multiple=True,
          help="Header of each message, 'Name: value'; can be repeated."),
    _flag("Messages", "--no-echo", is_flag=True,
          help="Do not subscribe: what becomes of messages is not known."),
    _flag("Messages", "--jetstream", type=STREAM,
          help="Publish to this stream: wait for its acknowledgements, send again without one, read it at the end."),
    _flag("Messages", "--observe", type=SUBJECTS,
          help="Publish nothing: count somebody else's messages on this subject, which may have wildcards."),
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

_RECORD_FLAGS = [
    _flag(
        "Output",
        "--record",
        type=NEW_FILE,
        help="Record the event stream to this file, or add to it; compressed where it ends in .zst or .gz.",
    ),
    _flag("Output", "--record-max", type=PART_SIZE, help="Size of a part; a full one is numbered, and the next begun."),
    _flag("Output", "--record-keep", type=whole(1), default="10", help="Parts kept, the newest ones."),
]


_REPORT_FLAGS = [
    _flag("Output", "--format", "as_format", type=one_of("FORMAT", "text", "markdown", "html", "json"),
          default="text", help="text, markdown, html or json."),
    _flag("Output", "--outfile", type=NEW_FILE, help="Write to this file instead, whole or not at all."),
]  # fmt: skip


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
    """How to show it, and where to keep it."""
    return _apply(_OUTPUT_FLAGS, record_flags(function))


def record_flags(function: F) -> F:
    """Where to keep the stream."""
    return _apply(_RECORD_FLAGS, function)


def report_flags(function: F) -> F:
    """How to tell a report, and where."""
    return _apply(_REPORT_FLAGS, function)
