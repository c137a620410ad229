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
class Scene:
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


def kill(scene: Scene, number: int) -> None:
    scene.node.server.kill()
    _back(scene, number)
    scene.node.server.start()


def stop(scene: Scene, number: int) -> None:
    """In turn for a moment, which natsmon should survive; until it has given it up; until it has emitted the cost.

    What the node has yet to read is late, or is to be called lost no more, when it goes on.
    """
    server, claims = scene.node.server, scene.claims
    server.stop()
    if number % 3:
        _back(scene, number % 3 - 1)
        server.cont()
    else:
        claims.wait_for(lambda: claims.tally.in_flight >= _SHORT or not scene.survived, f"{_SHORT} in flight")
        server.cont()
        claims.until_echo(scene.cluster.youngest)
    scene.until_settled()


def lame(scene: Scene, number: int) -> None:
    scene.node.server.lame_duck()
    _back(scene, number)
    wait_until(lambda: not scene.node.server.running, f"end of {scene.node.server}", WITHIN)
    scene.node.server.start()


def reset(scene: Scene, number: int) -> None:
    scene.node.relay.reset()
    _back(scene, number)


def cut(scene: Scene, number: int) -> None:
    """A pulled cable, and a firewall that has forgotten the connection when it is plugged in again."""
    scene.node.relay.cut()
    _back(scene, number)
    scene.node.relay.heal()


def hold(scene: Scene, number: int) -> None:
    """A pulled cable, plugged in again before TCP gave up: what was sent arrives late."""
    scene.node.relay.stall()
    _back(scene, number)
    scene.node.relay.heal()
    scene.until_settled()


def tear(scene: Scene, number: int) -> None:
    """A connection that ends within a message: after some byte of the next few of them."""
    scene.node.relay.reset_after(1 + number * 37 % 400)
    _back(scene, number)


KINDS: dict[str, Callable[[Scene, int], None]] = {
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


def _back(scene: Scene, number: int) -> None:
    """natsmon has noticed, has dialed another node, and hears there what it publishes."""
    loss = scene.claims.until(ev.Disconnected)
    scene.claims.until(ev.Connected)
    scene.claims.until_echo(scene.cluster.youngest)
    if number % 2:
        scene.claims.until(ev.Outage, lambda outage: outage.began == loss.t)
