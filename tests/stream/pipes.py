"""A pipe whose reader and writer a test controls."""

import os


class Pipe:
    """``out`` is read, ``inn`` is written."""

    def __init__(self) -> None:
        self.out, self.inn = os.pipe()

    def read(self) -> list[bytes]:
        """Every line until the writer is closed."""
        with os.fdopen(self.out, "rb") as stream:
            self.out = -1
            return stream.read().splitlines()

    def close(self) -> None:
        for end in ("out", "inn"):
            if getattr(self, end) >= 0:
                os.close(getattr(self, end))
                setattr(self, end, -1)

    def close_writer(self) -> None:
        os.close(self.inn)
        self.inn = -1

    def close_reader(self) -> None:
        os.close(self.out)
        self.out = -1
