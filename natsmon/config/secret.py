"""Secrets: masked by their type, and redacted in the text of servers."""

from collections.abc import Iterable

_SHORT = 4
"""Characters below which a secret occurs in a sentence by chance; a server repeats it in quotes."""
_WITHHELD = "(the server's text repeats one of your secrets and is not shown)"


class Secret:
    """A string whose ``str()`` and ``repr()`` are a mask; ``reveal()`` returns the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
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


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text, or a notice where it contains one of the secrets in any case of letters.

    The text is withheld as a whole: a partial mask would reveal the length of the secret.
    """
    folded = text.casefold()
    searched = (secret if len(secret) >= _SHORT else f'"{secret}"' for secret in secrets if secret)
    return _WITHHELD if any(secret.casefold() in folded for secret in searched) else text
