"""The pages and the cursor, as rows and without a terminal."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natsmon.charts import dial_gantt
from natsmon.charts.cells import Row, fold, text_of, width_of
from natsmon.state import Dial, State
from natsmon.stream import events as ev
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages import dial_detail
from natsmon.tui.panels import dial_rows, server_panel, status_panel
from tests.tui import dial_streams, streams
from tests.tui.drawn import in_view, moment_of, records_of, table_of, texts
from tests.tui.streams import STARTED, Stream

STREAMS = (
    dial_streams.secured,
    dial_streams.expired_certificate,
    dial_streams.raced,
    dial_streams.cancelled_race,
    dial_streams.under_way,
    dial_streams.looked_at_twice,
    dial_streams.hostile_dial,
    streams.outage,
    streams.hostile,
    Stream,
)
MOMENTS = [moment_of(build()) for build in STREAMS]


def page_text(build: Callable[[], Stream], width: int = 78, *, which: int = -1) -> str:
    moment = moment_of(build())
    return "\n".join(texts(dial_detail.rows(moment.state.dials[which], moment, width)))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MOMENTS), st.integers(0, 220))
def test_rows_fit_every_width(moment: Moment, width: int) -> None:
    drawn: list[Row] = server_panel.page_rows(moment, width)
    for height in (0, 1, 3, 6):
        drawn += server_panel.rows(moment, width, height)
    for dial in moment.state.dials:
        drawn += dial_gantt.rows(dial, moment.now, width)
        drawn += dial_detail.rows(dial, moment, width) if width >= 20 else []
    for cells in drawn:
        assert width_of(cells) == width
        assert text_of(cells).isprintable()


@pytest.mark.parametrize("width", [58, 78, 116, 196])
def test_hostile_text_is_escaped_and_cut(width: int) -> None:
    moment = moment_of(dial_streams.hostile_dial())
    drawn = [*dial_detail.rows(moment.state.dials[0], moment, width), *server_panel.page_rows(moment, width)]
    shown = "\n".join(texts(drawn))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"\x1b[2J\u202e" in shown
    assert "16,000 more characters" in " ".join(shown.split())
    assert len(drawn) < 700


def test_connected_dial_shows_everything_received() -> None:
    page = page_text(dial_streams.secured)
    assert "tls://east-1.example.com:4222" in page
    assert "✓ connected after 23.1 ms" in page
    for words in (
        "version       TLSv1.3",
        "cipher        TLS_AES_256_GCM_SHA384",
        "name checked  east-1.example.com",
        "certificate 1 of 2, the server's own",
        "names         east-1.example.com, *.east.example.com, 192.0.2.17",
        "issuer        CN=Example Issuing CA 3, O=Example Ltd",
        "valid         2025-03-30 to 2025-06-28, 12 days left",
        "credentials    credentials file (flag --creds)",
        "valid until    2025-07-25 15:06:40 UTC (in 39 days)",
        "jwt            ****",
        "server_name    east-1",
        "auth_required  true",
    ):
        assert words in page, words
    fields = [line.split()[0] for line in page.split("INFO as it was received")[1].splitlines()[1:] if line[2] != " "]
    assert fields == sorted(dial_streams.INFO)


def test_stages_are_in_the_order_of_the_wire() -> None:
    names = [line.split()[0] for line in texts(_race(dial_streams.secured))[1:]]
    assert names == ["dns", "tcp", "192.0.2.17:4222", "info", "tls", "connect"]
    names = [line.split()[0] for line in texts(_race(dial_streams.expired_certificate))[1:]]
    assert names == ["dns", "tcp", "192.0.2.17:4222", "info", "tls", "connect"]


def test_racing_addresses_overlap_in_the_drawing() -> None:
    page = texts(_race(dial_streams.raced, 116))
    dead = next(line for line in page if dial_streams.V6 in line)
    won = next(line for line in page if dial_streams.V4 in line)
    assert dead.index("━") < won.index("━")
    assert dead.rindex("━") == won.rindex("━")
    assert 15 < dead.count("━") / won.count("━") < 30
    assert "given up: another address was faster" in page[page.index(dead) + 1]
    assert "–" in dead
    assert "✓" in won


def test_bars_are_to_scale_and_touch() -> None:
    lines = texts(_race(dial_streams.secured, 116))[1:]
    bars = [(line.index(ink), line.rindex(ink)) for line, ink in zip(lines, "░▒━▚▓█", strict=True)]
    for (_, end), (start, _) in zip([bars[0], *bars[2:]], [bars[1], *bars[3:]], strict=False):
        assert start == end + 1
    assert bars[1] == bars[2]


def _race(build: Callable[[], Stream], width: int = 78) -> list[Row]:
    moment = moment_of(build())
    return dial_gantt.rows(moment.state.dials[-1], moment.now, width)


def test_refused_certificate_is_shown_and_not_trusted() -> None:
    page = page_text(dial_streams.expired_certificate)
    assert "✗ failed at tls after 16.0 ms" in page
    for words in (
        "error  certificate verify failed: certificate has expired",
        "means  a certificate has expired: the server's own",
        "try    is the clock of this machine right?",
        "The certificate is not trusted",
        "2025-03-14 to 2025-06-12, expired 3 days ago",
        "nothing was sent",
    ):
        assert words in page, words


def test_certificate_that_could_not_be_read_is_shown() -> None:
    stream = Stream().become("CONNECTING").start_dial("tls://a:4222").stage("tls", 0.1, "failed")
    stream.end_dial("failed", "tls", "tls_unknown_ca", "unknown CA")
    stream.add(ev.DialTls(t=stream.t, dial=1, server_name="a", trusted=False))
    assert "pip install cryptography" in page_text(lambda: stream)


def test_cancelled_dial_shows_its_stage_and_every_address() -> None:
    page = page_text(dial_streams.cancelled_race)
    assert "⊘ cancelled at tcp after 1.24 s" in page
    assert "Connection refused" in page
    assert "another address" not in page
    assert "nothing was sent" in page
    assert "INFO" not in page


def test_dial_under_way_counts_up() -> None:
    stream = dial_streams.under_way()
    moment = moment_of(stream)
    (dial,) = moment.state.dials
    page = "\n".join(texts(dial_detail.rows(dial, moment, 78)))
    assert "◐ dialing at tcp  655 ms of 5 s" in page
    assert "nothing" not in page
    later = moment_of(stream, now=moment.now + 1)
    assert moment.tick != later.tick
    assert "1.65 s of 5 s" in "\n".join(texts(dial_detail.rows(dial, later, 78)))


def test_second_look_is_shown_with_its_own_advice() -> None:
    page = page_text(dial_streams.looked_at_twice)
    assert "✗ timeout at info after 5.00 s of 5 s" in page
    assert "second look  it answers as a NATS monitoring port does" in page
    assert "this one is for --monitor" in " ".join(page.split())
    assert "none received that could be read" in page


def test_long_text_is_folded_at_spaces_and_cut_where_there_are_none() -> None:
    assert fold("one two three", 7) == ["one two", "three"]
    assert fold("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert fold("a abcdefghij", 4) == ["a", "abcd", "efgh", "ij"]
    assert fold("接続監視", 5) == ["接続", "監視"]
    assert fold("", 5) == [""]
    assert fold("a\nb", 9) == [r"a\nb"]


def test_pool_shows_connected_failed_and_leaving_servers() -> None:
    moment = moment_of(dial_streams.secured())
    header, here, failed, lame, other = texts(server_panel.rows(moment, 78, 6))
    assert header.split() == ["server", "failed", "attempts", "left", "now"]
    assert here.split() == ["●", "east-1", "0", "60", "connected"]
    assert "tls://east-1.example.com:4222" in texts(server_panel.rows(moment, 118, 6))[1]
    assert failed.split() == ["tls://east-2.example.com:4222", "1", "59"]
    assert lame.split() == ["!", "tls://192.0.2.19:4222", "0", "60", "lame", "duck,", "discovered"]
    assert other.split() == ["tls://192.0.2.20:4222", "0", "60", "discovered"]
    (summary,) = texts(server_panel.rows(moment, 78, 1))
    assert summary.startswith("4 in the pool, 2 discovered, 1 failing")


def test_pool_marks_the_dialed_and_the_next_server() -> None:
    pool = [ev.PoolMember(server=f"nats://east-{n}:4222", attempts_left=0 if n == 3 else None) for n in (1, 2, 3)]
    dialing = dial_streams.pool(streams.dialing(), *pool)
    shown = texts(server_panel.rows(moment_of(dialing), 78, 6))
    assert shown[2].split() == ["◐", "east-2:4222", "0", "–", "dialing"]
    assert shown[3].split() == ["east-3:4222", "0", "0"]
    waiting = dial_streams.pool(streams.countdown(), *pool)
    assert texts(server_panel.rows(moment_of(waiting), 78, 6))[1].split() == ["◌", "east-1:4222", "0", "–", "next"]


def test_pool_too_large_for_its_panel_shows_the_servers_in_use() -> None:
    stream = Stream().become("CONNECTING").connect("nats://s30:4222", name="")
    dial_streams.pool(stream, *(ev.PoolMember(server=f"nats://s{n}:4222") for n in range(40)))
    shown = texts(server_panel.rows(moment_of(stream), 78, 5))
    assert len(shown) == 5
    assert shown[1].startswith("● s30:4222")
    assert shown[-1].strip() == "and 37 more · s shows all"
    assert len([line for line in texts(server_panel.page_rows(moment_of(stream), 78)) if ":4222" in line]) == 41


def test_servers_that_are_not_kept_are_counted() -> None:
    moment = moment_of(dial_streams.large_pool())
    assert texts(server_panel.page_rows(moment, 78))[-1].strip() == "and 1,000 more, not kept"
    assert texts(server_panel.rows(moment, 78, 50))[-1].strip() == "and 1,000 more, not kept"
    shown = texts(server_panel.rows(moment, 78, 5))
    assert shown[1].startswith("● s30:4222")
    assert shown[-1].strip() == "and 1,037 more, 1,000 of them not kept · s shows the others"
    assert texts(server_panel.rows(moment, 78, 1))[0].startswith("1,040 in the pool, 39 discovered")


def test_identity_is_shown_with_its_expiry() -> None:
    moment = moment_of(dial_streams.secured())
    page = "\n".join(texts(server_panel.page_rows(moment, 78)))
    for words in ("account         ORDERS", "user            alice", "orders.>, hello", "(in 39 days)"):
        assert words in page, words
    first, second = texts(status_panel.rows(moment, 156, 2))
    assert "account ORDERS · user alice" in first
    assert "certificate good until 2025-06-28 (in 12 days)" in second
    narrow = texts(status_panel.rows(moment, 78, 2))[1]
    assert "credentials" not in narrow


def test_identity_of_the_last_connection_is_shown_while_not_connected() -> None:
    for stream, heading in (
        (streams.connected(), "identity"),
        (streams.outage(), "identity on the last connection"),
        (streams.dialing(), "identity"),
    ):
        assert texts(server_panel.page_rows(moment_of(stream), 78))[0].split("─")[0].rstrip() == heading


def test_server_without_a_name_is_shown_by_its_address() -> None:
    stream = Stream().become("CONNECTING").connect("nats://east-1:4222", name="NABC")
    moment = moment_of(stream)
    assert "NABC" not in "".join(texts(status_panel.rows(moment, 116, 2)) + texts(server_panel.page_rows(moment, 78)))
    assert "".join(texts(status_panel.rows(moment, 116, 2))).count("east-1:4222") == 1


@pytest.mark.parametrize(
    ("days", "words"), [(0.1, "credentials end in 2 hours"), (-2.5, "credentials ended 2 days ago")]
)
def test_credentials_that_end_soon_are_shown_on_narrow_screens(days: float, words: str) -> None:
    stream = dial_streams.secured()
    stream.add(ev.Identity(t=stream.t, user="alice", expires=STARTED + days * dial_streams.DAY + stream.t + 1))
    assert words in texts(status_panel.rows(moment_of(stream), 78, 2))[1]


def test_certificate_that_ends_before_the_credentials_is_shown() -> None:
    stream = dial_streams.secured()
    stream.add(ev.DialTls(t=stream.t, dial=stream.dials, chain=[dial_streams.certificate(days=2.5)]))
    assert "  certificate ends in 2 days  9 of 9" in texts(status_panel.rows(moment_of(stream), 78, 2))[1]


@pytest.mark.parametrize(("minutes", "warns"), [(30, False), (50, True)])
def test_credentials_of_an_hour_are_a_warning_in_their_last_minutes(minutes: float, warns: bool) -> None:
    """As those of an auth callout, which the server alone knows."""
    stream = Stream().become("CONNECTING").connect("nats://east-1:4222", name="east-1")
    stream.add(ev.Identity(t=stream.t, user="alice", expires=STARTED + stream.t + 3600))
    shown = texts(status_panel.rows(moment_of(stream, now=stream.t + minutes * 60), 78, 2))[1]
    assert ("credentials end in" in shown) is warns


# -- the cursor -----------------------------------------------------------------------------------


def _state(*servers: str) -> State:
    state = State()
    for number, server in enumerate(servers, 1):
        state.apply(ev.DialStart(t=number, dial=number, attempt=1, pool_pass=1, server=server, reason="initial"))
        state.apply(ev.DialEnd(t=number, dial=number, outcome="failed", stage="tcp", cause="auth_missing"))
    return state


def _ids(listed: list[Dial]) -> list[int]:
    return [dial.id for dial in listed]


def test_mark_begins_with_the_first_move_and_stays_on_its_dial() -> None:
    state = _state(*"abcd")
    dials = records_of(dial_rows, state)
    assert _ids([dials.current()]) == [4]  # type: ignore[list-item]
    assert _ids(in_view(dials, 3)) == [4, 3, 2]
    assert not dials.cursor
    dials.move(1, 3)
    dials.move(1, 3)
    assert (_ids(in_view(dials, 3)), dials.cursor, dials.place(3)) == ([4, 3, 2], 3, 1)
    state.apply(ev.DialStart(t=5, dial=5, attempt=1, pool_pass=1, server="e", reason="initial"))
    dials.attach(state)
    shown = (_ids(in_view(dials, 3)), dials.cursor, dials.place(3))
    assert shown == ([4, 3, 2], 3, 2), "rows do not slip away under the cursor"
    dials.move(9, 3)
    assert (_ids(in_view(dials, 3)), dials.cursor) == ([3, 2, 1], 1)
    assert _ids(in_view(dials, 4)) == [4, 3, 2, 1], "no blank rows below"
    dials.move(-9, 4)
    assert _ids(in_view(dials, 3)) == [5, 4, 3]
    assert dials.unmark()
    assert not dials.unmark()
    assert _ids(in_view(dials, 2)) == [5, 4]


@pytest.mark.parametrize(
    ("needle", "found"), [("B", [2]), ("credentials", [3, 2, 1]), ("failed", [3, 2, 1]), ("dialing", [4]), ("x", [])]
)
def test_dials_are_filtered_by_server_outcome_and_cause(needle: str, found: list[int]) -> None:
    state = _state(*"abc")
    state.apply(ev.DialStart(t=4, dial=4, attempt=1, pool_pass=1, server="d", reason="initial"))
    dials = records_of(dial_rows, state, needle)
    assert _ids(dials.listed) == found
    assert _ids(in_view(dials, 9)) == found
    shown = texts(table_of(dial_rows, Moment(state, 5.0), 78, 9, needle))
    assert len(shown) == 3 + max(1, len(found))
    if not found:
        assert "none of 4 dials contains “x”" in shown[-1]


def test_mark_disappears_with_a_dropped_dial() -> None:
    state = _state(*"abc")
    dials = records_of(dial_rows, state)
    dials.move(0, 9)
    dials.move(2, 9)
    assert dials.place(dials.cursor) == 2
    state.dials.popleft()
    dials.attach(state)
    assert _ids(in_view(dials, 9)) == [3, 2]
    assert dials.place(dials.cursor) is None


def test_mark_stays_in_view_of_a_smaller_window() -> None:
    state = _state(*"abcdef")
    dials = records_of(dial_rows, state)
    dials.move(0, 6)
    dials.move(4, 6)
    assert _ids(in_view(dials, 6)) == [6, 5, 4, 3, 2, 1]
    assert _ids(in_view(dials, 2)) == [3, 2]
    assert _ids(in_view(dials, 4)) == [4, 3, 2, 1]


def test_neighbours_are_those_of_the_filtered_list() -> None:
    state = _state("east", "west", "east")
    dials = records_of(dial_rows, state, "east")
    newest = state.dials[-1]
    assert dials.beside(newest, 1) is state.dials[0]
    assert dials.beside(newest, -1) is None
    assert dials.beside(state.dials[1], 1) is None


@pytest.mark.parametrize("fitting", [-3, 0, 1])
def test_mark_moves_where_no_row_fits(fitting: int) -> None:
    dials = records_of(dial_rows, _state("a"))
    dials.move(0, fitting)
    dials.move(1, fitting)
    dials.toggle(fitting)
    assert (dials.cursor, dials.selected) == (1, {1})
    assert _ids(in_view(dials, fitting)) == [1][: max(0, fitting)]
