"""What becomes of flags and variables: every one reaches its setting, and its origin is known."""

from pathlib import Path

import pytest

from natsmon.cli import main as cli
from natsmon.config.secret import Secret
from natsmon.config.settings import Server, Settings
from natsmon.stream.exit_codes import Exit
from tests.cli.conftest import Runs

pytestmark = pytest.mark.usefixtures("runs")


def test_defaults_of_flags_equal_those_of_settings(runs: Runs) -> None:
    cli.main([])
    expected = Settings(name=runs.settings.name)
    assert runs.settings == expected


def test_every_flag_reaches_its_field(runs: Runs) -> None:
    given = (
        "nats://a:1 --server b,c --connection-name n --subject s --payload ü --rate 4 --count 7 --duration 1m "
        "--connect-timeout 1s --reconnect-wait 0 --reconnect-jitter 0 --max-reconnects -1 "
        "--no-retry-on-failed-connect --ignore-discovered-servers --no-randomize --ping-interval 3s "
        "--max-pings-out 5 --rtt-interval 250ms --reconnect-buffer 1KiB"
    )
    assert cli.main(given.split()) == 0
    settings = runs.settings
    assert settings == Settings(
        servers=(Server("a", 1), Server("b"), Server("c")), name="n", subject="s", payload="ü".encode(),
        interval=0.25, count=7, duration=60.0, connect_timeout=1.0, reconnect_wait=0.0, reconnect_jitter=0.0,
        max_reconnects=-1, retry_on_failed_connect=False, ignore_discovered_servers=True, randomize=False,
        ping_interval=3.0, max_pings_out=5, rtt_interval=0.25, reconnect_buffer=1024, origins=settings.origins,
    )  # fmt: skip
    assert settings.origins == {
        "servers": "URL argument, flag --server",
        "randomize": "flag --no-randomize",
        "retry_on_failed_connect": "flag --no-retry-on-failed-connect",
        "interval": "flag --rate",
        "name": "flag --connection-name",
        **{
            name: f"flag --{name.replace('_', '-')}"
            for name in (
                "subject", "payload", "count", "duration", "connect_timeout", "reconnect_wait", "reconnect_jitter",
                "max_reconnects", "ignore_discovered_servers", "ping_interval", "max_pings_out", "rtt_interval",
                "reconnect_buffer",
            )
        },
    }  # fmt: skip


def test_flags_of_a_message_reach_the_settings(runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"\x00\xff\n")
    for args, payload, came_from in (
        (["--payload", "x"], b"x", "flag --payload"),
        (["--payload-file", str(file)], b"\x00\xff\n", "flag --payload-file"),
        (["--size", "20"], b"natsmon natsmon nats", "flag --size"),
        (["--size", "0"], b"", "flag --size"),
        (["--size", "1KiB"], b"natsmon " * 128, "flag --size"),
    ):
        runs.clear()
        assert cli.main(args) == 0
        assert (runs.settings.payload, runs.settings.origins) == (payload, {"payload": came_from})


def test_headers_in_their_order(runs: Runs) -> None:
    assert cli.main(["--headers", "Kind: a: b ", "--headers", "kind:", "--headers", "X-Ü-less:\tü"]) == Exit.USAGE
    assert cli.main(["--headers", "Kind: a: b ", "--headers", "kind:", "--headers", "X:\tü"]) == 0
    assert runs.settings.headers == (("Kind", Secret("a: b")), ("kind", Secret("")), ("X", Secret("ü")))


def test_no_echo_reaches_the_settings(runs: Runs) -> None:
    assert cli.main(["--no-echo"]) == 0
    assert not runs.settings.echo
    assert runs.settings.origins == {"echo": "flag --no-echo"}


def test_flag_overrides_a_variable(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_URL", "nats://x:1, nats://y")
    cli.main([])
    assert runs.settings.servers == (Server("x", 1), Server("y"))
    assert runs.settings.origins["servers"] == "env NATS_URL"
    for args, came_from in ((["-s", "z"], "flag --server"), (["z"], "URL argument")):
        runs.clear()
        cli.main(args)
        assert runs.settings.servers == (Server("z"),)
        assert runs.settings.origins["servers"] == came_from


@pytest.mark.parametrize(
    ("args", "env", "user", "password", "token", "origins"),
    [
        ("--user u --password p", {}, "u", "p", None, {"user": "flag --user", "password": "flag --password"}),
        ("--user u", {}, None, None, "u", {"token": "flag --user"}),
        ("--token t", {}, None, None, "t", {"token": "flag --token"}),
        ("", {"NATS_USER": "u"}, None, None, "u", {"token": "env NATS_USER"}),
        ("--user u", {"NATS_PASSWORD": "p"}, "u", "p", None, {"user": "flag --user", "password": "env NATS_PASSWORD"}),
        ("--user u", {"NATS_TOKEN": "t"}, None, None, "u", {"token": "flag --user"}),
        ("--token t", {"NATS_USER": "u"}, None, None, "t", {"token": "flag --token"}),
        ("", {"NATS_PASSWORD": "p"}, None, None, None, {}),
        ("--user=", {}, None, None, None, {}),
        ("x:y@h --user u --password p", {}, "x", "y", None,
         dict.fromkeys(("servers", "user", "password"), "URL argument")),
        ("", {"NATS_URL": "nats://tok@h"}, None, None, "tok", dict.fromkeys(("servers", "token"), "env NATS_URL")),
    ],
)  # fmt: skip
def test_credentials_follow_the_nats_cli(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, args: str, env: dict[str, str], user: str | None,
    password: str | None, token: str | None, origins: dict[str, str],
) -> None:  # fmt: skip
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert cli.main(args.split()) == 0
    settings = runs.settings
    wanted = [Secret(value) if value is not None else None for value in (user, password, token)]
    assert [settings.user, settings.password, settings.token] == wanted
    assert settings.origins == origins


def test_fastest_rate_is_an_interval_of_zero(runs: Runs) -> None:
    cli.main(["--rate", "max"])
    assert runs.settings.interval == 0.0
