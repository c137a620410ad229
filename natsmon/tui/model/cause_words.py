"""A cause in words for the screen: codes are for machines."""

from natsmon.stream.events import Stage


def cause_words(cause: str, stage: Stage | None = None) -> str:
    """What happened, in a few words; empty without a cause."""
    if not cause:
        return ""
    from natsmon.wording.cause_table import diagnose  # nothing has failed before the first paint, which this delays

    return "manual reconnect" if cause == "manual" else diagnose(stage, cause).phrase
