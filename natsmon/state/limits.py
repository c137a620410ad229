"""How much a ``Track`` keeps: everything a screen can show of one connection, or little of each of many."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Entries kept of each kind; the oldest are dropped."""

    dials: int = 250
    dial_details: int = 100
    """Dials whose INFO, CONNECT and certificates are kept."""
    outages: int = 1_000
    periods: int = 1_000
    rtts: int = 3_600
    stretches: int = 2_000
    servers: int = 1_000
    """Of the pool."""
    errors: int = 100
    """Different asynchronous errors that are counted."""
    bins: int = 720
    """Latency bins of five seconds: an hour."""
    slices: int = 0
    """Latency slices of the whole run, which get wider as it gets longer; 0 for none."""
    log: int = 5_000
    messages: int = 1_000
    """Log lines about single messages."""


FULL = Limits()
SMALL = Limits(
    dials=8,
    dial_details=1,
    outages=16,
    periods=16,
    rtts=60,
    stretches=60,
    servers=16,
    errors=8,
    bins=24,
    log=40,
    messages=10,
)
"""At most 60 KB a Track, for more than 16 connections."""
FULL_UP_TO = 16
"""Connections with full limits."""
NO_DATA_AFTER = 3.0
"""Seconds without an event after which a view's data is old: a probe emits at least one a second."""
SNAPSHOT = Limits(log=500, messages=100)
"""What a recording's snapshot holds of the log."""
