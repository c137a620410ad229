"""Keymaps of the user, and the table of keys that they change."""

from natsmon.config.settings import ViewSettings
from natsmon.stream import commands
from natsmon.tui.model.key_table import KEYS, REPLAY_KEYS, keymap_problems
from tests.tui import streams
from tests.tui.driven import driven


async def test_stopped_monitor_names_the_key_of_the_keymap() -> None:
    async with driven(streams.connected(), ends=True, view=ViewSettings(keymap={"reconnect": "f5"})) as drive:
        assert "killed by SIGKILL; f5 starts it again" in drive.shown("status")


def test_no_key_has_two_actions() -> None:
    assert keymap_problems({}) == {}
    assert keymap_problems({}, REPLAY_KEYS) == {}
    for table in (KEYS, REPLAY_KEYS):
        assert keymap_problems({key.id: key.keys for key in table}, table) == {}


def test_keymap_with_a_conflict_or_an_unknown_action_is_reported() -> None:
    assert keymap_problems({"cancel": "r", "nothing": "k", "pause": "ctrl-p", "open": "f2,ctrl+o,full_stop"}) == {
        "nothing": "nothing is not an action",
        "cancel": "r is bound to cancel and to reconnect",
        "pause": "pause: ctrl-p is not a key",
    }


def test_keymap_may_have_keys_of_a_replay_and_of_records() -> None:
    for table in (KEYS, REPLAY_KEYS):
        assert keymap_problems({"play": "P", "older": "h"}, table) == {}


async def test_key_is_rebound_by_its_id() -> None:
    async with driven(streams.dialing(), view=ViewSettings(keymap={"cancel": "ctrl+k", "up": "i"})) as drive:
        assert "ctrl+k cancel" in drive.shown("keybar")
        await drive.press("c")
        assert drive.source.sent_commands == []
        await drive.press("ctrl+k")
        assert drive.source.sent_commands == [commands.Cancel()]


async def test_conflict_of_the_keymap_is_shown() -> None:
    async with driven(streams.dialing(), view=ViewSettings(keymap={"cancel": "r", "jump": "J"})) as drive:
        assert "keymap: jump is not an action; r is bound to cancel and to reconnect" in drive.shown("events")
