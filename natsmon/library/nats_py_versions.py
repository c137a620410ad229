"""The releases of nats-py that natsmon works with: those that were tested, and have the private names it uses."""

import nats.aio.client

TESTED_VERSIONS = ("2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16")
"""Minor releases of nats-py that the tests of the library pass on."""

_UNKNOWN = "0.0"
"""The version of a nats-py that was not installed as a package."""

PRIVATE_NAMES = (
    "_current_server",
    "_flush_pending",
    "_flusher_task",
    "_ping_interval_task",
    "_process_connect_init",
    "_process_info",
    "_reading_task",
    "_server_pool",
    "_status",
    "_transport",
)


def check_nats_py(client: type[nats.aio.client.Client]) -> None:
    """Refuse a nats-py that was not tested, or has not one of the private names used here.

    Raises:
        ImportError: In one line, with its version.
    """
    version = nats.aio.client.__version__
    tested = f"natsmon works with nats-py {TESTED_VERSIONS[0]} to {TESTED_VERSIONS[-1]}"
    if ".".join(version.split(".")[:2]) not in (*TESTED_VERSIONS, _UNKNOWN):
        raise ImportError(f"{tested}, not {version}")
    instance = client()
    missing = [name for name in PRIVATE_NAMES if not hasattr(instance, name)]
    if missing:
        raise ImportError(f"{tested}; {version} has no {missing[0]}")
