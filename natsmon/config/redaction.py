"""What others say, shown only if it repeats no secret of ours: a part masked would tell of the rest."""

from collections.abc import Iterable

_TELLING = 4
"""Characters from which on a secret is not found by chance."""
_REPEATED = "(what was said repeats a secret of ours, and is not shown)"


def unsaid(text: str, secrets: Iterable[str]) -> str:
    """The text, or that it is not shown. A secret of a few letters is in every sentence; repeated, it is in quotes."""
    said = text.casefold()
    looked_for = (secret if len(secret) >= _TELLING else f'"{secret}"' for secret in secrets if secret)
    return _REPEATED if any(secret.casefold() in said for secret in looked_for) else text
