"""Start of natsmon's processes: command line and environment of a child, and the garbage collector while one loads."""

import gc
import os
import sys
import threading

import natsmon

_START_SECONDS = 1.5
"""Longer than a dashboard takes to its first screen."""

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


def defer_gc() -> None:
    """Disable the cyclic collector now; freeze what start-up made and enable the collector after 1.5 s.

    Start-up makes some 200,000 objects that stay for good. Collections during it cost a quarter of the time to the
    first screen, and later ones would pause the probe to examine these objects again.
    """
    gc.disable()
    timer = threading.Timer(_START_SECONDS, _enable_gc)
    timer.daemon = True
    timer.start()


def _enable_gc() -> None:
    gc.freeze()
    gc.enable()


def child_argv(module: str) -> list[str]:
    """Return the arguments that start a Python process and call ``main()`` of a module of this natsmon."""
    # -P: no module is imported from the user's current folder. The file is a .pyc where no source is installed.
    return [sys.executable, "-P", "-c", _START, os.path.abspath(natsmon.__file__), module]


def child_environment() -> dict[str, str]:
    """Return our environment without ``NATS_…`` variables: secrets reach a child by its standard input alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NATS_")}
