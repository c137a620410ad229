"""Each format of a check, of a verdict made by hand with known figures."""

import json
import re
from typing import Any

import pytest
from rich.cells import cell_len

from natsmon.check import formats as check_formats
from natsmon.check import text as check_text
from natsmon.check.verdict import Found, Status, failure, judge, worst
from natsmon.state import Dial, DialPart
from natsmon.stream import events as ev


def made(**changes: Any) -> Found:
    """Two addresses raced, TLS, credentials: 5 ms to PONG."""
    stages: dict[ev.Stage, float] = {"dns": 0.0004, "tcp": 0.0011, "info": 0.0003, "tls": 0.0027, "connect": 0.0005}
    began = 0.0
    dial = Dial(1, 0.0, server="tls://east:4222", outcome="connected", stage_reached="connect", total=0.005)
    for stage, elapsed in stages.items():
        dial.stages[stage] = DialPart(stage, began, "complete", elapsed)
        began += elapsed
    dial.addresses = [
        DialPart("[2001:db8::1]:4222", 0.0, "failed", 0.0002, "unreachable", "Network is unreachable"),
        DialPart("192.0.2.7:4222", 0.0, "complete", 0.0009),
    ]
    chain = [ev.Certificate(not_after=1_900_000_000.0)]
    dial.tls = ev.DialTls(t=0.0, dial=1, version="TLSv1.3", chain=chain)
    dial.info = ev.DialInfo(t=0.0, dial=1, info={"server_name": "n1", "version": "2.15.0", "client_id": 12})
    dial.connect = ev.DialConnect(t=0.0, dial=1, credentials="user (flag --user), password (env NATS_PASSWORD)")
    return Found(**{"server": dial.server, "dials": (dial,), "rtt": 0.00021, "request": 0.7, **changes})


def refused_dial(server: str = "nats://west:4222") -> Dial:
    dial = Dial(1, 0.0, server=server, outcome="failed", stage_reached="tcp", cause="refused", total=0.001)
    dial.text = "Connection refused"
    dial.stages = {
        "dns": DialPart("dns", 0.0, "complete", 0.0002),
        "tcp": DialPart("tcp", 0.0002, "failed", 0.0008, "refused", "Connection refused"),
    }
    return dial


def test_text_shows_each_stage_and_marks_the_slowest() -> None:
    shown = check_text.stages(judge(made()))
    assert (
        shown
        == """\
WARNING  tls://east:4222

                           began      took  0 ───── 5.00 ms
dns                  ✓   0.00 ms   0.40 ms  ░
tcp                  ✓   0.40 ms   1.10 ms   ▒▒▒▒
  [2001:db8::1]:4222 ✗   0.00 ms   0.20 ms  ━
    Network is unreachable
  192.0.2.7:4222     ✓   0.00 ms   0.90 ms  ━━━
info                 ✓   1.50 ms   0.30 ms       ▚            n1 2.15.0, cid 12
tls                  ✓   1.80 ms   2.70 ms        ▓▓▓▓▓▓▓▓    slowest, TLSv1.3,
                                                              certificate until
                                                              2030-03-17
connect              ✓   4.50 ms   0.50 ms                ██  user (flag
                                                              --user), password
                                                              (env
                                                              NATS_PASSWORD)

total     5.00 ms  from the first dial to PONG
rtt       0.21 ms  PING to PONG
request    700 ms  publish to receive           WARNING, limit 500ms
"""
    )
    assert max(map(len, shown.splitlines())) < 80


def test_text_shows_a_failure_with_its_advice() -> None:
    assert (
        check_text.stages(judge(Found("nats://west:4222", dials=(refused_dial(),))))
        == """\
CRITICAL  nats://west:4222

                began      took  0 ───── 1.00 ms
dns       ✓   0.00 ms   0.20 ms  ░░░
tcp       ✗   0.20 ms   0.80 ms     ▒▒▒▒▒▒▒▒▒▒▒▒▒  connection refused
tls       –
info      –
connect   –

  nothing listens on that port
  in tcp: connection refused
  is the server running, and is this its port?
"""
    )


def test_text_shows_stage_refused_before_it_began() -> None:
    dial = refused_dial("tls://west:4222")
    dial.stages["tcp"].outcome = "complete"
    dial.stage_reached, dial.cause, dial.text = "tls", "tls_not_offered", "nothing was sent"
    shown = check_text.stages(judge(Found("tls://west:4222", dials=(dial,))))
    assert re.search("\ntls +– +TLS not offered\n", shown)


def test_text_aligns_wide_characters() -> None:
    wide, narrow = made(server="nats://東京:4222", address="東京-1:4222"), made(address="192.0.2.7:4222")
    lines = check_text.table([judge(wide), judge(narrow)]).splitlines()
    rows = [line for line in lines if line.startswith("  WARNING")]
    assert len(rows) == 2
    assert len({cell_len(row) for row in rows}) == 1


def test_table_fits_the_longest_ipv4_addresses() -> None:
    long = made(address="255.255.255.255:65535", rtt=12.345, request=12.345)
    output = check_text.table([judge(long)])
    assert max(map(len, output.splitlines())) <= 80
    assert "12345   12345" in output


def test_text_shows_servers_that_failed_before() -> None:
    output = check_text.stages(judge(made(dials=(refused_dial(), *made().dials), request=0.001)))
    assert re.match(r"nats://west:4222\n\n +began +took .*\ndns ", output)
    assert "\nOK  tls://east:4222\n" in output
    assert "total     6.00 ms  from the first dial to PONG\n" in output


