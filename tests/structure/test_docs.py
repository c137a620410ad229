"""The documentation is current, and the site builds."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from docs import reference
from natsmon.dial.causes import Cause
from natsmon.stream import commands, events
from natsmon.stream.codec import kind_of

ROOT = Path(reference.__file__).parents[1]


def test_reference_pages_are_current() -> None:
    assert list(reference.outdated()) == [], "write them again: python -m docs.reference"


def test_stream_reference_has_every_event_and_command_with_an_example() -> None:
    page = reference.stream_page()
    for kind in (*get_args(events.AnyEvent), *get_args(commands.AnyCommand)):
        section = page.partition(f"### `{kind_of(kind)}`\n")[2].partition("\n###")[0]
        assert "```json" in section, kind


def test_table_of_causes_has_every_cause() -> None:
    page = reference.causes_page()
    assert [cause for cause in Cause if f"| `{cause}` |" not in page] == []


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed: make docs installs it")
def test_site_builds_without_network(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={"NO_MKDOCS_2_WARNING": "1", "PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    pages = "".join(page.read_text() for page in (tmp_path / "site").glob("*.html"))
    for loader in ("<script src=", '<link rel="stylesheet" href='):
        assert f'{loader}"http' not in pages
