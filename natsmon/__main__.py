"""``natsmon``, and ``python -m natsmon``."""

import sys

from natsmon.stream.process_start import defer_gc


def main() -> int:
    """The command; an interrupt counts from the first moment, also while the program is still being loaded."""
    defer_gc()
    try:
        from natsmon.cli.main import main as command

        return command()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
