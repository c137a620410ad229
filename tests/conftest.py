"""Fixtures: real servers, dead ports, and a leak check after every test."""

import asyncio
import inspect
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import nats.aio.client
import pytest

from natsmon.lab.nats_server import NatsServer, ServerFailed
from natsmon.probe.inquiry import monitoring_port, second_look
from natsmon.protocol import credentials
from tests.harness import dead_ports
from tests.harness.leaks import GRACE, Snapshot, adopt_orphans
from tests.harness.polling import wait_until_formed
from tests.harness.server_times import with_time_to_connect
from tests.harness.time_limits import FOREVER, IN_TIME, WAIT

StartServer = Callable[..., NatsServer]


# The same examples each time, as long as they take on a busy machine; --hypothesis-profile=explore looks for new ones.
SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("explore", deadline=None, suppress_health_check=SLOW)
hypothesis.settings.register_profile("steady", deadline=None, suppress_health_check=SLOW, derandomize=True)
hypothesis.settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nats-server", type=Path, help="nats-server program to test against (default: the newest)")


def pytest_configure() -> None:
    os.environ["XDG_CONFIG_HOME"] = "/proc/nowhere"  # contexts and config of the user do not apply
    for name in [name for name in os.environ if name.startswith(("NATS_", "NATSMON_"))]:
        del os.environ[name]
    adopt_orphans()
    asyncio.set_event_loop(None)  # else pytest-asyncio's first test makes one "to restore", which is never closed
    # Ignored as of a script's job in the background, or by nohup: every program started here would ignore them too.
    for number, action in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, action)


def pytest_sessionfinish() -> None:
    """Write what coverage measured now: pytest-xdist kills a worker that takes long to exit."""
    measured = "coverage" in sys.modules and sys.modules["coverage"].Coverage.current()
    if measured:
        measured.stop()
        measured.save()


def pytest_itemcollected(item: pytest.Item) -> None:
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(inspect.unwrap(item.function)):
        item.fixturenames.insert(item.fixturenames.index("nothing_left_behind") + 1, "no_task_left_behind")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a nats-server of another version, only the tests that start one: for the others nothing differs."""
    if config.getoption("--nats-server"):
        concerned = [item for item in items if isinstance(item, pytest.Function) and "nats_server" in item.fixturenames]
        config.hook.pytest_deselected(items=[item for item in items if item not in concerned])
        items[:] = concerned


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Set up before every other fixture of a test, so that it looks after all of them have ended."""
    before = Snapshot()
    yield
    if left := before.left_behind():
        pytest.fail("left behind: " + "; ".join(left), pytrace=False)


@pytest.fixture(autouse=True)
def time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is late, and no refusal slow, because this process was stopped for some seconds."""
    monkeypatch.setattr(second_look, "LOOK_TIMEOUT", WAIT)
    monkeypatch.setattr(monitoring_port, "_WITHIN", WAIT)
    monkeypatch.setattr(credentials, "_SLOW", FOREVER)
    connect = nats.aio.client.Client.connect
    names = inspect.getfullargspec(connect).args
    defaults = dict(zip(reversed(names), reversed(connect.__defaults__ or ()), strict=False))
    defaults = {**defaults, "connect_timeout": IN_TIME}
    monkeypatch.setattr(connect, "__defaults__", tuple(reversed(defaults.values())))


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """For async tests only, and apart: the end of the loop, which comes before the check above, cancels unseen."""
    before = asyncio.all_tasks()
    yield
    if left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        _, left = await asyncio.wait(left, timeout=GRACE)
    if left:
        pytest.fail("left behind: " + "; ".join(f"a task, {task!r}" for task in left), pytrace=False)


@pytest.fixture
def nats_server(pytestconfig: pytest.Config) -> Iterator[StartServer]:
    """A factory: ``nats_server(config="", name="", port=-1, ...)`` starts a real one, which ends with the test.

    Takes what ``NatsServer`` takes.
    """
    program: Path | None = pytestconfig.getoption("--nats-server")
    with ExitStack() as servers:

        def start(**options: Any) -> NatsServer:
            config = with_time_to_connect(options.pop("config", ""))
            server = NatsServer(**{"binary": program, **options}, config=config)
            servers.callback(server.close)
            try:
                return server.start()
            except ServerFailed as error:
                if program and "unknown field" in str(error):
                    pytest.skip(f"this nats-server is older than the setting: {str(error).splitlines()[-1]}")
                raise

        yield start


@pytest.fixture
def server(nats_server: StartServer) -> NatsServer:
    """One running nats-server: ``.url``, ``.kill()``, ``.start()``, ``.restart()``, ``.stop()``, ``.cont()``."""
    return nats_server()


@pytest.fixture
def cluster(nats_server: StartServer) -> list[NatsServer]:
    """Three nats-servers that form a cluster: each advertises all three to its clients."""
    nodes: list[NatsServer] = []
    for number in range(3):
        nodes.append(nats_server(name=f"node-{number}", cluster="nodes", routes=tuple(nodes)))
    wait_until_formed(nodes)
    return nodes


@pytest.fixture
def full_disk() -> str:
    """The path of a device that takes nothing: no space is left on it."""
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no device that is always full")
    return "/dev/full"


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A time zone in which no time of day is that of UTC, not even by its minutes."""
    monkeypatch.setenv("TZ", "XST-05:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def refused_port() -> Iterator[int]:
    """A port that refuses connections and stays reserved; a nats-server may still be started on it."""
    with dead_ports.refused_port() as port:
        yield port


@pytest.fixture
def blackhole() -> Iterator[int]:
    """A port at which TCP connects neither succeed nor fail."""
    with ExitStack() as held:
        try:
            port = held.enter_context(dead_ports.blackhole_port())
        except dead_ports.Unsupported as error:
            pytest.skip(str(error))
        yield port
