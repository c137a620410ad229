"""Why a run ended, in words."""

_REASONS = {
    "asked": "quit by user",
    "signal": "signal",
    "count": "--count reached",
    "duration": "--duration reached",
}


def end_reason(reason: str) -> str:
    """The reason of an ``end`` event in words; a reason without them as it is."""
    return _REASONS.get(reason, reason)
