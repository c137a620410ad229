"""Defects of nats-server releases that look like a fault of the user's."""

import re

from natsmon.dial.causes import Cause
from natsmon.protocol.server_info import Info

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_TLS_ENDS = (Cause.TLS_MISMATCH, Cause.TLS_PROTOCOL, Cause.EOF, Cause.RESET)

Version = tuple[int, int, int]


def known_defect(stage: str | None, cause: str, info: Info, *, lame_duck: bool) -> str:
    """The defect of the server's version that explains a failed dial; ``lame_duck``: a server of the pool is one."""
    found = _VERSION.match(info.version)
    if found is None:
        return ""
    version: Version = (int(found[1]), int(found[2]), int(found[3]))
    if cause == Cause.ACCOUNT_LIMIT and lame_duck and not _fixed(version, (2, 11, 11), (2, 12, 2)):
        # nats-server#7527
        return f"nats-server {found[0]} counts the clients of a lame duck twice (fixed in 2.11.11 and 2.12.2)"
    # nats-server#7571: behind the PROXY protocol, the first INFO has no client_ip
    proxied = version >= (2, 12, 2) and not info.client_ip
    if stage == "tls" and cause in _TLS_ENDS and proxied and not _fixed(version, (2, 12, 9), (2, 14, 1)):
        return f"nats-server {found[0]} fails TLS behind the PROXY protocol (fixed in 2.12.9 and 2.14.1)"
    return ""


def _fixed(version: Version, *fixed: Version) -> bool:
    """Whether a version is one of these releases, a later one of their lines, or later than all."""
    return version >= max(fixed) or any(version[:2] == each[:2] and version >= each for each in fixed)
