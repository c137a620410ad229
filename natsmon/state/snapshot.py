"""All that is known at one moment as plain data, and back: where a recording, or a look into one, can begin.

Nothing is listed here. Every attribute of the state is written, and read back as what its annotation says it is;
the annotations are those in ``Known.__init__``, which Python keeps nowhere but in the source.
"""

from collections import deque
from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from natsmon.state import known
from natsmon.state.known import Known
from natsmon.stream import events as ev


def snapshot(state: Known) -> dict[str, Any]:
    """Every attribute as JSON would have it; shares nothing with the state that could change."""
    plain: dict[str, Any] = msgspec.to_builtins(vars(state), str_keys=True, enc_hook=list)
    return plain


def restore(state: Known, plain: dict[str, Any]) -> None:
    """Make a state what the snapshot's was. What is not known, or makes no sense, leaves its attribute as it is."""
    for name, value in plain.items():
        before = vars(state).get(name)
        kind = types().get(name)
        if kind is None or name == "conn":
            continue
        try:
            after = msgspec.convert(value, kind, str_keys=True, dec_hook=_deque)
        except msgspec.ValidationError:
            continue
        if isinstance(before, deque):
            if before and not after:
                continue  # what is never empty stays so
            after = deque(after, before.maxlen)
        setattr(state, name, after)


def restored(state: Known, event: ev.Snapshot) -> None:
    now = state.now
    restore(state, event.state)
    state.now = max(now, state.now)


@cache
def types() -> dict[str, Any]:
    """What each attribute of a state is: its annotation, or the type of the value it begins with."""
    import ast  # who never reads a snapshot need not load these
    import inspect
    import textwrap

    declared = {name: type(value) for name, value in vars(Known()).items()}
    source = ast.parse(textwrap.dedent(inspect.getsource(Known.__init__)))
    for node in ast.walk(source):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute):
            annotation = compile(ast.Expression(node.annotation), known.__name__, "eval")
            declared[node.target.attr] = eval(annotation, vars(known))  # noqa: S307  our own source
    return declared


def _deque(kind: Any, value: Any) -> Any:
    if get_origin(kind) is not deque:
        raise NotImplementedError(f"cannot restore {kind}")
    return deque(msgspec.convert(value, list[get_args(kind)[0]], str_keys=True))  # type: ignore[misc]
