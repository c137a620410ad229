"""``natsmon``, and ``python -m natsmon``."""

import sys


def main() -> int:
    """The command; an interrupt counts from the first moment, also while the program is still being loaded."""
    try:
        from natsmon.cli import main as command

        return command()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
