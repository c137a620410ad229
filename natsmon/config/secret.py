"""Secrets, masked by their type."""


class Secret:
    """A string whose ``str()`` and ``repr()`` are a mask; ``reveal()`` returns the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value."""
        return self._value

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __lt__(self, other: "Secret") -> bool:
        return self._value < other._value

    def __hash__(self) -> int:
        return hash(self._value)
