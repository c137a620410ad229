"""What is known of one connection: a pure fold of events.

``State.apply(event)`` is the only way anything on a screen changes. It does no I/O and reads no clock, so
the dashboard, the log, a report and a replay at any speed agree by construction. Times are the stream's
own, seconds since the session began; ``now`` arguments are on the same clock.
"""

from natsmon.state.fold import State
from natsmon.state.known import CONNECTIONS_KEPT, DIALS_KEPT, DISCOVERED_KEPT, OUTAGES_KEPT, RTTS_KEPT, STRETCHES_KEPT
from natsmon.state.records import AddressTry, ConnectionRecord, Dial, OutageRecord, StageRecord, Stretch

__all__ = [
    "CONNECTIONS_KEPT",
    "DIALS_KEPT",
    "DISCOVERED_KEPT",
    "OUTAGES_KEPT",
    "RTTS_KEPT",
    "STRETCHES_KEPT",
    "AddressTry",
    "ConnectionRecord",
    "Dial",
    "OutageRecord",
    "StageRecord",
    "State",
    "Stretch",
]
