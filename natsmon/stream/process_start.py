"""Start-up of a process: the cyclic garbage collector waits until the program is loaded."""

import gc
import threading

_START_SECONDS = 1.5
"""Longer than a dashboard takes to its first screen."""


def defer_gc() -> None:
    """Disable the cyclic collector now; freeze what start-up made and enable the collector after 1.5 s.

    Start-up makes some 200,000 objects that stay for good. Collections during it cost a quarter of the time to the
    first screen, and later ones would pause the probe to examine these objects again.
    """
    gc.disable()
    timer = threading.Timer(_START_SECONDS, _enable_gc)
    timer.daemon = True
    timer.start()


def _enable_gc() -> None:
    gc.freeze()
    gc.enable()
