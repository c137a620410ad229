"""The fold: which function applies which event to a State, the one that is named as the event's ``type``."""

from natsmon.state import fold_connection, fold_dials, fold_messages, fold_outages
from natsmon.stream.codec import by_kind

FOLDS = by_kind(fold_connection, fold_dials, fold_messages, fold_outages)
"""By kind; an event of another kind changes nothing."""
