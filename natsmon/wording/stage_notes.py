"""Explanations of long stages of a dial."""

from natsmon.state import Dial

_FALLBACK_DELAY = 0.05
"""Seconds: nats-server's DEFAULT_TLS_HANDSHAKE_FIRST_FALLBACK_DELAY, with ``handshake_first: auto``."""
_SLACK = 0.03


def info_note(dial: Dial) -> str:
    """Return why INFO took its time; empty for no reason that is known."""
    info, tls, tcp = (dial.stages.get(stage) for stage in ("info", "tls", "tcp"))
    if info is None or tls is None or tls.began < info.began or dial.info is None:
        return ""
    round_trip = tcp.elapsed if tcp is not None else 0.0
    offered = dial.info.info.get("tls_required") or dial.info.info.get("tls_available")
    if offered and _FALLBACK_DELAY <= info.elapsed <= _FALLBACK_DELAY + 2 * round_trip + _SLACK:
        return "waits 50 ms for TLS first (handshake_first: auto); --tlsfirst saves them"
    return ""
