"""Messages and what became of them, and how long a PING and an echo took."""

from msgspec.structs import replace

from natsmon.state.known import Known
from natsmon.stream import events as ev

_NOTHING_SAID = ev.Session(t=0.0, id="", started=0.0)


def paused(state: Known, event: ev.Paused) -> None:
    state.paused = True


def resumed(state: Known, event: ev.Resumed) -> None:
    state.paused = False


def blind(state: Known, event: ev.Blind) -> None:
    state.blind = state.blinded = event.why


def published(state: Known, event: ev.Published) -> None:
    """Counted at once; the next tally says the same."""
    counted, said = state.tally, state.session or _NOTHING_SAID
    sent, buffered, rejected = (event.fate == fate for fate in ("sent", "buffered", "rejected"))
    state.tally = replace(
        counted,
        t=event.t,
        attempted=counted.attempted + 1,
        sent=counted.sent + sent,
        buffered=counted.buffered + buffered,
        rejected=counted.rejected + rejected,
        in_flight=counted.in_flight + sent,
        bytes=counted.bytes + (max(0, event.size or said.size) if sent else 0),
    )


def echoed(state: Known, event: ev.Echoed) -> None:
    counted = state.tally
    in_flight = max(0, counted.in_flight - 1)
    state.tally = replace(
        counted, t=event.t, echoed=counted.echoed + counted.in_flight - in_flight, in_flight=in_flight
    )
    state.echoes.record(state.now, event.latency)
    state.latency_at = state.now


def tally(state: Known, event: ev.Tally) -> None:
    state.tally = event
    if event.latency is not None:
        state.told_latency = event.latency
        state.latency_at = state.now
    if event.latencies:
        state.echoes.add(state.now, event.latencies, event.latency[3] if event.latency is not None else None)
        state.latency_at = state.now


def observed(state: Known, event: ev.Observed) -> None:
    state.observed = event


def read_back(state: Known, event: ev.ReadBack) -> None:
    state.read_back = event


def rtt(state: Known, event: ev.Rtt) -> None:
    seconds = max(0.0, event.seconds)
    state.rtts.append((state.now, seconds))
    state.pings.record(state.now, seconds)
    if event.omitted > 0:
        state.pings.correct(state.now, seconds, event.omitted, state.ping_interval)
