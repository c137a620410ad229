"""``python -m natsmon``."""

import sys

from natsmon.cli import main

if __name__ == "__main__":
    sys.exit(main())
