"""What cannot be: one clear line for each, exit 2, and nothing starts."""

import pytest

from natsmon.cli import main as cli
from natsmon.stream.exit_codes import Exit
from tests.cli.conftest import Runs

pytestmark = pytest.mark.usefixtures("runs")

BAD = [
    ("--rate fast", '--rate: "fast" is not a number of messages a second, nor "max"'),
    ("--rate -1", '--rate: "-1" is negative'),
    ("--rate 0", '--rate: "0" must be more than 0 messages a second'),
    ("--rate nan", '--rate: "nan" is not a number of messages a second, nor "max"'),
    ("--rate inf", '--rate: "inf" is not a number of messages a second, nor "max"'),
    ("--rate 1_0", '--rate: "1_0" is not a number of messages a second, nor "max"'),
    ("--rate 1e-9", '--rate: "1e-9" is too slow'),
    ("--rate 1e12", '--rate: "1e12" is too fast (try "max")'),
    ("--rate", "--rate: needs a value; try natsmon --help"),
    ("--plain=yes", "--plain: takes no value; try natsmon --help"),
    ("--count 0", '--count: "0" must be 1 or more'),
    ("--count 1.5", '--count: "1.5" is not a whole number'),
    ("--count 99999999999", '--count: "99999999999" must be 2147483647 or less'),
    ("--duration 0", '--duration: "0" must be more than 0'),
    ("--duration 30", '--duration: "30" has no unit (try 500ms, 2s or 1m30s)'),
    ("--reconnect-wait -2s", '--reconnect-wait: "-2s" is negative'),
    ("--reconnect-jitter x", '--reconnect-jitter: "x" is not a duration (try 500ms, 2s or 1m30s)'),
    ("--connect-timeout 0s", '--connect-timeout: "0s" must be more than 0'),
    ("--reconnect-buffer -1", '--reconnect-buffer: "-1" is negative'),
    ("--reconnect-buffer lots", '--reconnect-buffer: "lots" is not a size (try 1024, 64KB or 8MiB)'),
    ("--max-reconnects -2", '--max-reconnects: "-2" must be -1 or more'),
    ("--max-pings-out 0", '--max-pings-out: "0" must be 1 or more'),
    ("--subject a..b", '--subject: "a..b" has an empty token: a dot at an end, or two in a row'),
    ("--subject a.*", '--subject: "a.*" has a wildcard in it: messages are published on one subject'),
    ("--subject=", '--subject: "" is empty'),
    ("--jetstream a.", '--jetstream: "a." is not a stream name: it has a space, a dot, a slash or a wildcard in it'),
    (
        "--socks-proxy http://p:1 --http-proxy http://p",
        "--http-proxy: excludes --socks-proxy: natsmon dials through one proxy",
    ),
    ("--socks-proxy ftp://u:hunter2@p:1", "--socks-proxy: the value must begin with socks5:// or http://"),
    (
        "--socks-proxy socks5://u:hunter2@p:x",
        "--socks-proxy: the value is not the URL of a proxy (try socks5://HOST:1080)",
    ),
    ("--socks-proxy socks5://", "--socks-proxy: the value has no host"),
    ("--http-proxy http://p/hunter2", "--http-proxy: the value must end after the port"),
    ("--ws-header x", "--ws-header: the value is not a header (try 'Name: value')"),
    ("--ws-header host:x", "--ws-header: the value has a name that the WebSocket upgrade itself uses"),
    ("--ws-header sec-websocket-key:x", "--ws-header: the value has a name that the WebSocket upgrade itself uses"),
    ("--ws-header A:ü", "--ws-header: the value has a value that is not ASCII"),
    ("--inbox-prefix a.*", '--inbox-prefix: "a.*" has a wildcard in it: messages are published on one subject'),
    ("--js-domain a.b", '--js-domain: "a.b" must be one word without dots'),
    ("--timeout 5", '--timeout: "5" has no unit (try 500ms, 2s or 1m30s)'),
    ("--on-change /nope", '--on-change: "/nope" does not exist, or cannot be executed'),
    ("--on-outage 'x", '--on-outage: "\'x" is not a command line: No closing quotation'),
    ("--level loud", '--level: "loud" is not one of debug, info, warn, error'),
    ("--format xml", '--format: "xml" is not one of text, logfmt, json'),
    ("--tlscert data:x", '--tlscert: "data:x" must be a path or file://: data is not supported here'),
    (
        "--token env://NATSMON_NOT_SET",
        "--token: the value refers to a secret that cannot be read: the variable NATSMON_NOT_SET is not set",
    ),
    (
        "--jetstream S --subject s --no-echo",
        "--jetstream: waits for acknowledgements instead of echoes, so it excludes --no-echo",
    ),
    ("--observe a.>.b", '--observe: "a.>.b" has a wildcard that is not a whole token, or a > that is not the last one'),
    ("--js-domain hub", "--js-domain: is given without --jetstream"),
    (
        "--jetstream S --js-domain hub --js-api-prefix JS.hub",
        "--js-api-prefix: excludes --js-domain: each gives the subjects of the JetStream API",
    ),
    ("a --ws-header A:b", "--ws-header: is given without a ws:// or wss:// server"),
    ("check a --ws-origin b", "--ws-origin: is given without a ws:// or wss:// server"),
    ("demo --js-api-prefix JS.hub", "--js-api-prefix: is given without --jetstream"),
    (
        "check --no-inquiries --monitor http://h:8222",
        "--monitor: is asked in inquiries, and --no-inquiries makes none",
    ),
    ("--observe a* ", '--observe: "a*" has a wildcard that is not a whole token, or a > that is not the last one'),
    ("--observe a --subject s --jetstream S", "--observe: publishes nothing, so it excludes --subject"),
    ("--observe a --rate 1", "--observe: publishes nothing, so it excludes --rate"),
    ("--observe a --count 5", "--observe: publishes nothing, so it excludes --count"),
    ("--size lots", '--size: "lots" is not a size (try 1024, 64KB or 8MiB)'),
    ("--size 65MiB", '--size: "65MiB" is over 64 MiB, which no server takes'),
    ("--payload-file /nope", '--payload-file: "/nope" cannot be read: No such file or directory'),
    ("--payload-file /", '--payload-file: "/" cannot be read: Is a directory'),
    ("--payload x --size 1", "--size: excludes --payload: each gives the body of a message"),
    ("--payload-file /dev/null --size 1", "--size: excludes --payload-file: each gives the body of a message"),
    ("--headers x", "--headers: the value is not a header (try 'Name: value')"),
    (
        "--headers :x",
        "--headers: the value has a name that is empty, or has a space or a letter that is not ASCII",
    ),
    (
        "--dial-command {user}",
        '--dial-command: "{user}" may have the fields {host} and {port} only; a brace is written twice',
    ),
    ("--unix a --dial-command b", "--unix: excludes --dial-command: natsmon dials in one way"),
    ("--unix a --socks-proxy socks5://p", "--socks-proxy: excludes --unix: natsmon dials in one way"),
    ("--headers natsmon-seq:1", "--headers: the value has a name that natsmon uses to number messages"),
    ("--headers Nats-Msg-Id:1", "--headers: the value has a name that the server acts on"),
    ("--connection-name=", '--connection-name: "" is empty'),
    ("--tls-server-name .x", '--tls-server-name: ".x" is not a valid name or address'),
    ("--tls-server-name " + "a" * 64, '--tls-server-name: "' + "a" * 64 + '" is not a valid name or address'),
    ("--tls-server-name *.b", '--tls-server-name: "*.b" is not a valid name or address'),
    ("--plain --json", "--plain and --json exclude each other"),
    ("--control", "--control needs --json"),
    ("--control --plain", "--control needs --json"),
    ("--json --format json", "--format needs --plain"),
    ("--json --level warn", "--level needs --plain"),
    ("check --namespace x", "--namespace needs --format prometheus"),
    ("--plain --bell", "--bell needs the dashboard"),
    ("--json --notify", "--notify needs the dashboard"),
    ("demo --plain --no-title", "--no-title needs the dashboard"),
    ("view --plain --theme nord -", "--theme needs the dashboard"),
    ("replay --plain --theme nosuch a", "--theme needs the dashboard"),
    ("--record -", '--record: "-" is standard output, which has the stream only with --json'),
    ("--record=", '--record: "" is empty'),
    ("--record /nowhere/x", '--record: "/nowhere/x" cannot be written: No such file or directory'),
    ("--record /dev/null", '--record: "/dev/null" is not a regular file'),
    ("--record-max 1KiB", '--record-max: "1KiB" must be 4MiB or more'),
    ("--record-max 4MiB", "--record-max: is given without --record"),
    ("--record-keep 0", '--record-keep: "0" must be 1 or more'),
    ("--record-keep 3", "--record-keep: is given without --record-max"),
    ("--xyzzy", "--xyzzy: unknown flag; try natsmon --help"),
    ("--pasword=hunter2", "--pasword: unknown flag; did you mean --password?"),
    ("-x", "-x: unknown flag; try natsmon --help"),
    ("--password hunter2", "--password: is given without --user"),
    ("--user hunter2 --token hunter2", "--user: is a token without a password, and another token is given"),
    ("nats://h:99999", 'URL: "nats://h:99999": the port is out of range, 1 to 65535'),
    ("nats:127.0.0.1:1", 'URL: "nats:****": a colon and two slashes follow the scheme: nats://HOST:PORT'),
    ("-s ,", '--server: ",": names no server'),
    ("ws://a -s nats://b", 'URL and --server: "ws://a": WebSocket and NATS servers cannot be mixed in one connection'),
    ("nats://_! --server nats://ok", 'URL: "nats://_!": the host is not a valid name or address'),
    ("nats://ok --server nats://_!", '--server: "nats://_!": the host is not a valid name or address'),
    ("nats://_! --server a,,b", 'URL: "nats://_!": the host is not a valid name or address'),
    ("info nats://", 'URL: "nats://": the host is empty'),
    ("info --control", "--control: unknown flag; did you mean --count?"),
    ("check --json", "--json: unknown flag; try natsmon check --help"),
    ("chekc", "chekc: did you mean check? A host of that name is dialed as nats://chekc"),
    ("--rate 2 Repaly", "Repaly: did you mean replay? A host of that name is dialed as nats://Repaly"),
    ("help hlep", "hlep: did you mean help? A host of that name is dialed as nats://hlep"),
    ("chekc --help", "chekc: did you mean check? A host of that name is dialed as nats://chekc"),
    ("help nope", "help: there is no such command; natsmon help lists them"),
    ("help nats://me:s3cr3t@east-1", "help: there is no such command; natsmon help lists them"),
    ("help chekc", "chekc: did you mean check? A host of that name is dialed as nats://chekc"),
    ("demo nats://u:hunter2@h", "demo starts servers of its own and takes no URL"),
    ("demo --servers 0", '--servers: "0" must be 1 or more'),
    ("demo --servers 10", '--servers: "10" must be 9 or less'),
    ("demo --rate x", '--rate: "x" is not a number of messages a second, nor "max"'),
]


