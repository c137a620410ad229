"""The pages of the outages and of an upgrade, driven by keys and clicks."""

from unittest import mock

from msgspec.structs import replace

from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.tui.widgets.panel import Panel
from tests.tui import outage_streams, streams
from tests.tui.drawn import text_on
from tests.tui.driven import Driven, driven
from tests.tui.pages import bar_of, on_top, page_of, title_of
from tests.tui.streams import Stream


def table_of(drive: Driven) -> str:
    return text_on(drive.app.screen.query_one("#outages-table", Panel))


def heading_of(drive: Driven) -> str:
    return str(drive.app.screen.query_one("#outages-table", Panel).border_title)


async def test_o_lists_the_outages_and_enter_opens_one() -> None:
    async with driven(streams.outage(), size=(80, 24)) as drive:
        await drive.press("o")
        assert on_top(drive) == "outages"
        assert heading_of(drive) == "outages"
        await drive.press("down", "down")
        assert heading_of(drive) == "outages · 2 of 2"
        assert next(line for line in table_of(drive).splitlines() if "▸" in line).split()[1] == "15:08:00"
        await drive.press("enter")
        assert on_top(drive) == "outage"
        assert title_of(drive).startswith("outage at 15:08:00 · 2 of 2")
        assert "✓ back after 2.07 s" in page_of(drive)
        await drive.press("escape")
        assert on_top(drive) == "outages"
        assert heading_of(drive).startswith("outages · 2 of 2"), "the mark is where it was"
        await drive.press("escape", "escape")
        assert on_top(drive) == "dashboard"


async def test_losses_are_not_known_where_delivery_was_not_verified() -> None:
    stream = streams.connected()
    stream.add(ev.Unverified(t=stream.t, reason="may not subscribe"))
    began = stream.t
    stream.lose("eof", "closed by the server").run(1).connect("east-2:4222", "reconnect").run(1)
    stream.add(ev.Outage(t=stream.t, outage=1, began=began, ended=stream.t - 1, cause="eof", buffered=3))
    async with driven(stream) as drive:
        await drive.press("o")
        assert "losses not known" in table_of(drive)
        await drive.press("enter")
        assert "losses not known, 3 buffered" in page_of(drive)
        assert "not known: delivery was not verified" in page_of(drive)


async def test_left_and_right_open_the_neighbouring_outages() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o", "down", "enter")
        assert title_of(drive).startswith("outage at 15:08:42 · 1 of 2")
        await drive.press("right")
        assert "there is no outage after this one yet" in bar_of(drive)
        await drive.press("left")
        assert title_of(drive).startswith("outage at 15:08:00 · 2 of 2")
        await drive.press("left")
        assert "there is no outage before this one" in bar_of(drive)
        await drive.press("escape")
        assert heading_of(drive).startswith("outages · 2 of 2"), "the mark moved along"


async def test_outages_are_filtered() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o", "slash", *"closed")
        assert heading_of(drive).startswith("outages · “closed” 1 of 2")
        assert "PINGs" not in table_of(drive)
        await drive.press("enter", "enter")
        assert title_of(drive).startswith("outage at 15:08:00 · 1 of 1")
        await drive.press("escape", "escape")
        assert on_top(drive) == "outages", "the filter goes first"
        assert "PINGs" in table_of(drive)
        await drive.press("slash", "z", "z")
        assert "none of 2 outages contains “zz”" in table_of(drive)
        await drive.press("escape")
        assert heading_of(drive) == "outages"
        await drive.press("escape")
        assert on_top(drive) == "dashboard"
        assert drive.source.sent_commands == []


async def test_click_opens_the_outage_it_is_on() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o")
        line = next(n for n, text in enumerate(table_of(drive).splitlines()) if "15:08:00" in text)
        await drive.pilot.click("#outages-table", offset=(30, line + 1))
        await drive.settle()
        assert title_of(drive).startswith("outage at 15:08:00")


async def test_click_on_the_dashboard_opens_the_outage_or_the_page_of_all() -> None:
    async with driven(streams.outage()) as drive:
        lines = drive.shown("outages").splitlines()
        line = next(n for n, text in enumerate(lines) if "15:08:00" in text)
        await drive.pilot.click("#outages", offset=(30, line + 1))
        await drive.settle()
        assert title_of(drive).startswith("outage at 15:08:00")
        await drive.press("escape")
        await drive.pilot.click("#outages", offset=(30, 1))
        await drive.settle()
        assert on_top(drive) == "outages"


async def test_enter_opens_nothing_without_an_outage() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("o", "enter")
        assert on_top(drive) == "outages"
        assert "no outage yet" in table_of(drive)


