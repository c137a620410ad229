"""Text from servers, publishers and files, made safe to print.

Characters that could move the cursor, colour the screen, ring the bell, break a line or change the reading direction
are shown as escapes, and so are those that are not seen: two different names would look the same.
"""

import re

TEXT_LIMIT = 300
"""Characters of one text of a server; its longest errors are shorter."""
_QUOTE_LIMIT = 80
_EXCERPT = 60
"""Bytes of what a peer sent."""
NAME_LIMIT = 64
"""Of one name."""

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: cursor, colour, bell, line ends
    "\u2028\u2029"  # line and paragraph separator
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, overrides and isolates
    "\u00ad\u200b-\u200d\u2060-\u2064\ufeff"  # soft hyphen, zero-width space and joiners, invisible operators, BOM
    "\ud800-\udfff"  # surrogates: bytes that were no UTF-8, and cannot be written
    "]"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _joins(match: re.Match[str]) -> bool:
    """Whether it is a joiner in emoji or a script that needs it; behind a Latin letter it is only invisible."""
    before = match.string[max(0, match.start() - 1) : match.start()]
    return match[0] in "\u200c\u200d" and before >= "\u0300" and not _UNSAFE.match(before)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _NAMED:
        return _NAMED[char]
    if _joins(match):
        return char
    return f"\\x{ord(char):02x}" if ord(char) <= 0xFF else f"\\u{ord(char):04x}"


def _escape_in_json(match: re.Match[str]) -> str:
    return match[0] if _joins(match) else f"\\u{ord(match[0]):04x}"


def json_safe(line: str) -> str:
    """JSON with the same characters as its own escapes; the value is the same."""
    return _UNSAFE.sub(_escape_in_json, line)


def printable(text: str) -> str:
    """The text with every control, separator, bidirectional mark, invisible character and surrogate as an escape."""
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escape, text)


def quotable(text: str) -> str:
    """Format a given value for an error message: printable, at most 80 characters."""
    return clip(printable(text), _QUOTE_LIMIT)


def clip_middle(text: str, limit: int = NAME_LIMIT) -> str:
    """At most ``limit`` characters of a name; its middle is left out, because names differ at their ends."""
    return text if len(text) <= limit else f"{text[: limit // 2]}…{text[limit // 2 + 1 - limit :]}"


def clip(text: str, limit: int = TEXT_LIMIT) -> str:
    """At most ``limit`` characters of the text, and a mark where some are left out."""
    return text if len(text) <= limit else text[:limit] + "…"


def excerpt(data: bytes) -> str:
    """Received bytes in quotes: the first line that is not blank; bytes that are not UTF-8 as ``\\xff``."""
    line = next(filter(None, map(bytes.strip, data.splitlines())), None)
    if line is None:
        return "an empty line" if data else "nothing"
    return f"'{printable(line[:_EXCERPT].decode(errors='backslashreplace'))}{'…' if len(line) > _EXCERPT else ''}'"
