"""One check: what it finds of real servers, of odd ones and of every address, and what that is worth."""

import asyncio
import json
import re
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from natsmon.check import formats as check_formats
from natsmon.check import measure as check
from natsmon.check import text as check_text
from natsmon.check.verdict import Found, Status
from natsmon.cli import main as cli
from natsmon.config.proxy_url import parse_proxy
from natsmon.config.secret import Secret
from natsmon.config.server_urls import parse_server
from natsmon.dial import resolver
from natsmon.dial.resolver import AddressInfo
from natsmon.lab.nats_server import NatsServer
from natsmon.text.units import go_duration
from tests.check.checking import FORMATS, IN_ANY_TIME, METRICS, checked, settings, without_figures
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.peer import Peering
from tests.harness.time_limits import GROWING, IN_TIME

# -- real servers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_against_a_real_server(
    form: str, nats_server: StartServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server = nats_server(name="n1")
    assert cli.main(["check", server.url, "--format", form, *IN_ANY_TIME]) == 0
    output = capsys.readouterr().out
    if form == "json":
        assert [metric["name"] for metric in json.loads(output)["perf_data"]] == METRICS
        assert json.loads(output)["ok"][0].startswith(f"connected to {server.url} in ")
    elif form == "prometheus":
        names = [line.partition("{")[0] for line in output.splitlines() if not line.startswith("#")]
        assert names == [f"nats_server_check_connections_{name}" for name in (*METRICS, "status_code")]
    else:
        version = server.info()["version"]
        assert without_figures(output) == GOLDEN[form].format(url=server.url, at=server.authority, version=version)


GOLDEN = {
    "text": """\
OK {url}

 began took 0 ─ T
dns ✓ T T
tcp ✓ T T {at}
tls –
info ✓ T T n1 {version},
connect ✓ T T

total T from the first dial to PONG
rtt T PING to PONG
request T publish to receive
""",
    "nagios": "OK Connection OK:connected to {url} in T OK:rtt T OK:request T | connect_time=T;60.0000;60.0000"
    " dns_time=T tcp_time=T info_time=T auth_time=T rtt=T;60.0000;60.0000 request_time=T;60.0000;60.0000\n",
}


