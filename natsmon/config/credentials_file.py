"""What a credentials file and an nkey file contain; text around it is ignored, as in nats.go."""

import re

SEED = re.compile(rb"\bS[UAOCNX][A-Z2-7]{50,}\b")
JWT = re.compile(rb"\beyJ[\w-]*\.[\w-]+\.[\w-]+")


def jwt_and_seed(content: bytes) -> tuple[str, bytes]:
    """Return the user JWT and its seed. Raises ValueError."""
    jwt, seed = JWT.search(content), SEED.search(content)
    if jwt is None or seed is None:
        what = "no JWT and seed" if jwt is seed else "no JWT" if jwt is None else "no seed"
        raise ValueError(f"has {what} in it")
    return jwt[0].decode(), seed[0]


def seed(content: bytes) -> bytes:
    """Return the seed of an nkey. Raises ValueError."""
    if (found := SEED.search(content)) is None:
        raise ValueError("has no seed in it")
    return found[0]
