"""The bounded form of ``make chaos``, and its own checks."""

import random
import tempfile
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.run import RATES, chaos
from tests.chaos.views import FAULTS as VIEW_FAULTS

SECONDS = 60.0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_fault_hangs_misleads_or_exhausts_natsmon() -> None:
    seed = random.SystemRandom().randrange(10**9)
    folder = Path(tempfile.mkdtemp(prefix="natsmon-chaos-"))
    run = chaos(seed, SECONDS, folder, least=1 + len(FAULTS) // len(RATES))
    problems = "\n".join([str(run), *run.violations, f"recordings: {folder}"])
    assert not run.violations, problems
    assert run.faults.total() >= len(FAULTS), problems
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def test_faults_have_names_of_their_own() -> None:
    names = [fault.name for fault in FAULTS] + [fault.__name__ for fault in VIEW_FAULTS]
    assert len(set(names)) == len(names)
