"""The demo's servers: they come, they can be hurt, and nothing of them outlives the demo, however it dies."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from natsmon import lab as sandbox
from natsmon.lab import NoServer, Sandbox, SandboxFailed
from natsmon.lab import nats_server as server_module
from natsmon.lab.nats_server import find_nats_server
from tests.harness.leaks import alive

HOLDER = """
import sys
from natsmon.lab import Sandbox
held = Sandbox.start(2)
print(held.pid, held._folder, flush=True)
sys.stdin.read()
"""


def eventually(met: Callable[[], bool], within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while not met() and time.monotonic() < deadline:
        time.sleep(0.01)
    return met()


def children_of(pid: int) -> list[int]:
    if sys.platform != "linux":
        pytest.skip("needs /proc")
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """A process that holds a sandbox, as the dashboard does."""
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def held_by(holder: subprocess.Popen[str]) -> tuple[int, list[int], Path]:
    """The keeper, the servers, the folder."""
    assert holder.stdout is not None
    keeper, folder = holder.stdout.readline().split()
    servers = children_of(int(keeper))
    assert len(servers) == 2
    assert Path(folder).is_dir()
    return int(keeper), servers, Path(folder)


def test_kills_and_starts_again() -> None:
    with Sandbox.start() as demo:
        (url,) = demo.urls
        authority = url.removeprefix("nats://")
        assert demo.kill_or_start() == f"killed nats-server on {authority}"
        assert demo.kill_or_start() == f"started nats-server on {authority}"
        assert demo.urls == [url]
    with pytest.raises(SandboxFailed, match="closed"):
        demo.kill_or_start()


def test_kills_the_named_server_of_several() -> None:
    with Sandbox.start(2) as demo:
        first, second = (url.removeprefix("nats://") for url in demo.urls)
        assert demo.kill_or_start(demo.urls[1]) == f"killed nats-server on {second}"
        assert demo.kill_or_start(demo.urls[0]) == f"started nats-server on {second}"
        assert demo.kill_or_start("nats://127.0.0.1:1") == f"killed nats-server on {first}"


def test_closed_twice() -> None:
    demo = Sandbox.start()
    demo.close()
    demo.close()
    assert not alive(demo.pid)


def test_modules_of_the_current_folder_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    with Sandbox.start() as demo:
        assert demo.urls


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_holder_dies(holder: subprocess.Popen[str], number: signal.Signals) -> None:
    keeper, servers, folder = held_by(holder)
    holder.send_signal(number)
    assert eventually(lambda: not any(map(alive, [keeper, *servers])))
    assert eventually(lambda: not folder.exists())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_keeper_is_asked_to_end(holder: subprocess.Popen[str], number: signal.Signals) -> None:
    keeper, servers, folder = held_by(holder)
    os.kill(keeper, number)
    assert eventually(lambda: not any(map(alive, [keeper, *servers])))
    assert eventually(lambda: not folder.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent's life")
def test_keeper_is_killed(holder: subprocess.Popen[str]) -> None:
    keeper, servers, folder = held_by(holder)
    os.kill(keeper, signal.SIGKILL)
    assert eventually(lambda: not any(map(alive, servers)))
    shutil.rmtree(folder)  # what the holder would do, had it been told to close


def test_a_killed_keeper_is_told_and_its_folder_removed() -> None:
    with Sandbox.start() as demo:
        folder = demo._folder
        assert folder is not None
        os.kill(demo.pid, signal.SIGKILL)
        with pytest.raises(SandboxFailed, match="keeper is gone"):
            demo.kill_or_start()
    assert not Path(folder).exists()


def test_keeper_is_out_of_ctrl_c_reach() -> None:
    with Sandbox.start() as demo:
        assert os.getsid(demo.pid) == demo.pid


def hide_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(server_module, "distribution", missing)


def test_no_server_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_package(monkeypatch)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NoServer, match=r"natsmon\[demo\].*PATH") as raised:
        Sandbox.start()
    assert "\n" not in str(raised.value)


def test_server_of_package_comes_before_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nats-server").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_nats_server().parent != tmp_path


def test_server_on_path_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nats-server"
    program.symlink_to(find_nats_server())
    hide_package(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_nats_server() == program


def test_server_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "find_nats_server", lambda: Path("/bin/false"))
    with pytest.raises(SandboxFailed, match="nats-server demo-1 ended at once"):
        Sandbox.start()
