"""The faults of the chaos test: each changes the network or the server, and states what natsmon must show."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Literal

from natsmon.lab.nats_server import NatsServer
from natsmon.lab.relay import Relay
from tests.chaos.hostile_server import AFTER, BEFORE, SILENT, Behaviour, HostileServer
from tests.chaos.machine import Clock, Resolver, take_loopback_down

Truth = Literal["any", "not connected", "silent"]
"""While the fault lasts: anything, not CONNECTED, or after the detection time no longer CONNECTED without a notice."""


@dataclass
class Network:
    """What natsmon connects to, and what can be done to it."""

    relay: Relay
    server: NatsServer
    hostile: HostileServer
    resolver: Resolver
    clock: Clock | None
    """None where the wall clock cannot be changed."""

    def heal(self) -> None:
        """The real server is reachable, and nothing is left of a fault. A clock stays where it is."""
        self.resolver.close()
        if self.server.running:
            self.server.cont()
        else:
            self.server.start()
        if self.relay.target != self.server.port:
            self.relay.target = self.server.port
            self.relay.reset()
        self.relay.heal()


@dataclass(frozen=True)
class Fault:
    name: str
    truth: Truth
    apply: Callable[[Network, Random], None]


def _refuse(network: Network, _: Random) -> None:
    network.relay.refuse()
    network.relay.reset()


def _accept_silently(network: Network, _: Random) -> None:
    network.relay.accept_silently()
    network.relay.reset()


def _kill(network: Network, _: Random) -> None:
    network.server.kill()
    network.relay.refuse()


def _restart(network: Network, _: Random) -> None:
    network.server.restart()


def _hostile(behaviour: Behaviour, network: Network, _: Random) -> None:
    network.hostile.behaviour = behaviour
    network.relay.target = network.hostile.port
    network.relay.reset()


def _silent_resolver(network: Network, _: Random) -> None:
    network.resolver.stay_silent()
    network.relay.reset()


def _clock_jump(network: Network, random: Random) -> None:
    assert network.clock is not None
    network.clock.jump(random)


FAULTS: tuple[Fault, ...] = (
    Fault("refuse", "not connected", _refuse),
    Fault("accept and stay silent", "not connected", _accept_silently),
    Fault("RST", "any", lambda network, _: network.relay.reset()),
    Fault("FIN", "any", lambda network, _: network.relay.finish()),
    Fault("cut", "silent", lambda network, _: network.relay.cut()),
    Fault("cut what is sent", "silent", lambda network, _: network.relay.cut("up")),
    Fault("cut what is received", "silent", lambda network, _: network.relay.cut("down")),
    Fault("stall", "silent", lambda network, _: network.relay.stall()),
    Fault("stall what is sent", "silent", lambda network, _: network.relay.stall("up")),
    Fault("stall what is received", "silent", lambda network, _: network.relay.stall("down")),
    Fault("delay", "any", lambda network, random: network.relay.delay(random.uniform(0.01, 0.3))),
    Fault("byte by byte", "any", lambda network, _: network.relay.drip()),
    Fault("garble what is sent", "any", lambda network, _: network.relay.garble("up")),
    Fault("garble what is received", "any", lambda network, _: network.relay.garble("down")),
    Fault("truncate", "any", lambda network, random: network.relay.truncate(random.randrange(400), "down")),
    Fault("RST within a message", "any", lambda network, random: network.relay.reset_after(random.randrange(1, 400))),
    Fault("kill the server", "not connected", _kill),
    Fault("restart the server", "any", _restart),
    Fault("freeze the server", "silent", lambda network, _: network.server.stop()),
    *(Fault(behaviour.__name__, "not connected", partial(_hostile, behaviour)) for behaviour in BEFORE),
    *(Fault(behaviour.__name__, "silent", partial(_hostile, behaviour)) for behaviour in SILENT),
    *(Fault(behaviour.__name__, "any", partial(_hostile, behaviour)) for behaviour in AFTER),
)
ISOLATED_FAULTS: tuple[Fault, ...] = (
    Fault("loopback down", "any", lambda _, random: take_loopback_down(random)),
    Fault("silent resolver", "any", _silent_resolver),
)
"""In namespaces of our own."""
CLOCK_FAULTS: tuple[Fault, ...] = (Fault("clock jump", "any", _clock_jump),)


def pause(random: Random) -> float:
    """How long a fault lasts, in seconds: mostly a moment, sometimes beyond every detection time."""
    return random.uniform(1.5, 2.5) if random.random() < 0.04 else random.uniform(0.01, 0.12)
