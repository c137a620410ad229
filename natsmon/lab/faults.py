"""The faults that the demo can cause, and what each does to a server and the relay before it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from natsmon.lab.cluster import Node

SLOW = 0.2
"""Seconds that "slow" adds in each direction."""


class FaultRefused(Exception):
    """The fault does not apply to the server; the text explains why."""


class Fault(NamedTuple):
    name: str
    key: str
    description: str
    act: Callable[[Node], object]
    """Causes it."""
    done: str
    """What was done, for a person; formatted with the ``node`` before it is done."""
    lasts: bool = False
    """Until "resume" or "start"."""


FAULTS = (
    Fault("kill", "k", "kill the server (SIGKILL)", Node.kill, "killed {node}"),
    Fault("start", "s", "start a server that is not running", Node.start, "started {node}"),
    Fault("freeze", "f", "freeze the server (SIGSTOP): its connections stay open, nothing is answered",
          lambda node: node.server.stop(), "froze {node}; resume ends it", lasts=True),
    Fault("resume", "r", "resume the server (SIGCONT), and end the faults of its network",
          Node.resume, "resumed {node}: ended {node.condition}"),
    Fault("lame duck", "l", "shut the server down as for an upgrade: lame duck mode",
          lambda node: node.server.lame_duck(), "{node} is in lame duck mode; start it again when it is gone",
          lasts=True),
    Fault("cut", "c", "cut the network: what is sent is lost",
          lambda node: node.relay.cut(), "cut the network of {node}: what is sent is lost; resume ends it", lasts=True),
    Fault("reset", "e", "reset every connection (RST)",
          lambda node: node.relay.reset(), "reset {node.connections} of {node}"),
    Fault("stall", "t", "hold what is sent, both ways, until resumed",
          lambda node: node.relay.stall(), "stalled the network of {node}: what is sent is held; resume ends it",
          lasts=True),
    Fault("one-way stall", "o", "hold what the server sends; it still receives",
          lambda node: node.relay.stall("down"), "stalled what {node} sends; it still receives; resume ends it",
          lasts=True),
    Fault("slow", "w", f"delay what is sent by {SLOW * 1000:.0f} ms each way",
          lambda node: node.relay.delay(SLOW),
          f"slowed {{node}}: answers take {2 * SLOW * 1000:.0f} ms longer; resume ends it", lasts=True),
    Fault("refuse", "d", "refuse new connections; existing ones work",
          lambda node: node.relay.refuse(), "{node} refuses new connections; resume ends it", lasts=True),
)  # fmt: skip


def apply(fault: str, nodes: Sequence[Node], authority: str | None) -> str:
    """Cause a fault named in ``FAULTS``; what was done, in a sentence. Raises FaultRefused when it does not apply.

    It is for the node whose relay has this host and port, else for the first one. "start" and "resume" take the first
    node that needs it if this one does not.
    """
    cause = next((each for each in FAULTS if each.name == fault), None)
    if cause is None:
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
            ended = next((node for node in nodes if not node.server.running), None)
            start = f"; {ended} is not running: start ends its faults" if ended is not None else ""
            raise FaultRefused(f"no running server is frozen or has a fault of its network{start}")
    elif not preferred[0].server.running:
        raise FaultRefused(f"{preferred[0]} is not running; start it first")
    node = preferred[0]
    done = cause.done.format(node=node)
    cause.act(node)
    if cause.lasts and fault not in node.active:
        node.active.append(fault)
    return done
