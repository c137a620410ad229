"""``make explore``: a failure is reported, also of a pass that lasts longer than the time."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.harness import explore

CONFTEST = """
from hypothesis import settings
settings.register_profile("explore", deadline=None, database=None)
"""
PROPERTIES = """
import time
import pytest
from hypothesis import given, strategies as st

@given(st.integers())
def test_wrong(number):
    assert number != 0

@pytest.mark.parametrize("number", range(1_000))
@given(st.just(0))
def test_slow(number, drawn):
    time.sleep(1)
"""


@pytest.mark.slow
def test_failure_in_a_pass_without_an_end_is_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_properties.py").write_text(PROPERTIES)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    assert explore.main(["--seconds", "100", "--seed", "7", str(tmp_path)]) != 0
    assert "make explore SEED=7" in capfd.readouterr().err


def test_pass_without_a_failure_ends_with_the_time(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(explore, "_PYTEST", [sys.executable, "-c", "import time; time.sleep(60)"])
    assert explore.main(["--seconds", "0.2"]) == 0
    assert "no counterexample found" in capfd.readouterr().out


def test_failure_before_the_end_of_the_time_is_reported(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The pass goes on after it."""
    failing = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[2].partition("=")[2], "v/cache")
folder.mkdir(parents=True)
(folder / "lastfailed").write_text("{}")
print("failed", flush=True)
time.sleep(60)
"""

    class Pass(subprocess.Popen[bytes]):
        """One whose time ends when it has failed, however long that takes."""

        def wait(self, timeout: float | None = None) -> int:
            if timeout is None:
                return super().wait()
            assert self.stdout is not None
            assert self.stdout.readline() == b"failed\n"
            raise subprocess.TimeoutExpired(self.args, timeout)

    monkeypatch.setattr(subprocess, "Popen", partial(Pass, stdout=subprocess.PIPE))
    monkeypatch.setattr(explore, "_PYTEST", [sys.executable, "-c", failing])
    assert explore.main(["--seconds", "60", "--seed", "7"]) == 1
    assert "make explore SEED=7" in capfd.readouterr().err


def test_each_pass_has_its_own_seed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    third = "import sys; sys.exit('--hypothesis-seed=9' in sys.argv)"
    monkeypatch.setattr(explore, "_PYTEST", [sys.executable, "-c", third])
    assert explore.main(["--seconds", "60", "--seed", "7"]) == 1
    output = capfd.readouterr()
    assert re.findall(r"exploring with seed (\d+)", output.out) == ["7", "8", "9"]
    assert "make explore SEED=9" in output.err
