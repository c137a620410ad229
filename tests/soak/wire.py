"""A witness on the wire: which numbered messages passed a relay whole, which way, on which connection, and when."""

import re
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from natsmon.lab.relayed_connection import Direction

PAYLOAD = b"soak"
_MESSAGE = re.compile(rb"Natsmon-Seq: (\d+)\r\n\r\n" + PAYLOAD + rb"\r\n")
_LONGEST = 256
"""Bytes that a message takes at most, from its verb on."""


class Passage(NamedTuple):
    seq: int
    at: float
    """By ``time.monotonic()``."""
    node: int
    connection: tuple[int, int]
    """The node, and the relay's number of the connection."""


class Wire:
    """The tap of one node's relay, which calls it on its own thread."""

    def __init__(self, node: int) -> None:
        self.sent: list[Passage] = []
        """To the server."""
        self.returned: list[Passage] = []
        """To natsmon."""
        self.youngest = 0
        """The highest number sent; what is sent again comes behind it."""
        self.ended: dict[tuple[int, int], float] = {}
        """When natsmon ended it, or it was reset."""
        self._node = node
        self._rest: dict[tuple[int, Direction], bytes] = {}

    def __call__(self, number: int, way: Direction, data: bytes) -> None:
        now = time.monotonic()
        connection = (self._node, number)
        if not data and way == "up":
            self.ended[connection] = now
        if way == "down" and connection in self.ended:
            return  # natsmon has gone; what it sent before, the server may still read
        data = self._rest.get((number, way), b"") + data
        noted = self.sent if way == "up" else self.returned
        end = 0
        for message in _MESSAGE.finditer(data):
            seq = int(message[1])
            noted.append(Passage(seq, now, self._node, connection))
            if way == "up":
                self.youngest = max(self.youngest, seq)
            end = message.end()
        self._rest[number, way] = data[end:][-_LONGEST:]


def by_number(passages: Iterable[Passage]) -> dict[int, list[Passage]]:
    """Every passage of each number, in the order in which they were."""
    found: dict[int, list[Passage]] = defaultdict(list)
    for passage in sorted(passages, key=lambda passage: passage.at):
        found[passage.seq].append(passage)
    return dict(found)
