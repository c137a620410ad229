"""When the user JWT of a CONNECT that was sent expires, and whether that is what a server complains of."""

import base64
import json
import time
from typing import Any


def jwt_expiry(connect: dict[str, Any]) -> float | None:
    """Seconds since the epoch; none when there is no JWT, or it does not expire."""
    try:
        body = connect.get("jwt", "").split(".")[1]
        expires = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))).get("exp")
        return float(expires) if isinstance(expires, int | float) and expires > 0 else None
    except (ValueError, IndexError, AttributeError, OverflowError):
        return None


def jwt_expired(connect: dict[str, Any]) -> str:
    """That the user JWT has expired by our clock, and when; empty where it has not."""
    expires = jwt_expiry(connect)
    if expires is None or expires > time.time():
        return ""
    return f"the user JWT expired on {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(expires))}"


def dated(connect: dict[str, Any], said: str) -> str:
    """What a server says of credentials that expired, and when, where it says so of the user.

    It may also be the account's JWT that did, which only the server has.
    """
    when = jwt_expired(connect) if said.casefold().startswith("user") else ""
    return f"{said}: {when}" if when else said
