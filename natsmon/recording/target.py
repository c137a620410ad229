"""Where to record to."""

import msgspec

KEEP = 10


class Target(msgspec.Struct, frozen=True):
    path: str = ""
    """Empty where nothing is recorded, or not yet."""
    most: int | None = None
    """Bytes of a part; none for one file that grows."""
    keep: int = KEEP
    """Parts kept, the one that is written among them."""
