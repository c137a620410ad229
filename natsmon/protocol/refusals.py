"""Which subscription or request a server's refusal is about."""

import ast
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def quoted_subject(text: str) -> str:
    """The subject that an error quotes, as Go's ``%q`` does: with ``\\"``, ``\\\\`` and ``\\u200b``; empty for none."""
    found = _QUOTED.search(text)
    if found is None:
        return ""
    try:
        return str(ast.literal_eval(found[0]))  # the same escapes as in Python
    except (SyntaxError, ValueError):
        return found[0][1:-1]


@dataclass(eq=False)
class Subscription:
    """A SUB, or the requests of one inbox: what a server may refuse."""

    subject: str
    refused: Callable[[str], None] | None = None
    """Called with the server's error instead of ``ServerConnection.on_error``."""
    requests: set[str] = field(default_factory=set)
    """Subjects published to with this inbox as reply; a refusal of them is the inbox's."""
    sid: int = 0
    """Its number, once it is written."""


class Refusals:
    """Matches ``-ERR`` with subscriptions, by the subject it names, or by the order of sending."""

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []
        """Those that a server may refuse, now or later; a SUB without a callback only until its PONG."""
        self.on_publish_refused: dict[str, Callable[[], None]] = {}
        """By subject: called for each refused message."""
        self._unconfirmed: deque[Subscription] = deque()
        """SUBs without a PONG behind them, in order."""

    def add(self, subscription: Subscription) -> None:
        """A SUB is written; a PING follows it."""
        self.subscriptions.append(subscription)
        self._unconfirmed.append(subscription)

    def confirm(self, subscription: Subscription) -> bool:
        """The PONG behind a SUB arrived; False when the server has refused it."""
        if subscription not in self._unconfirmed:
            return False
        self._unconfirmed.remove(subscription)
        return True

    def remove(self, subscription: Subscription) -> None:
        """No refusal of it follows, or it is for the user."""
        self.subscriptions.remove(subscription)

    def handle(self, text: str, shown: str) -> bool:
        """Call the callback for this error with ``shown``, that without our secrets; False if it is the user's."""
        subject = quoted_subject(text)
        if "subscription" in text.lower():
            return self._handle_subscription(subject, shown)
        if (publish_refused := self.on_publish_refused.get(subject)) is not None:
            publish_refused()
            return False
        asking = [each for each in self.subscriptions if each.requests and subject in (each.subject, *each.requests)]
        for each in asking:
            assert each.refused is not None
            each.refused(shown)
        return bool(asking)

    def _handle_subscription(self, subject: str, text: str) -> bool:
        named = [each for each in self.subscriptions if each.subject == subject]
        # "Maximum subscriptions exceeded" names none: the server answers in the order of the SUBs.
        refused = named if subject else list(self._unconfirmed)[:1]
        for each in refused:
            self.confirm(each)
            if each.refused is not None:
                each.refused(text)
        return any(each.refused is not None for each in refused)
