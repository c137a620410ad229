"""Names, causes and durations as a report shows them."""

from natsmon.report.facts import Run
from natsmon.state.server_names import address
from natsmon.text import units
from natsmon.text.plain_text import NAME_LIMIT, clip

NONE = "–"


def name(text: str) -> str:
    """A name, shortened to fit a sentence or a column."""
    return clip(text, NAME_LIMIT)


def join(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def server(url: str, run: Run | None = None, named: str = "") -> str:
    """The name that a server had then, else where the run has it, else its address."""
    known = run.names if run is not None else {}
    return name(named or known.get(address(url)) or address(url)) or NONE


def elapsed(seconds: float | None) -> str:
    """A measured duration; a dash without one."""
    return NONE if seconds is None else units.elapsed(seconds)
