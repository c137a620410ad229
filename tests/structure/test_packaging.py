"""The wheel: man pages, and a README that works on an index page."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from natsmon.cli.command_group import COMMANDS

ROOT = Path(__file__).parents[2]
pytest.importorskip("hatchling", reason="the wheel is built by hatchling")
pytest.importorskip("click_man", reason="man pages are made by click-man")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_wheel_has_a_man_page_for_each_command(wheel: zipfile.ZipFile) -> None:
    pages = {Path(name).name for name in wheel.namelist() if "/share/man/man1/" in name}
    assert pages == {"natsmon.1", *(f"natsmon-{name}.1" for name in COMMANDS)}
    check = next(name for name in wheel.namelist() if name.endswith("natsmon-check.1"))
    page = wheel.read(check).decode()
    assert r"\fB\-\-connect\-warn\fP" in page
    assert "natsmon check nats://east\\-1:4222\n" in page
    assert "\\fB3\\fP\nUNKNOWN\n" in page
    assert r"\fBnatsmon\-report\fP(1)" in page
    own = next(name for name in wheel.namelist() if name.endswith("man1/natsmon.1"))
    assert "every dial, reconnect, outage and message, live." in wheel.read(own).decode().partition(".SH SYNOPSIS")[0]


def test_wheel_has_the_style_sheets(wheel: zipfile.ZipFile) -> None:
    assert {"natsmon/tui/app.tcss", "natsmon/report/style.css"} <= set(wheel.namelist())


def test_readme_has_no_link_that_an_index_page_cannot_follow(wheel: zipfile.ZipFile) -> None:
    metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    text = wheel.read(metadata).decode()
    assert "Description-Content-Type: text/markdown" in text
    assert "## Try it" in text
    assert "](screenshots" not in text
    assert "](examples" not in text


def test_wheel_has_no_tests(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert all(name.startswith("natsmon") for name in top)
