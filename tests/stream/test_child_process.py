"""Child processes load the standard library, and natsmon from where their parent has it."""

import subprocess
from pathlib import Path

import pytest

import natsmon
from natsmon.lab.demo import Demo
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.probe_child import ProbeChild
from natsmon.stream.process_start import child_argv
from tests.harness.listening import settings
from tests.harness.time_limits import WAIT

BROKEN = "raise ImportError('a backport replaced a standard module')\n"


@pytest.fixture
def beside_backport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as site-packages, with natsmon and a broken ``selectors`` in it."""
    (tmp_path / "natsmon").symlink_to(Path(natsmon.__file__).parent)
    (tmp_path / "selectors.py").write_text(BROKEN)
    monkeypatch.setattr(natsmon, "__file__", str(tmp_path / "natsmon" / "__init__.py"))
    return tmp_path


@pytest.mark.usefixtures("beside_backport")
async def test_probe_starts_beside_backport_of_standard_module(server: NatsServer) -> None:
    source = ProbeChild(settings(server.url))
    seen = []
    async for event in source.events():
        seen.append(event)
        if isinstance(event, ev.Connected):
            source.send(commands.Close())
    assert isinstance(seen[-1], ev.End), seen


@pytest.mark.usefixtures("beside_backport")
def test_server_owner_starts_beside_backport_of_standard_module() -> None:
    with Demo.start(1) as demo:
        assert demo.urls


def test_child_ignores_modules_in_current_folder(tmp_path: Path) -> None:
    for name in ("selectors", "natsmon", "msgspec"):
        (tmp_path / f"{name}.py").write_text(BROKEN)
    done = subprocess.run(child_argv("natsmon.lab.server_owner"), cwd=tmp_path, input=b"", capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


HANGING = """
import threading, time

def main():
    threading.Thread(target=time.sleep, args=(600,)).start()
    return 7
"""


def test_child_ends_while_a_thread_hangs(beside_backport: Path) -> None:
    (beside_backport / "hanging.py").write_text(HANGING)
    assert subprocess.run(child_argv("hanging"), check=False, timeout=2 * WAIT).returncode == 7


def test_child_loads_natsmon_of_parent(tmp_path: Path, beside_backport: Path) -> None:
    (tmp_path / "show.py").write_text("import natsmon\nmain = lambda: print(natsmon.__file__)\n")
    done = subprocess.run(child_argv("show"), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(beside_backport / "natsmon" / "__init__.py")
