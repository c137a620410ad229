"""What is known of each connection: a pure fold of events.

``Tracks`` is the one reader of a stream; each of its Tracks has the State of one connection and its narrated log.
"""

from natsmon.state.limits import FULL, SMALL, Limits
from natsmon.state.log import LogLines
from natsmon.state.records import ConnectedPeriod, Dial, DialPart, OutageRecord, Stretch
from natsmon.state.session_record import SessionRecord
from natsmon.state.state import State
from natsmon.state.tracks import Track, Tracks

__all__ = [
    "FULL",
    "SMALL",
    "ConnectedPeriod",
    "Dial",
    "DialPart",
    "Limits",
    "LogLines",
    "OutageRecord",
    "SessionRecord",
    "State",
    "Stretch",
    "Track",
    "Tracks",
]
