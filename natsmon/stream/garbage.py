"""Garbage is not collected while the program starts: a start makes little of it, and much that stays."""

import gc


def leave() -> None:
    gc.disable()


def collect() -> None:
    """From now on. What the start has made is there for good, so the collector need never walk it."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
