"""The documentation is current, and the site builds."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from docs import reference
from natsmon.dial import errors
from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError
from natsmon.stream import commands, events
from natsmon.stream.codec import kind_of
from natsmon.wording.cause_table import IN_STAGE, TABLE

ROOT = Path(reference.__file__).parents[1]


def test_reference_pages_are_current() -> None:
    assert list(reference.outdated()) == [], "write them again: python -m docs.reference"


def test_architecture_names_every_package() -> None:
    rows = re.findall(r"^\| `.*?\|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
    named = re.findall(r"`(\w+)/`", " ".join(rows))
    assert sorted(named) == sorted(init.parent.name for init in (ROOT / "natsmon").glob("*/__init__.py"))


def test_stream_reference_has_every_event_and_command_with_an_example() -> None:
    page = reference.stream_page()
    for kind in (*get_args(events.AnyEvent), *get_args(commands.AnyCommand)):
        section = page.partition(f"### `{kind_of(kind)}`\n")[2].partition("\n###")[0]
        assert "```json" in section, kind


def test_table_of_causes_has_every_cause() -> None:
    page = reference.causes_page()
    assert [cause for cause in Cause if f"| `{cause}` |" not in page] == []


def test_table_of_errors_has_the_class_of_every_cause() -> None:
    rows = [
        line.split("|")[1:4]
        for line in (ROOT / "docs/errors.md").read_text().splitlines()
        if line.startswith("| `Dial")
    ]
    listed = {cause: name.strip(" `") for name, _, causes in rows for cause in re.findall(r"`(\w+)`", causes)}
    for cause in Cause:
        name = type(DialError("tcp", cause, "")).__name__
        other = "DialTlsError" if cause.startswith("tls_") else "DialFailed"
        assert listed.get(cause, other) == name, cause
    for name, builtin, _ in rows:
        bases = {base.__qualname__ for base in getattr(errors, name.strip(" `")).__mro__}
        assert builtin.strip(" `").rpartition(".")[2] in bases | {base.__name__ for base in (OSError,)}, name


def test_troubleshooting_uses_the_phrases_of_the_table() -> None:
    tables = (ROOT / "docs/guide/troubleshooting.md").read_text().partition("## It never connects")[2]
    never, _, again = tables.partition("## It is connected")
    again = again.partition("## It loses")[2].partition("## natsmon itself")[0]
    cells = [row.split("|")[2] for row in never.splitlines() if row.startswith("| ")][1:]
    cells += [row.split("|")[1] for row in again.splitlines() if row.startswith("| ")][1:]
    shown = {phrase.strip() for cell in cells for phrase in cell.split(",")}
    known = {diagnosis.phrase for diagnosis in (*TABLE.values(), *IN_STAGE.values())}
    assert len(shown) > 30
    assert shown - known == {"advertised address not reachable"}, "its server was discovered, or the phrase changed"


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
