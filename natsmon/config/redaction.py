"""Redact server text that contains one of our secrets.

The text is withheld as a whole: a partial mask would reveal the length of the secret.
"""

from collections.abc import Iterable

_SHORT = 4
"""Characters below which a secret occurs in a sentence by chance; a server repeats it in quotes."""
_WITHHELD = "(the server's text repeats one of your secrets and is not shown)"


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text, or a notice where it contains one of the secrets in any case of letters."""
    folded = text.casefold()
    searched = (secret if len(secret) >= _SHORT else f'"{secret}"' for secret in secrets if secret)
    return _WITHHELD if any(secret.casefold() in folded for secret in searched) else text
