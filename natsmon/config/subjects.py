"""Subjects and stream names, checked by the server's rules."""

from natsmon.text.plain_text import printable

_SUBJECT_LIMIT = 2048
_STREAM_LIMIT = 255


def check_subject(subject: str) -> str:
    """Return a subject that messages can be published on. Raises ValueError with the reason, where it is not one."""
    if "*" in subject or ">" in subject:
        raise ValueError("has a wildcard in it: messages are published on one subject")
    return check_subjects(subject)


def check_subjects(subject: str) -> str:
    """Return a subject that can be subscribed to; it may have wildcards. Raises ValueError."""
    if not subject:
        raise ValueError("is empty")
    if any(char.isspace() for char in subject):
        raise ValueError("has a space in it")
    if printable(subject) != subject:
        raise ValueError("has a control or invisible character in it")
    tokens = subject.split(".")
    if "" in tokens:
        raise ValueError("has an empty token: a dot at an end, or two in a row")
    if any(len(token) > 1 and ("*" in token or ">" in token) for token in tokens) or ">" in tokens[:-1]:
        raise ValueError("has a wildcard that is not a whole token, or a > that is not the last one")
    if len(subject.encode()) > _SUBJECT_LIMIT:
        raise ValueError(f"is longer than {_SUBJECT_LIMIT} bytes")
    return subject


def subject_matches(pattern: str, subject: str) -> bool:
    """Return whether a subject matches one that may have the wildcards ``*`` and ``>``."""
    wanted, given = pattern.split("."), subject.split(".")
    for position, part in enumerate(wanted):
        if part == ">":
            return len(given) > position
        if position >= len(given) or part not in ("*", given[position]):
            return False
    return len(wanted) == len(given)


def check_stream(name: str) -> str:
    """Return a name that a stream can have. Raises ValueError."""
    if not name:
        raise ValueError("is empty")
    if any(char.isspace() or char in ".*>/\\" for char in name) or printable(name) != name:
        raise ValueError("is not a stream name: it has a space, a dot, a slash or a wildcard in it")
    if len(name.encode()) > _STREAM_LIMIT:
        raise ValueError(f"is longer than {_STREAM_LIMIT} bytes")
    return name
