"""How much a ``Track`` keeps: everything a screen can show of one connection, or little of each of many."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Entries kept of each kind; the oldest are dropped."""

    dials: int = 250
    dial_details: int = 64 * 1024
    """Bytes of INFO, CONNECT and certificates, as they are in a stream, of the newest dials."""
    outages: int = 500
    lost_seqs: int = 4
    """Outages, the newest, whose lost messages are kept one by one."""
    periods: int = 300
    rtts: int = 600
    stretches: int = 1_000
    servers: int = 500
    """Of the pool."""
    errors: int = 100
    """Different asynchronous errors that are counted."""
    bins: int = 708
    """Latency bins of five seconds before the last minute: an hour with it."""
    slices: int = 0
    """Latency slices of the whole run, which get wider as it gets longer; 0 for none."""
    rate_slice: float = 1.0
    """Seconds of message totals counted together: the last minute is longer by up to so many."""
    log: int = 1_500
    messages: int = 500
    """Log lines about single messages."""


FULL = Limits()
"""At most 2 MB a Track."""
SMALL = Limits(
    dials=4,
    dial_details=1_536,
    outages=8,
    lost_seqs=0,
    periods=8,
    rtts=20,
    stretches=30,
    servers=8,
    errors=4,
    bins=0,
    rate_slice=5.0,
    log=16,
    messages=10,
)
"""At most 60 KB a Track, for more than 16 connections."""
FULL_UP_TO = 16
"""Connections with full limits."""
NO_DATA_AFTER = 3.0
"""Seconds without an event after which a view's data is old: a probe emits at least one a second."""
SNAPSHOT = Limits(log=500, messages=100)
"""What a recording's snapshot holds of the log."""
