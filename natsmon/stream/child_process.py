"""Command line and environment of natsmon's child processes: the probe, and the owner of the demo's servers."""

import os
import sys

import natsmon

# The package is loaded from its file, so that the child runs the code of its parent. Its folder, which may hold other
# packages (site-packages), goes behind the standard library, so that a backport there replaces no standard module.
# At the end no thread is waited for: one may hang in a lookup.
_START = """
import importlib.util, os, sys
file, module = sys.argv[1:3]
del sys.argv[1:3]
sys.path.append(os.path.dirname(os.path.dirname(file)))
spec = importlib.util.spec_from_file_location("natsmon", file)
sys.modules["natsmon"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
status = importlib.import_module(module).main()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status or 0)
"""


def child_argv(module: str) -> list[str]:
    """Return the arguments that start a Python process and call ``main()`` of a module of this natsmon."""
    # -P: no module is imported from the user's current folder. The file is a .pyc where no source is installed.
    return [sys.executable, "-P", "-c", _START, os.path.abspath(natsmon.__file__), module]


def child_environment() -> dict[str, str]:
    """Return our environment without ``NATS_…`` variables: secrets reach a child by its standard input alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NATS_")}
