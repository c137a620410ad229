"""The faults that the demo can cause, and what each does to a server and the relay before it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from natsmon.lab.cluster import Node

SLOW = 0.2
"""Seconds that "slow" adds in each direction."""


class FaultRefused(Exception):
    """The fault does not apply to the server; the text explains why."""


class FaultyNode:
    """A server, its relay, and the faults that are in effect."""

    def __init__(self, node: Node) -> None:
        self.server = node.server
        self.relay = node.relay
        self.active: list[str] = []
        """Names of the faults that last until "resume" or "start", in the order in which they came."""

    def __str__(self) -> str:
        return f"{self.server.name} ({self.relay.url.removeprefix('nats://')})"

    @property
    def condition(self) -> str:
        """What is wrong with it: "running", "not running", or the active faults."""
        if not self.server.running:
            return "not running"
        return ", ".join(self.active) or "running"

    def notice_exit(self) -> None:
        """Refuse connections while the server is not running, as its own port would."""
        if not self.server.running:
            self.relay.refuse()

    # -- the faults; each returns what was done ---------------------------------------------------

    def kill(self) -> str:
        self.server.kill()
        self.notice_exit()
        return f"killed {self}"

    def start(self) -> str:
        self.server.start()
        self.relay.heal()
        self.active.clear()
        return f"started {self}"

    def freeze(self) -> str:
        self.server.stop()
        return self._lasting("freeze", f"froze {self}; resume ends it")

    def resume(self) -> str:
        ended = self.condition
        self.server.cont()
        self.relay.heal()
        self.active = [name for name in self.active if name == "lame duck"]
        return f"resumed {self}: ended {ended}"

    def lame_duck(self) -> str:
        self.server.lame_duck()
        return self._lasting("lame duck", f"{self} is in lame duck mode; start it again when it is gone")

    def cut(self) -> str:
        self.relay.cut()
        return self._lasting("cut", f"cut the network of {self}: what is sent is lost; resume ends it")

    def reset(self) -> str:
        number = self.relay.connections
        self.relay.reset()
        return f"reset {number} connection{'' if number == 1 else 's'} of {self}"

    def stall(self) -> str:
        self.relay.stall()
        return self._lasting("stall", f"stalled the network of {self}: what is sent is held; resume ends it")

    def one_way_stall(self) -> str:
        self.relay.stall("down")
        return self._lasting("one-way stall", f"stalled what {self} sends; it still receives; resume ends it")

    def slow(self) -> str:
        self.relay.delay(SLOW)
        return self._lasting("slow", f"slowed {self}: answers take {2 * SLOW * 1000:.0f} ms longer; resume ends it")

    def refuse(self) -> str:
        self.relay.refuse()
        return self._lasting("refuse", f"{self} refuses new connections; resume ends it")

    def _lasting(self, name: str, confirmation: str) -> str:
        if name not in self.active:
            self.active.append(name)
        return confirmation


class Fault(NamedTuple):
    name: str
    key: str
    description: str
    act: Callable[[FaultyNode], str]
    """Causes it, and returns what was done, for a person."""


FAULTS = (
    Fault("kill", "k", "kill the server (SIGKILL)", FaultyNode.kill),
    Fault("start", "s", "start a server that is not running", FaultyNode.start),
    Fault(
        "freeze", "f", "freeze the server (SIGSTOP): its connections stay open, nothing is answered", FaultyNode.freeze
    ),
    Fault("resume", "r", "resume the server (SIGCONT), and end the faults of its network", FaultyNode.resume),
    Fault("lame duck", "l", "shut the server down as for an upgrade: lame duck mode", FaultyNode.lame_duck),
    Fault("cut", "c", "cut the network: what is sent is lost", FaultyNode.cut),
    Fault("reset", "e", "reset every connection (RST)", FaultyNode.reset),
    Fault("stall", "t", "hold what is sent, both ways, until resumed", FaultyNode.stall),
    Fault("one-way stall", "o", "hold what the server sends; it still receives", FaultyNode.one_way_stall),
    Fault("slow", "w", f"delay what is sent by {SLOW * 1000:.0f} ms each way", FaultyNode.slow),
    Fault("refuse", "d", "refuse new connections; existing ones work", FaultyNode.refuse),
)


def apply(fault: str, nodes: Sequence[FaultyNode], authority: str | None) -> str:
    """Cause a fault.

    Args:
        fault: Its name, of ``FAULTS``.
        nodes: All nodes.
        authority: Host and port of the relay of the node meant; else the first one. "start" and "resume" take the
            first node that needs it if this one does not.

    Returns:
        What was done, for a person.

    Raises:
        FaultRefused: It does not apply.
    """
    act = next((each.act for each in FAULTS if each.name == fault), None)
    if act is None:
        raise FaultRefused(f"unknown fault {fault!r}")
    named = [node for node in nodes if authority and node.relay.url.endswith(f"//{authority}")]
    preferred = [*named, *(node for node in nodes if node not in named)]
    if fault == "start":
        preferred = [node for node in preferred if not node.server.running]
        if not preferred:
            raise FaultRefused("every server is running")
    elif fault == "resume":
        preferred = [
            node for node in preferred if node.server.running and node.condition not in ("running", "lame duck")
        ]
        if not preferred:
            raise FaultRefused("no server is frozen, and no network has a fault")
    elif not preferred[0].server.running:
        raise FaultRefused(f"{preferred[0]} is not running; start it first")
    return act(preferred[0])
