"""Times that a nats-server gives its clients, made long: this process may be stopped while it connects."""

import re

_SECONDS = 60


def with_time_to_connect(config: str) -> str:
    """A configuration with more than nats-server's 2 s for TLS and for CONNECT, unless it has times of its own."""
    config = re.sub(r"\btls:? *\{", rf"\g<0> timeout: {_SECONDS},", config)
    if re.search(r"\bauthorization:? *\{", config):
        return re.sub(r"\bauthorization:? *\{", rf"\g<0> timeout: {_SECONDS},", config)
    return f"{config}\nauthorization {{ timeout: {_SECONDS} }}"