@pytest.mark.parametrize(("args", "line"), BAD)
def test_bad_input_is_one_line_and_nothing_starts(
    args: str, line: str, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(args.split()) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.err == f"natsmon: {line}\n"
    assert captured.out == ""
    assert "hunter2" not in captured.err
    assert not runs


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["--subject", "a\x1b[31m"], r'"a\x1b[31m" has a control or invisible character'),
        (["--subject", "a b\nc"], r'"a b\nc" has a space'),
        (["--rate", "x" * 500], "x" * 80 + '…" is not'),
        (["--subject", "\udcff"], r'"\udcff" is not UTF-8'),
        (["--headers", "A: b\r\nC: d"], "the value has a line break in its value"),
        (["--headers", "A\r\nB: c"], "the value has a name that is empty, or has a space"),
        (["--token", "\udcffhunter2"], "--token: the value is not UTF-8"),
        (["nats://h\x9b2J"], r'"nats://h\x9b2J": the host'),
        (["--no\x1b[31m"], "--no: unknown flag"),
    ],
)
def test_quoted_input_is_escaped(args: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(args) == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert shown in line
    assert line.isprintable()
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("NATS_URL", "nats://u:hunter2@h:1:2", 'NATS_URL: "nats://****@h:****": the address has two colons'),
        ("NATS_TOKEN", "\udcffhunter2", "NATS_TOKEN: the value is not UTF-8"),
    ],
)
def test_bad_variable_is_named(
    name: str, value: str, line: str, runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert cli.main([]) == Exit.USAGE
    error = capsys.readouterr().err
    assert error.startswith(f"natsmon: {line}")
    assert error.count("\n") == 1
    assert "hunter2" not in error
    assert not runs
