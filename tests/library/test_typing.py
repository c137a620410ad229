"""Programs that use the library pass mypy --strict, without the settings of this project."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("downstream_program.py")
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
def test_programs_of_others_pass_mypy_strict(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        "mypy.ini",
        str(PROGRAM),
        *map(str, EXAMPLES.glob("*.py")),
    ]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
