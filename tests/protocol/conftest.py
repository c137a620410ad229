"""What every test of a dial may ask for."""

from pathlib import Path

import pytest

from tests.protocol.authority import Authority


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "acme")
