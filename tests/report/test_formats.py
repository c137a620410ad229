"""The four formats: the same facts in each, and no text of a server acts in any of them."""

import json
import math
import re
import time
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon.charts.svg import Chart
from natsmon.report import build, markdown
from natsmon.report.facts import Report, Unread
from natsmon.stream import events as ev
from tests.harness.vocabulary import EVENTS, anything_of, made_of
from tests.report.reports import EVIL, evil, report_of
from tests.tui import outage_streams, streams
from tests.tui.streams import STARTED, Stream

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Every element closed in order; what is in it, and what it asks for."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def charts(report: Report) -> list[Chart]:
    return [block for block in build.blocks(report) if isinstance(block, Chart)]


def rendered(report: Report) -> dict[str, str]:
    return {name: build.render(report, name) for name in build.FORMATS}


@pytest.mark.parametrize(("seconds", "cells"), [(2.0, "│"), (1_500.0, "│"), (3_000.0, "▒"), (10_000.0, "▒▒▒│")])
def test_outage_takes_no_more_of_the_line_of_status_than_of_the_time(seconds: float, cells: str) -> None:
    """Of three days, a cell is 54 minutes. No outage vanishes."""
    stream = Stream().become("CONNECTING").connect().wait(97_300.0).lose()
    stream.become("RECONNECTING").await_dial("east-1:4222", seconds).wait(seconds).connect(reason="reconnect")
    stream.wait(3 * 86_400.0 - stream.t).add(ev.Alive(t=stream.t))
    line, legend = (
        next(line for line in build.render(report_of(stream.events), "text").splitlines() if mark in line)
        for mark in ("████", "█ connected")
    )
    assert line.strip("█") == cells
    assert ("│ interrupted" in legend) is ("│" in cells)


@pytest.mark.parametrize(
    ("ahead", "at", "why"),
    [
        (8 * 3_600.0, "23:08:26", "this machine was suspended, or its clock set ahead, by 8h00m00s"),
        (-1_000.0, "14:51:46", "this machine's clock was set back by 16m40s"),
        (0.6, "15:08:26", ""),
    ],
)
def test_times_are_those_of_the_wall_clock_after_it_moved(ahead: float, at: str, why: str) -> None:
    """In the table, in the paragraph, in what describes a chart and on its axis; as in the log."""
    stream = Stream().become("CONNECTING").connect().run(100)
    stream.add(ev.Clock(t=stream.t, wall=STARTED + stream.t + ahead))
    stream.wait(6.0 - stream.t % 1).lose().become("RECONNECTING").wait(100.0).connect(reason="reconnect").run(2)
    report = report_of(stream.events)
    assert time.gmtime(report.runs[0].outages[0].at)[3:6] == tuple(map(int, at.split(":")))
    for name in ("text", "markdown", "html"):
        output = " ".join(rendered(report)[name].replace("\\", "").split())
        assert output.count(at) >= (3 if name == "html" else 2), name
        assert why in output.replace("&#x27;", "'")
        assert ("suspended" in output or "set back" in output) is bool(why)
    axis = next(line for line in charts(report)[0].lines(80) if "╵" in line)
    assert f"╵{int(at[:2]):02}:{int(at[3:5]) + 1:02}" in axis


@pytest.mark.parametrize("wall", [math.inf, -math.inf, math.nan, 1e300, 0.0])
def test_clock_that_cannot_be_is_drawn(wall: float) -> None:
    stream = streams.connected()
    stream.add(ev.Clock(t=stream.t, wall=wall)).wait(2.0).add(ev.Alive(t=stream.t))
    assert all(rendered(report_of(stream.events, stream.events)).values())


def test_machines_side_by_side_share_the_wall_clock() -> None:
    """One was suspended for an hour of three, and has nothing to show of that."""
    awake = Stream().become("CONNECTING").connect().wait(10_800.0)
    suspended = Stream().become("CONNECTING").connect().wait(3_599.0)
    suspended.add(ev.Clock(t=suspended.t, wall=STARTED + suspended.t + 3_600.0, suspended=3_600.0)).wait(3_002.0)
    suspended.lose().become("RECONNECTING").wait(598.0)
    both = report_of(*[stream.add(ev.Alive(t=stream.t)).events for stream in (awake, suspended)])
    lines = charts(both)[0].lines(90)
    assert lines[1] == "█" * 90
    assert lines[3] == "█" * 30 + " " * 29 + "█" * 26 + "░" * 5
    assert "17:56:41 for 9m58s" in Page(charts(both)[0].svg()).text


