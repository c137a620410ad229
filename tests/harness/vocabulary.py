"""Hypothesis strategies for every event and every command there is, found in the vocabulary itself."""

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.text.units import LARGEST, LONGEST

EVENTS: tuple[type[ev.Event], ...] = get_args(ev.AnyEvent)
COMMANDS: tuple[type[commands.Command], ...] = get_args(commands.AnyCommand)

anything_of: dict[Any, st.SearchStrategy[Any]] = {
    float: st.floats(allow_nan=False, allow_infinity=False),
    int: st.integers(-(2**63), 2**63 - 1),
    ev.Seconds: st.floats(-LONGEST, LONGEST, exclude_min=True, exclude_max=True),
    ev.Count: st.integers(0, LARGEST),
    ev.Limit: st.integers(-1, LARGEST),
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    NoneType: st.none(),
    Any: st.none() | st.booleans() | st.text("ab", max_size=3) | st.lists(st.integers(0, 9), max_size=3),
}


def made_of(
    cls: type[Any], by_type: dict[Any, st.SearchStrategy[Any]], **by_name: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """Instances of a struct, each field from a strategy for its name or its type."""

    def field(name: str, hint: Any) -> st.SearchStrategy[Any]:
        if name in by_name:
            return by_name[name]
        if hint in by_type:
            return by_type[hint]
        origin = get_origin(hint)
        if origin is Literal:
            return st.sampled_from(get_args(hint))
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return made_of(hint, by_type)
        parts = [field("", part) for part in get_args(hint)]
        if origin in (UnionType, Union):
            return st.one_of(parts)
        if origin is list:
            return st.lists(parts[0], max_size=3)
        if origin is dict:
            return st.dictionaries(parts[0], parts[1], max_size=3)
        if origin is tuple:
            return st.tuples(*parts)
        return st.from_type(hint)

    hints = get_type_hints(cls, include_extras=True)
    fields = {f.name: (field(f.name, hints[f.name]), f.required) for f in msgspec.structs.fields(cls)}
    return st.fixed_dictionaries(
        {name: strategy for name, (strategy, required) in fields.items() if required},
        optional={name: strategy for name, (strategy, required) in fields.items() if not required},
    ).map(lambda values: cls(**values))
