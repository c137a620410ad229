"""One dial that fails, and everything that was emitted of it."""

from typing import Any

from natsmon.config.settings import Server, Settings
from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.wording.cause_table import diagnose
from natsmon.wording.narration import narrate
from tests.harness.listening import Events, listening, settings


class Failure:
    """The end of the only dial of a run that gave up after it."""

    def __init__(self, events: Events) -> None:
        self.events = events
        (self.end,) = events.of(ev.DialEnd)
        tracks = Tracks(narrate)
        for event in events.seen:
            tracks.apply(event)
        self.lines = [line.text for line in tracks.first.log]
        self.state = tracks.first.state

    @property
    def where(self) -> tuple[str | None, str]:
        return self.end.stage, self.end.cause

    @property
    def text(self) -> str:
        return self.end.text

    @property
    def finding(self) -> ev.DialFinding | None:
        """What a second look showed."""
        return self.state.dials[-1].finding

    @property
    def certificate(self) -> ev.Certificate:
        """The one that was refused."""
        (tls,) = self.events.of(ev.DialTls)
        assert not tls.trusted
        return tls.chain[0]

    def logs(self, *words: str) -> bool:
        """Whether one line has all these words in it."""
        return any(all(word in line for word in words) for line in self.lines)


def once(server: str | Server, **changes: Any) -> Settings:
    """Dial, and give up if that fails."""
    return settings(server, retry_on_failed_connect=False, **changes)


async def failure(wanted: Settings) -> Failure:
    """Dial once, in vain. Whatever the cause, there is a sentence and, in the log, a line for it."""
    async with listening(wanted, stay=False) as run:
        await run.ended()
    failed = Failure(run.events)
    assert failed.end.outcome in ("failed", "timeout")
    known = diagnose(failed.end.stage, failed.end.cause)
    assert known.meaning
    assert known != diagnose(None, "unknown"), failed.where
    assert failed.logs("failed in" if failed.end.outcome == "failed" else "timed out in", known.advice)
    return failed
