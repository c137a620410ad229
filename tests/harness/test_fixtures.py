"""The fixtures are what the other tests believe in; here they are held to it."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from natsmon.lab.nats_server import HOST, NatsServer, ServerFailed
from tests.harness.leaks import Snapshot
from tests.harness.processes import alive
from tests.harness.witness import end_if_closed

NO_GRACE = 0.0
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and orphans come to an ancestor")


def test_server_restarts_on_its_port(server: NatsServer) -> None:
    port, pid = server.port, server.pid
    server.kill()
    assert (server.running, server.pid) == (False, None)
    with pytest.raises(ConnectionRefusedError):
        server.info()
    server.start()
    assert server.port == port
    assert server.pid != pid
    assert server.info()["port"] == port


def test_stopped_server_is_silent_until_continued(server: NatsServer) -> None:
    server.stop()
    with pytest.raises(TimeoutError):
        server.info(timeout=0.1)
    server.cont()
    assert server.info()["server_name"] == server.name


def test_stopped_server_can_be_terminated(server: NatsServer) -> None:
    server.stop()
    server.terminate()
    assert not server.running


def test_lame_duck_server_sends_ldm(server: NatsServer) -> None:
    with socket.create_connection((HOST, server.port), 5.0) as client, client.makefile("rb") as lines:
        lines.readline()
        client.sendall(b'CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n')
        assert lines.readline() == b"PONG\r\n"
        server.lame_duck()
        while b'"ldm":true' not in (line := lines.readline()):
            assert line


def test_server_that_cannot_start_shows_its_log(nats_server: Callable[..., NatsServer]) -> None:
    with pytest.raises(ServerFailed, match=r"ended at once\n.*no_such_option"):
        nats_server(config="no_such_option: 1")


def test_server_takes_configuration(nats_server: Callable[..., NatsServer]) -> None:
    assert nats_server(name="east-1", config="max_payload: 1024").info()["max_payload"] == 1024


def test_cluster_nodes_survive_each_other(cluster: list[NatsServer]) -> None:
    cluster[0].restart()
    assert cluster[0].info()["cluster"] == "nodes"


def test_refused_port_refuses_until_a_server_takes_it(
    refused_port: int, nats_server: Callable[..., NatsServer]
) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, refused_port), 1.0)
    assert nats_server(port=refused_port).port == refused_port


def test_blackhole_never_connects(blackhole: int) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            socket.create_connection((HOST, blackhole), 0.1)


@needs_proc
def test_open_socket_is_found() -> None:
    before = Snapshot()
    with socket.create_server((HOST, 0)) as listener:
        left = before.left_behind(NO_GRACE)
        assert len(left) == 1
        assert left[0].startswith(f"an open socket, fd {listener.fileno()} tcp")
    assert before.left_behind() == []


def test_thread_is_found() -> None:
    before = Snapshot()
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="lingering")
    thread.start()
    assert before.left_behind(NO_GRACE) == ["a thread, lingering"]
    end.set()
    thread.join()
    assert before.left_behind() == []


@needs_proc
def test_process_is_found_and_ended() -> None:
    before = Snapshot()
    with subprocess.Popen(["sleep", "60"]) as process:
        left = before.left_behind(NO_GRACE)
        assert len(left) == 1
        assert left[0].startswith(f"a process, {process.pid}: ")
    assert before.left_behind() == []


@needs_proc
def test_orphan_is_found() -> None:
    before = Snapshot()
    parent = subprocess.run(["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"], capture_output=True, check=True)
    orphan = int(parent.stdout)
    assert alive(orphan)
    assert [line.partition(":")[0] for line in before.left_behind(NO_GRACE)] == [f"a process, {orphan}"]
    assert before.left_behind() == []


LEAKY = """
import asyncio
from tests import conftest

conftest.GRACE = 0.0

async def linger():
    await asyncio.sleep(60)

async def test_leaves_a_task():
    global task
    task = asyncio.create_task(linger())
"""


def test_task_is_found(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> None:
    file = tmp_path_factory.mktemp("leaky") / "test_leaky.py"
    file.write_text(LEAKY)
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.conftest", "-c", str(pytestconfig.inipath)]
    command = [sys.executable, "-m", "pytest", *options, str(file)]
    run = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=100)
    assert run.returncode == 1, run.stdout
    assert "left behind: a task" in run.stdout
    assert "linger" in run.stdout


async def test_ending_task_is_not_a_leak() -> None:
    asyncio.create_task(asyncio.sleep(0.01))  # noqa: RUF006  it is not awaited: that is the point


async def test_closed_witness_stops_dialing() -> None:
    """Also where the cancel was lost, as in Python 3.11's wait_for."""
    waiting = asyncio.Event()

    async def dial() -> None:
        try:
            waiting.set()
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await end_if_closed(ConnectionRefusedError())
        pytest.fail("it goes on")

    await end_if_closed(ConnectionRefusedError())  # in a task that is not cancelled, it is not raised
    dialing = asyncio.create_task(dial())
    await waiting.wait()
    dialing.cancel()
    await asyncio.wait({dialing})
    assert dialing.cancelled()
