"""A probe as it is where uvloop is not installed."""

import os
import sys

from natsmon import probe

if __name__ == "__main__":
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # to import it fails from here on
    status = probe.main()
    sys.stderr.flush()
    os._exit(status)