# -- what is output -------------------------------------------------------------------------------------


def test_summary_is_the_first_section() -> None:
    output = build.render(report_of(streams.outage().events), "text")
    assert (
        output[: output.index("Status over time")]
        == """\
natsmon report: 0.jsonl

watched       2m03s        2025-06-15 15:06:40 to 15:08:43 UTC, as orders
ended         unknown      the recording stops while RECONNECTING
availability  97.50 %      3.07 s without a connection
outages       2            longest 2.07 s, one in 1m00s of connection, 2.07 s to
                           recover, on average
lost          1 message    0.82 % of 122 sent
messages      123          120 delivered, 1 never sent
latency       p50 0.30 ms  p99 4.10 ms, longest 4.10 ms
ping          p50 0.30 ms  p99 4.10 ms, longest 4.10 ms
servers       2 used       east-1, east-2

"""
    )


def test_outage_has_a_paragraph_and_advice() -> None:
    output = " ".join(build.render(report_of(streams.outage().events), "text").split())
    assert (
        "Outage 1. At 15:08:00 the connection to east-1 was lost: the server closed the connection without giving a "
        "reason. It was detected 210 ms after the last data. Reconnected to east-2 after 2.07 s and 2 dials "
        "(failed: east-1 (connection refused in tcp)). Messages: 1 lost and 2 buffered and sent afterwards. "
        "What to try: See the server's log: it was stopped or killed, or an administrator closed the connection. "
        "Is the server running, and is this its port?"
    ) in output
    assert "It was not over when the recording ended, after 1.00 s and 1 dial" in output


def test_outage_between_servers_on_one_address_names_both() -> None:
    output = " ".join(
        build.render(report_of(outage_streams.behind_one_address("blue", "green").events), "text").split()
    )
    assert "the connection to blue was lost" in output
    assert "Reconnected to green after" in output


def test_outage_that_ended_closed_sent_nothing_afterwards() -> None:
    report = report_of(streams.outage().events)
    (run,) = report.runs
    closed = replace(report, runs=(replace(run, outages=(replace(run.outages[0], after=""),)),))
    output = " ".join(build.render(closed, "text").split())
    assert "the connection was closed for good. Messages: 1 lost and 2 buffered and not sent until then." in output


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
def test_formats_have_the_same_figures(name: str) -> None:
    report = report_of(streams.outage().events, unread=[Unread("0.jsonl", "line 7: is no event")])
    output = rendered(report)[name]
    output = Page(output).text if name == "html" else output.replace("`", "").replace("\\", "")
    output = " ".join(output.split())
    for figure in ("97.50 %", "2m03s", "2.07 s", "0.82 % of 122 sent", "4.10 ms", "no PONG for 2 PINGs", "15:08:42"):
        assert figure in output
    assert "line 7: is no event" in output
    assert "nothing listens" in output


def test_json_has_the_facts() -> None:
    report = report_of(streams.outage().events)
    output = json.loads(build.render(report, "json"))
    assert output["schema"] == 1
    assert output["comparison"] is None
    (run,) = output["runs"]
    assert run["availability"]["outages"] == len(run["outages"]) == 2
    assert run["outages"][0]["failures"][0] == {
        "server": "east-1:4222", "stage": "tcp", "cause": "refused", "count": 1,
        "text": "[Errno 111] Connect call failed",
    }  # fmt: skip


