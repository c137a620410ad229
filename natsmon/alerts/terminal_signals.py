"""Control sequences of a terminal: title, bell, desktop notification. The text in them is made printable."""

from natsmon.text import units
from natsmon.text.plain_text import clip, printable
from natsmon.wording.health import Health

_MARKS = {"ok": "●", "degraded": "▲", "down": "✗"}
_LONGEST = 120

BELL = "\a"
SAVE_TITLE = "\x1b[22;2t"
RESTORE_TITLE = "\x1b[23;2t"


def title(health: Health, name: str, seconds: float) -> str:
    """The sequence that sets the title: ``● natsmon east-1``, ``✗ RECONNECTING 12 s east-1``.

    ``name`` is the server's; the seconds since the status changed are shown while there is no connection.
    """
    word = "natsmon" if health.headline == "CONNECTED" else health.headline
    if health.word in ("CONNECTING", "RECONNECTING"):
        word += f" {max(0, int(seconds))} s" if seconds < 60 else f" {units.elapsed(seconds)}"
    return f"\x1b]2;{_plain(f'{_MARKS[health.level]} {word} {name}')}\a"


def notification(health: Health, name: str) -> str:
    """The sequences of a desktop notification: OSC 9 (iTerm2, Windows Terminal) and OSC 777 (rxvt, foot, VTE)."""
    heading, text = _plain(f"natsmon {name}"), _plain(f"{health.headline} {health.phrase}")
    return f"\x1b]9;{heading}: {text}\a\x1b]777;notify;{heading.replace(';', ',')};{text.replace(';', ',')}\a"


def _plain(text: str) -> str:
    return clip(printable(" ".join(text.split())), _LONGEST)
