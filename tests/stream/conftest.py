"""A pipe, closed after the test."""

from collections.abc import Iterator

import pytest

from tests.stream.pipes import Pipe


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()