def test_nagios_is_one_line() -> None:
    assert check_formats.nagios([judge(made())]) == (
        "WARNING Connection Warn:request 700 ms, limit 500ms OK:connected to tls://east:4222 in 5.00 ms OK:rtt 0.21 ms"
        " | connect_time=0.0050s;0.5000;1.0000 dns_time=0.0004s tcp_time=0.0011s tls_time=0.0027s info_time=0.0003s"
        " auth_time=0.0005s rtt=0.0002s;0.5000;1.0000 request_time=0.7000s;0.5000;1.0000\n"
    )


def test_nagios_of_several_has_the_worst_first_and_the_figures_last() -> None:
    slow = made(address="192.0.2.7:4222")
    gone = Found("nats://west:4222", address="192.0.2.8:4222", dials=(refused_dial(),))
    lines = check_formats.nagios([judge(slow), judge(gone)]).splitlines()
    assert lines[0].startswith("CRITICAL Connection nats://west:4222 at 192.0.2.8:4222 Crit:connection to ")
    assert lines[1].startswith("WARNING Connection tls://east:4222 at 192.0.2.7:4222 Warn:request 700 ms")
    assert [line.count("|") for line in lines] == [0, 1, 0]
    assert lines[1].endswith(" | 'nats://west:4222 at 192.0.2.8:4222 dns_time'=0.0002s")
    assert lines[2].startswith("'tls://east:4222 at 192.0.2.7:4222 connect_time'=0.0050s;0.5000;1.0000 ")


def test_json_has_the_fields_of_the_nats_cli() -> None:
    output = json.loads(check_formats.json_text([judge(made())], many=False))
    assert list(output) == ["status", "check_suite", "check_name", "warning", "critical", "ok", "perf_data"]
    assert (output["status"], output["check_suite"], output["check_name"]) == ("WARNING", "connections", "Connection")
    assert output["perf_data"][:2] == [
        {"name": "connect_time", "value": 0.005, "warning": 0.5, "critical": 1.0, "unit": "s"},
        {"name": "dns_time", "value": 0.0004, "warning": 0, "critical": 0, "unit": "s"},
    ]


def test_prometheus_has_one_family_a_metric() -> None:
    both = [judge(made(address="192.0.2.7:4222")), judge(made(address="[2001:db8::1]:4222"))]
    output = check_formats.prometheus(both, namespace="natsmon")
    assert (
        "# HELP natsmon_connections_rtt Seconds from PING to PONG\n"
        "# TYPE natsmon_connections_rtt gauge\n"
        'natsmon_connections_rtt{item="Connection tls://east:4222 at 192.0.2.7:4222"} 0.00021\n'
        'natsmon_connections_rtt{item="Connection tls://east:4222 at [2001:db8::1]:4222"} 0.00021\n'
    ) in output
    assert output.endswith(
        'natsmon_connections_status_code{item="Connection tls://east:4222 at [2001:db8::1]:4222",status="WARNING"} 1\n'
    )


def test_failure_has_cause_and_advice_in_every_format() -> None:
    verdict = judge(Found("nats://west:4222", dials=(refused_dial(),)))
    output = [
        check_text.stages(verdict),
        check_text.table([verdict]),
        check_formats.nagios([verdict]),
        check_formats.json_text([verdict], many=False),
        check_formats.prometheus([verdict]),
    ]
    for text in output:
        for word in ("refused", "nothing listens on that port", "is the server running, and is this its port?"):
            assert word in text


@pytest.mark.parametrize(
    ("seconds", "status"), [(0.1, Status.OK), (0.5, Status.WARNING), (1.0, Status.CRITICAL), (9.0, Status.CRITICAL)]
)
def test_threshold_is_reached_by_an_equal_value(seconds: float, status: Status) -> None:
    assert judge(made(request=seconds)).status is status
    assert judge(made(request=0.0, rtt=seconds)).status is status


def test_local_fault_is_unknown_and_less_than_critical() -> None:
    dial = refused_dial()
    dial.cause, dial.text = "tls_files", "the TLS files cannot be used"
    ours = judge(Found("tls://h:4222", dials=(dial,)))
    broken = judge(Found("nats://h:4222", broken="the check itself failed: OSError: no more files"))
    for verdict in (ours, broken):
        assert (verdict.status, verdict.lines[Status.CRITICAL]) == (Status.UNKNOWN, ())
        assert verdict.output in check_formats.nagios([verdict])
        assert json.loads(check_formats.json_text([verdict], many=False))["output"] == verdict.output
        assert check_text.stages(verdict).startswith("UNKNOWN  ")
    theirs = judge(Found("nats://h:4222", dials=(refused_dial(),)))
    assert worst([judge(made()), ours]) is Status.UNKNOWN
    assert worst([theirs, ours]) is Status.CRITICAL


def test_bars_in_a_text_are_no_performance_data() -> None:
    found = made(failed=failure("nats://h:4222", "rtt", "protocol", "sent | rtt=0"))
    assert check_formats.nagios([judge(found)]).count("|") == 1


def test_labels_are_quoted() -> None:
    dial = refused_dial('nats://a"b\\c:1')
    assert r'server="nats://a\"b\\c:1"' in check_formats.prometheus([judge(Found("x", dials=(dial,)))])


def test_label_of_performance_data_is_quoted() -> None:
    found = made(server="ws://east:80/a'b=c", address="192.0.2.7:80")
    performance = check_formats.nagios([judge(found)] * 2).partition(" | ")[2]
    assert performance.startswith("'ws://east:80/a''b%3Dc at 192.0.2.7:80 connect_time'=0.0050s;")
    assert performance.count("=") == 2 * len(judge(found).metrics)
