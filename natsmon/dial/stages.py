"""The stages of a dial, in their order. A file of its own, so that a dialer needs nothing else to name them."""

from typing import Literal

Stage = Literal["dns", "tcp", "tls", "info", "connect"]
STAGES: tuple[Stage, ...] = ("dns", "tcp", "tls", "info", "connect")
"""In wire order; ``tls`` comes after ``info`` instead when it was INFO that asked for it.

``info`` lasts from the open stream to the server's INFO; over WebSocket the upgrade is part of it.
"""