@pytest.mark.parametrize("what", ["connect", "rtt", "req"])
def test_thresholds_decide_the_exit_code(what: str, server: NatsServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", server.url, *IN_ANY_TIME, f"--{what}-warn", "1ns"]) == Status.WARNING
    assert "WARNING, limit 1ns" in capsys.readouterr().out
    critical = ["check", server.url, *IN_ANY_TIME, f"--{what}-warn", "1ns", f"--{what}-critical", "1ns", "--format"]
    assert cli.main([*critical, "nagios"]) == Status.CRITICAL
    assert ", limit 1ns" in capsys.readouterr().out.partition("Crit:")[2]
    assert cli.main([*critical, "prometheus"]) == 0
    assert 'status="CRITICAL"} 2' in capsys.readouterr().out


def test_server_that_refuses_is_critical(refused_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", f"127.0.0.1:{refused_port}", "--format", "json"]) == Status.CRITICAL
    output = json.loads(capsys.readouterr().out)
    assert output["failures"] == [
        {
            "server": f"nats://127.0.0.1:{refused_port}",
            "stage": "tcp",
            "cause": "refused",
            "text": "Connection refused",
            "meaning": "nothing listens on that port",
            "advice": "is the server running, and is this its port?",
        }
    ]
    assert cli.main(["check", f"127.0.0.1:{refused_port}", "--format", "prometheus"]) == 0


async def test_first_server_that_accepts_is_checked(server: NatsServer, refused_port: int) -> None:
    verdict = await checked(f"nats://127.0.0.1:{refused_port}", server.url)
    assert verdict.status is Status.OK
    assert len(verdict.found.dials) == 2
    assert ", after nats://127.0.0.1:" in verdict.lines[Status.OK][0]
    assert [each.cause for each in verdict.failures] == ["refused"]


async def test_denied_request_is_critical(nats_server: StartServer) -> None:
    config = "authorization {{ users: [{{user: u, password: p, permissions: {{ {} }} }}] }}"
    for denied, what in (('publish: "x"', "publish"), ('subscribe: "x"', "subscription")):
        server = nats_server(config=config.format(denied))
        verdict = await checked(server.url, user=Secret("u"), password=Secret("p"))
        assert verdict.status is Status.CRITICAL
        (failed,) = verdict.failures
        assert (failed.stage, failed.cause) == ("request", "permissions")
        assert what in failed.text.lower()
        assert "_INBOX.>" in failed.diagnosis.advice
        assert verdict.metric("rtt") is not None
        assert verdict.metric("request_time") is None


@pytest.mark.parametrize("form", ["text", "nagios", "json"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_monitor_that_is_no_monitoring_port_is_reported(
    nats_server: StartServer, form: str, scheme: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = nats_server(config="authorization: { token: t }")
    monitor = f"{scheme}://{server.authority}"
    assert cli.main(["check", server.url, "--monitor", monitor, "--format", form, *IN_ANY_TIME]) == Status.CRITICAL
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count("--monitor: ") == 1
    assert f"--monitor: {monitor} " in shown


# -- peers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "stage", "cause"),
    [
        (peers.silent(), "info", "timeout"),
        (peers.close_at_once(), "info", "eof"),
        (peers.http_400(), "info", "http"),
        (peers.info_not_json(), "info", "info_bad"),
        (peers.info_then_silent(), "connect", "timeout"),
        (peers.err_after_connect("maximum connections exceeded"), "connect", "limit"),
        (peers.stale(), "rtt", "stale_client"),
        (peers.ping_before_pong(), "request", "timeout"),
    ],
)
async def test_failing_peer_has_its_cause(peer: Peering, stage: str, cause: str) -> None:
    async with peer as there:
        for seconds in GROWING if cause == "timeout" else (IN_TIME,):
            verdict = await checked(there.url, connect_timeout=seconds, timeout=seconds)
            if [each.stage for each in verdict.failures] == [stage]:
                break
    assert verdict.status is Status.CRITICAL
    assert [(each.stage, each.cause) for each in verdict.failures] == [(stage, cause)]
    assert verdict.failures[0].diagnosis.meaning
    if stage == "request":
        assert verdict.failures[0].text == f"the message did not come back in {go_duration(seconds)}"


async def test_proxy_that_refuses_fails_the_stage_in_which_it_is_asked() -> None:
    """Also after the TCP connection to it was established."""
    async with peers.http_400() as peer:
        verdict = await checked("nats://nats.example", proxy=parse_proxy(peer.url.replace("nats:", "http:")))
    (dial,) = verdict.found.dials
    assert [part.outcome for part in dial.addresses] == ["complete"]
    assert dial.stages["tcp"].outcome == "failed"
    assert "the proxy refused" in check_text.stages(verdict).partition("tcp ")[2].partition("\n")[0]


async def test_hostile_names_are_escaped() -> None:
    async with peers.info_with_hostile_names() as peer:
        verdict = await checked(peer.url)
    output = [check_text.stages(verdict), check_formats.nagios([verdict]), check_formats.prometheus([verdict])]
    assert all(char.isprintable() or char == "\n" for text in output for char in text)
    assert verdict.status is Status.OK


async def test_broken_check_is_unknown(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> Found:
        raise RuntimeError("a bug")

    monkeypatch.setattr(check, "_try_out", broken)
    verdict = await checked(server.url)
    assert verdict.status is Status.UNKNOWN
    assert verdict.output == "the check itself failed: RuntimeError: a bug"


# -- every address ----------------------------------------------------------------------------------


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """The name two.example has these addresses, gone.example has none; the others are looked up."""
    real = resolver.lookup

    async def lookup(host: str, port: int) -> Sequence[AddressInfo]:
        if host == "two.example":
            return [info for address in addresses for info in await real(address, port)]
        if host == "gone.example":
            raise OSError(-2, "Name or service not known")
        return await real(host, port)

    monkeypatch.setattr(resolver, "lookup", lookup)


def test_all_addresses_of_all_servers(
    server: NatsServer, refused_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resolving(monkeypatch, "127.0.0.1", "127.0.0.2")  # the server listens on the first alone
    urls = f"nats://two.example:{server.port},127.0.0.1:{refused_port},gone.example"
    args = ["check", "--all", urls, *IN_ANY_TIME]
    assert cli.main(args) == Status.CRITICAL
    output = re.sub(r" *resolved in .*|(?<= )\d+(\.\d+)?(?= |$)", "", capsys.readouterr().out, flags=re.MULTILINE)
    lines = [re.sub(" +", " ", line.strip()) for line in output.splitlines()]
    assert lines[0] == "CRITICAL addresses of servers: OK, CRITICAL; times in ms"
    assert lines[2:6] == [
        "address tcp info connect total rtt request",
        f"nats://two.example:{server.port}",
        f"OK 127.0.0.1:{server.port}",
        f"CRITICAL 127.0.0.2:{server.port} ✗ – – – – –",
    ]
    assert f"CRITICAL 127.0.0.1:{refused_port} ✗ – – – – –" in lines
    assert lines[-4:] == [
        "CRITICAL – – – – – – –",
        "the name does not resolve",
        "in dns: name not found: gone.example: Name or service not known",
        "check the host name, and the resolver of this machine",
    ]
    assert cli.main([*args, "--format", "json"]) == Status.CRITICAL
    items = json.loads(capsys.readouterr().out)
    assert [item["status"] for item in items] == ["OK", "CRITICAL", "CRITICAL", "CRITICAL"]
    assert items[0]["check_name"] == f"Connection nats://two.example:{server.port} at 127.0.0.1:{server.port}"
    assert cli.main([*args, "--format", "prometheus"]) == 0
    assert len(re.findall("_status_code{", capsys.readouterr().out)) == 4
    assert cli.main([*args, "--format", "nagios"]) == Status.CRITICAL
    assert capsys.readouterr().out.startswith("CRITICAL ")


def test_one_address_of_each_family_is_checked(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resolving(monkeypatch, "::1", "127.0.0.1")
    args = ["check", "--all", f"two.example:{server.port}", "--format=json", *IN_ANY_TIME]
    assert cli.main(args) == Status.CRITICAL
    six, four = json.loads(capsys.readouterr().out)
    assert six["check_name"].endswith(f" at [::1]:{server.port}")
    assert six["failures"][0]["stage"] == "tcp"
    assert four["status"] == "OK"
    assert [metric["name"] for metric in four["perf_data"]] == METRICS


async def test_address_keeps_its_zone() -> None:
    zone = socket.if_indextoname(1)
    (address,) = await check._look_up(parse_server(f"nats://[fe80::1%25{zone}]:4222"), settings())  # type: ignore[misc]
    assert address.host == f"fe80::1%{zone}"
    assert address.authority == f"[fe80::1%{zone}]:4222"
    nowhere = max(number for number, _ in socket.if_nameindex()) + 1000
    (address,) = await check._look_up(parse_server(f"nats://[fe80::1%25{nowhere}]:4222"), settings())  # type: ignore[misc]
    assert address.host == f"fe80::1%{nowhere}"


async def test_few_addresses_are_checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, *(f"127.0.0.{n}" for n in range(1, 20)))
    running, most = 0, 0
    one = check._check_one

    async def counted(*args: Any) -> Found:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(0)  # a refused dial to this machine ends without a turn of the loop
            return await one(*args)
        finally:
            running -= 1

    monkeypatch.setattr(check, "_check_one", counted)
    found = await check.check_all(settings("nats://two.example:1"))
    assert len(found) == 19
    assert 1 < most <= check._AT_ONCE
