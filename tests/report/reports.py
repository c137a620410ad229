"""Reports of fixed streams, one of them with harm in every text."""

from collections.abc import Iterable

from natsmon.report import compare, sessions
from natsmon.report.facts import Report, Unread
from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.stream.codec import decode_event
from tests.tui.streams import Stream

EVIL = (
    "<script>alert(1)</script>|**b** `c` [x](https://evil.example) ![i](http://e/i) @user #12 www.evil.example"
    "\x1b[31m\x07\n# h\u202e\"'&amp;$x$ ~~s~~ -->"
)


def report_of(*streams_: Iterable[ev.AnyEvent], unread: Iterable[Unread] = ()) -> Report:
    runs = [run for number, events in enumerate(streams_) for run in sessions.runs(events, f"{number}.jsonl")[0]]
    labelled = compare.labelled(runs)
    return Report(labelled, compare.compared(labelled), tuple(unread), "0.1.0")


def known_after(events: Iterable[ev.AnyEvent]) -> list[ev.AnyEvent]:
    """The snapshot after these events, as a recording begins with it."""
    tracks = Tracks()
    for event in events:
        tracks.apply(event)
    decoded = map(decode_event, tracks.snapshot().splitlines())
    return [event for event in decoded if event is not None]


def evil() -> Stream:
    """As ``streams.hostile``, with what would act in Markdown and HTML, in every text there is."""
    stream = Stream(servers=[EVIL], name=EVIL).become("CONNECTING", EVIL)
    stream.start_dial(EVIL).stage("dns").stage("tcp", 0.001, "failed")
    stream.end_dial("failed", "tcp", EVIL, EVIL).connect(EVIL, name=EVIL).run(3)
    stream.add(ev.AsyncError(t=stream.t, text=EVIL)).add(ev.LameDuck(t=stream.t, server=EVIL))
    stream.add(ev.Unverified(t=stream.t, reason=EVIL))
    began = stream.t
    stream.add(ev.Disconnected(t=stream.t, outage=1, cause=EVIL, text=EVIL, server=EVIL, reason=EVIL))
    stream.become("RECONNECTING", EVIL).refused(EVIL, "reconnect").wait(1.0).connect(EVIL, "reconnect", EVIL)
    stream.add(
        ev.Outage(
            t=stream.t,
            outage=1,
            began=began,
            ended=stream.t,
            cause=EVIL,
            text=EVIL,
            before=EVIL,
            after="other",
            dials=2,
        )
    )
    stream.add(ev.Audit(t=stream.t, stream=EVIL, acknowledged=3, stored=2, missing=1, text=EVIL))
    return stream.add(ev.End(t=stream.t, exit_code=1, reason=EVIL))