async def test_outage_under_way_is_followed_to_its_end() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o", "enter")
        assert "◑ still out after 1.40 s" in page_of(drive)
        await drive.tick(1)
        assert "◑ still out after 2.40 s" in page_of(drive)
        t = drive.source.t
        await drive.emit(
            ev.StatusChanged(t=t, status="CONNECTED", previous="RECONNECTING"),
            ev.Connected(t=t, server="east-1:4222", server_name="east-1"),
            ev.Subscribed(t=t, subject="hello"),
        )
        assert "✓ back after 2.40 s" in page_of(drive)
        assert "resubscribed" in page_of(drive)
        assert "first echo" not in page_of(drive)
        await drive.emit(ev.FirstEcho(t=t + 0.5, seq=1))
        assert "first echo" in page_of(drive)
        await drive.press("escape")
        assert "2.40 s" in table_of(drive), "the table is up to date as soon as it is seen"


async def test_later_account_of_an_outage_appears_on_its_page_at_once() -> None:
    stream = outage_streams.frozen()
    settled = next(event for event in stream.events if isinstance(event, ev.Outage))
    async with driven(stream) as drive:
        await drive.press("o", "enter")
        for outcomes, words in (
            ({"late": 3}, "3, in flight at the loss, delivered after it"),
            ({"late": 3, "duplicate": 7}, "7 duplicate"),
            ({"late": 3, "duplicate": 7, "unverified": 5}, "5, in flight at the loss"),
        ):
            await drive.emit(replace(settled, t=drive.source.t, **outcomes))
            assert words in page_of(drive)
            assert "delivered after all" not in page_of(drive), "none was counted as lost"
        await drive.emit(replace(settled, t=drive.source.t, lost=1, lost_seqs=[(59, 59)]))
        assert "a message counted as lost was delivered after all" in page_of(drive)


async def test_upgrade_page_shows_moves_as_they_happen() -> None:
    async with driven(outage_streams.upgrade()) as drive:
        await drive.press("u")
        assert on_top(drive) == "upgrade"
        assert "lame duck notice of east-3" in page_of(drive)
        t = drive.source.t + 6
        await drive.emit(
            ev.Disconnected(t=t, outage=3, cause="lame_duck", server="nats://east-3:4222"),
            ev.StatusChanged(t=t, status="RECONNECTING", previous="CONNECTED", cause="lame_duck"),
            ev.StatusChanged(t=t + 0.02, status="CONNECTED", previous="RECONNECTING"),
            ev.Connected(t=t + 0.02, server="nats://east-1:4222", server_name="east-1"),
        )
        assert "disconnected +10.0 s → east-1 +20.0 ms" in page_of(drive)
        assert "● east-1" in page_of(drive)
        await drive.press("escape")
        assert on_top(drive) == "dashboard"


async def test_commands_are_sent_from_the_pages() -> None:
    async with driven(outage_streams.frozen()) as drive:
        await drive.press("o", "p")
        await drive.press("escape", "u", "d", "d")
        assert drive.source.sent_commands == [commands.Pause(), commands.Drain()]


async def test_nothing_is_painted_when_nothing_changed() -> None:
    async with driven(outage_streams.frozen()) as drive:
        for keys in (("o",), ("enter",), ("u",)):
            await drive.press(*keys)
            with mock.patch.object(Panel, "refresh") as painted:
                for _ in range(20):
                    drive.app.viewed.revision += 1
                    drive.app.draw()
            assert not painted.called, keys


async def test_palette_opens_every_page() -> None:
    async with driven(outage_streams.frozen()) as drive:
        commands = {command.title: command.callback for command in drive.app.get_system_commands(drive.app.screen)}
        await commands["Outages (o)"]()
        await drive.settle()
        assert on_top(drive) == "outages"
        await drive.press("escape")
        await commands["Rolling upgrade (u)"]()
        await drive.settle()
        assert on_top(drive) == "upgrade"


async def test_hostile_text_is_escaped_on_the_pages() -> None:
    async with driven(outage_streams.hostile_outage(), size=(80, 24)) as drive:
        await drive.press("o", "enter", "end")
        assert "\x1b" not in page_of(drive)
        await drive.press("escape", "escape", "u", "end", "escape")
        assert on_top(drive) == "dashboard"


async def test_moves_are_drawn_with_times_outside_the_calendar() -> None:
    east = outage_streams.CLUSTER[0]
    stream = Stream(servers=[east]).become("CONNECTING", "initial").connect(east).run(3).start_dial(east)
    stream.add(ev.DialEnd(t=stream.t, dial=stream.dials, outcome="failed", stage="tcp", cause="refused", total=1e308))
    stream.add(ev.Silent(t=stream.t, since=-1e308, server=east))
    async with driven(stream) as drive:
        await drive.press("u")
        lane = next(line for line in page_of(drive).splitlines() if "▃▃" in line)
        assert "east-1" in lane, lane
        await drive.emit(ev.Disconnected(t=stream.t, outage=1, cause="stale", server=east))
        assert on_top(drive) == "upgrade"