def test_colour_changes_no_text() -> None:
    report = report_of(streams.outage().events)
    plain, coloured = (build.render(report, "text", colour=colour) for colour in (False, True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]+m", "", coloured) == plain


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_text_keeps_to_its_width(width: int) -> None:
    events = streams.outage().events
    several = [[replace(events[0], started=STARTED + 7.0 * number), *events[1:]] for number in range(7)]
    for report in (report_of(events), report_of(*several)):
        lines = build.render(report, "text", width=width).splitlines()
        assert max(map(len, lines)) <= (width if width >= 80 else 80)


def test_overlapping_runs_share_an_axis() -> None:
    events = streams.outage().events
    for later, shared in ((60.0, True), (10_000.0, False)):
        report = report_of(events, [replace(events[0], started=STARTED + later), *events[1:]])
        titles = [chart.title for chart in charts(report)]
        assert ("Status over time, side by side" in titles) is shared
        output = rendered(report)
        assert output["text"].count("0.jsonl") >= 2
        assert json.loads(output["json"])["comparison"]["overlapping"] is shared


def test_short_outage_is_visible_in_a_long_run() -> None:
    stream = streams.connected()
    began = stream.wait(20_000.0).t
    stream.lose().wait(0.01).connect("east-2:4222", "reconnect").settle(began).wait(60_000.0)
    stream.add(ev.Paused(t=stream.t))
    chart = charts(report_of(stream.events))[0]
    assert chart.lines(80)[0].count("│") == 1
    assert 'class="bar dialing"' in chart.svg()


@pytest.mark.parametrize(("longest", "label"), [(0.9, "1 s"), (9.5, "10 s"), (95.0, "1m40s"), (950.0, "16m40s")])
def test_latency_over_time_is_labelled_with_its_highest_duration(longest: float, label: str) -> None:
    stream = streams.connected()
    stream.add(ev.Rtt(t=stream.t, seconds=8e-7)).add(ev.Rtt(t=stream.t, seconds=longest))
    chart = next(chart for chart in charts(report_of(stream.events)) if chart.title == "PING to PONG over time")
    assert chart.lines(80)[0].split()[:2] == label.split()[:2] + ["•"] * (len(label.split()) < 2)


# -- text of servers ----------------------------------------------------------------------------------


def test_text_report_has_no_control_characters() -> None:
    for output in rendered(report_of(evil().events, evil().events)).values():
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", output)


def test_html_is_well_formed_and_has_no_script_or_request() -> None:
    page = Page(rendered(report_of(evil().events, evil().events, unread=[Unread(EVIL, EVIL)]))["html"])
    assert not page.tags & {"script", "img", "link", "a", "iframe", "object", "b", "form", "base"}
    assert not page.attributes & {"href", "src", "srcset", "style", "xlink:href"}
    assert not [name for name in page.attributes if name.startswith("on")]
    assert page.headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert "<script>alert(1)</script>" in page.text


def test_every_picture_is_xml_with_its_labels() -> None:
    found = charts(report_of(evil().events, streams.outage().events))
    assert {chart.title.split(" over")[0] for chart in found} >= {"Status", "Publish to echo", "PING to PONG"}
    for chart in found:
        root = ElementTree.fromstring(f"<svg>{chart.svg()}</svg>")
        assert len(root) > 0
        assert chart.description.endswith(".")
        assert chart.lines(80)


def test_markdown_escapes_the_mark_up_of_texts() -> None:
    output = rendered(report_of(evil().events, evil().events, unread=[Unread(EVIL, EVIL)]))["markdown"]
    fenced = re.compile(r"^(`{3,})text\n.*?^\1$", re.MULTILINE | re.DOTALL)
    shown = re.sub(r"`[^`\n]*`", "CODE", fenced.sub("", output))
    assert not re.search(r"<\w|https?://|www\.|@user|#12|\*\*b|(?<!\\)\[x|(?<!\\)`|(?<!\\)\$x", shown)
    for table in re.findall(r"(?:^\|.*\|$\n?)+", fenced.sub("", output), re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1, table


@given(st.text())
def test_markdown_shows_any_text_in_one_line_and_one_cell(text: str) -> None:
    escaped = markdown.escape(text)
    assert "\n" not in escaped
    assert "<" not in escaped
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", escaped)


# -- any stream ---------------------------------------------------------------------------------------


_ANY = st.one_of([made_of(cls, anything_of) for cls in EVENTS])
_BELIEVABLE = {**anything_of, float: st.floats(0, 300), int: st.integers(0, 5), str: st.sampled_from(["a", "b", EVIL])}
_PLAUSIBLE = st.one_of([made_of(cls, _BELIEVABLE, conn=st.just(0)) for cls in EVENTS])


@settings(max_examples=60, deadline=None)
@given(st.lists(_ANY | _PLAUSIBLE, max_size=25))
def test_any_stream_is_rendered_in_every_format(events: list[Any]) -> None:
    report = report_of(events)
    output = rendered(report)
    json.loads(output["json"])
    Page(output["html"])
    for chart in charts(report):
        ElementTree.fromstring(f"<svg>{chart.svg()}</svg>")


@pytest.mark.parametrize("make", [Stream, streams.dialing, streams.countdown, streams.cancelled, streams.gave_up])
def test_stream_without_a_connection_is_reported(make: Any) -> None:
    output = rendered(report_of(make().events))
    assert "never connected" in output["text"]
    Page(output["html"])


def test_run_without_a_length_has_no_chart_over_time() -> None:
    for text in rendered(report_of(Stream().events[:1])).values():
        assert "Status over time" not in text


def test_any_part_of_a_stream_is_reported() -> None:
    events = evil().events
    for at in range(1, len(events)):
        Page(rendered(report_of(events[:at]))["html"])
