"""The situations of health, so that a test can have each of them."""

import ast
import inspect
from types import GeneratorType

from natsmon.state import State
from natsmon.wording import health
from natsmon.wording.health import Feed


def every_situation() -> list[int]:
    """The line of each in its function, in their order of precedence."""
    tree = ast.parse(inspect.getsource(health._situations))
    return sorted(node.lineno for node in ast.walk(tree) if isinstance(node, ast.Yield))


def situation(state: State, now: float, feed: Feed) -> int:
    """The line of the one that decides."""
    applying = health._situations(state, now, feed)
    next(applying)
    assert isinstance(applying, GeneratorType)
    assert applying.gi_frame is not None
    return applying.gi_frame.f_lineno - inspect.getsourcelines(health._situations)[1] + 1
