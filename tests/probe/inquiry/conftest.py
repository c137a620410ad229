"""Certificate chains for the tests of this folder."""

from pathlib import Path

import pytest

from tests.probe.inquiry.chains import Chains


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    return Chains(tmp_path)
