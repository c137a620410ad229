"""A probe as it is where uvloop is not installed."""

import os
import sys

from natsmon.probe.__main__ import main

if __name__ == "__main__":
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # to import it fails from here on
    status = main()
    sys.stderr.flush()
    os._exit(status)
