"""An outage in a few words: its cause, and its cost with the figures first."""

from natsmon.state import OutageRecord
from natsmon.tui.model.cause_words import cause_words
from natsmon.tui.model.moment import Moment


def outage_cause(outage: OutageRecord) -> str:
    """Why the connection was lost."""
    return "manual reconnect" if outage.manual else cause_words(outage.cause)


def outage_cost(outage: OutageRecord, moment: Moment) -> str:
    """What became of the messages: ``2 lost, 1 buffered``."""
    if not outage.settled:
        so_far = outage.ended is None and not moment.over
        return f"{moment.state.tally.buffered:,} buffered so far" if so_far else "not known yet"
    lost = "losses not known" if outage.lost_if_known is None else f"{outage.lost:,} lost"
    others = (
        (outage.rejected, "rejected"),
        (outage.buffered, "buffered"),
        (outage.duplicate, "duplicate"),
        (outage.unverified, "unverified"),
    )
    return ", ".join([lost, *(f"{count:,} {word}" for count, word in others if count)])


def costly(outage: OutageRecord) -> bool:
    """Whether messages were lost or rejected."""
    return bool(outage.lost or outage.rejected)
