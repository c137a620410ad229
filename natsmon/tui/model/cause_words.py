"""A cause in words, as codes are for machines; and an outage in a few: its cause, and its cost, figures first."""

from natsmon.state import OutageRecord
from natsmon.stream.events import Stage
from natsmon.text import units
from natsmon.tui.model.moment import Moment


def cause_words(cause: str, stage: Stage | None = None) -> str:
    """What happened, in a few words; empty without a cause."""
    if not cause:
        return ""
    from natsmon.wording.cause_table import diagnose  # nothing has failed before the first paint, which this delays

    return diagnose(stage, cause).phrase


def outage_cost(outage: OutageRecord, moment: Moment) -> str:
    """What became of the messages: ``2 lost, 1 buffered``."""
    if not outage.settled:
        so_far = outage.ended is None and not moment.over
        return f"{moment.state.tally.buffered:,} buffered so far" if so_far else "not known yet"
    others = ("rejected", "buffered", "duplicate", "unverified")
    return ", ".join([losses(outage), *units.counts(*((getattr(outage, word), word) for word in others))])


def losses(outage: OutageRecord) -> str:
    """How many messages a settled outage lost, where that is known."""
    return "losses not known" if outage.lost_if_known is None else f"{outage.lost:,} lost"


def costly(outage: OutageRecord) -> bool:
    return bool(outage.lost or outage.rejected)
