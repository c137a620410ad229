"""The limit of open files (``ulimit -n``), checked and raised before a run."""

import click

NEEDED = 64
"""Terminal, pipes, event loop, recording, sockets of a race over many addresses, inquiries."""
NEEDED_PER_SERVER = 16
"""Of the demo: a server's pipes, its relay and the relay's connections."""


def check_open_files(needed: int = NEEDED) -> None:
    """Raise the soft limit of open files where it is too low.

    Raises:
        click.UsageError: With the number needed, where the hard limit does not allow it.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise click.UsageError(f"{hard} open files are allowed and natsmon needs {needed}: ulimit -n {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
