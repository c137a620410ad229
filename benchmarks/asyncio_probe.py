"""A probe on asyncio's own loop, as where uvloop is not installed."""

import sys

from natsmon.probe.child import main as probe


def main() -> int:
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # its import fails from here on
    return probe()
