"""The ways to hurt the node natsmon is on. Each begins connected and ends there, on an event, never on a sleep.

A cycle is over when natsmon has received a message it published on its new connection, and the cluster is whole
again; every other one only when natsmon has emitted the cost of the outage, so that the next one strikes now before
what was stranded is decided, now after.
"""

from collections.abc import Callable
from dataclasses import dataclass

from natsmon.stream import events as ev
from tests.harness.polling import wait_until
from tests.soak.claims import WITHIN, Claims
from tests.soak.cluster import Witnessed, WitnessedCluster

STALE_AFTER = 0.1
"""The interval of natsmon's PINGs, two of which may have no answer."""
_SHORT = 15
"""Messages natsmon misses in a stop that it should survive."""


@dataclass
class Situation:
    cluster: WitnessedCluster
    claims: Claims
    node: Witnessed
    """The one natsmon was on as the cycle began."""

    @property
    def survived(self) -> bool:
        """natsmon is on that node still."""
        return self.cluster.behind(self.claims.server) is self.node

    def until_settled(self) -> None:
        """The node has read all that natsmon sent it on a connection that has ended."""
        wait_until(
            lambda: self.node.relay.connections == (1 if self.survived else 0),
            f"end of what natsmon left on {self.node.server}",
            WITHIN,
        )


def kill(situation: Situation, number: int) -> None:
    situation.node.server.kill()
    _back(situation, number)
    situation.node.server.start()


def stop(situation: Situation, number: int) -> None:
    """In turn for a moment, which natsmon should survive; until it has given it up; until it has emitted the cost.

    What the node has yet to read is late, or is to be called lost no more, when it goes on.
    """
    server, claims = situation.node.server, situation.claims
    server.stop()
    if number % 3:
        _back(situation, number % 3 - 1)
        server.cont()
    else:
        claims.wait_for(lambda: claims.tally.in_flight >= _SHORT or not situation.survived, f"{_SHORT} in flight")
        server.cont()
        claims.until_echo(situation.cluster.youngest)
    situation.until_settled()


def lame(situation: Situation, number: int) -> None:
    situation.node.server.lame_duck()
    _back(situation, number)
    wait_until(lambda: not situation.node.server.running, f"end of {situation.node.server}", WITHIN)
    situation.node.server.start()


def reset(situation: Situation, number: int) -> None:
    situation.node.relay.reset()
    _back(situation, number)


def cut(situation: Situation, number: int) -> None:
    """A pulled cable, and a firewall that has forgotten the connection when it is plugged in again."""
    situation.node.relay.cut()
    _back(situation, number)
    situation.node.relay.heal()


def hold(situation: Situation, number: int) -> None:
    """A pulled cable, plugged in again before TCP gave up: what was sent arrives late."""
    situation.node.relay.stall()
    _back(situation, number)
    situation.node.relay.heal()
    situation.until_settled()


def tear(situation: Situation, number: int) -> None:
    """A connection that ends within a message: after some byte of the next few of them."""
    situation.node.relay.reset_after(1 + number * 37 % 400)
    _back(situation, number)


KINDS: dict[str, Callable[[Situation, int], None]] = {
    "kill": kill,
    "stop": stop,
    "lame": lame,
    "reset": reset,
    "cut": cut,
    "hold": hold,
    "tear": tear,
}
PROMISED = {"kill": 200, "stop": 100, "lame": 100, "reset": 100, "cut": 100}
"""Cycles of a whole run."""


def _back(situation: Situation, number: int) -> None:
    """natsmon has detected the loss, has dialed another node, and receives there what it publishes."""
    loss = situation.claims.until(ev.Disconnected)
    situation.claims.until(ev.Connected)
    situation.claims.until_echo(situation.cluster.youngest)
    if number % 2:
        situation.claims.until(ev.Outage, lambda outage: outage.began == loss.t)
