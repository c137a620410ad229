"""Where to record to."""

import msgspec


class Target(msgspec.Struct, frozen=True):
    """A recording that is wanted."""

    path: str = ""
    """Empty when nothing is recorded, or not yet."""
    part_size: int | None = None
    """Bytes of a part, without its snapshot; None for one file that grows."""
    keep: int = 10
    """Parts kept, the one that is written among them."""
