"""The programs in examples/, run as their readers would, against a real server."""

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from natsmon.lab.nats_server import HOST, NatsServer
from tests.certificates import Certificates
from tests.conftest import StartServer
from tests.dial import proxy_servers
from tests.dial.test_other_dialers import forwarding, relay_command
from tests.harness.time_limits import FOREVER, WAIT
from tests.protocol import websockets

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


WAITS_FOR_EVER = f"""
import asyncio
sleep = asyncio.sleep
asyncio.sleep = lambda seconds: sleep({FOREVER} * seconds)
"""


class Program:
    """One of them, running."""

    def __init__(self, name: str, *args: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment},
        )
        self.lines: list[str] = []

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def until(self, text: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip())
            if text in line:
                return
        pytest.fail(f"{text!r} is not in\n" + "\n".join(self.lines), pytrace=False)

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Its exit code."""
        rest, _ = self._process.communicate(timeout=WAIT)
        self.lines += rest.splitlines()
        return self._process.returncode


def test_all_of_them_are_run_here() -> None:
    tests = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert f'Program("{example.stem}"' in tests


def test_custom_dialer_publishes_reconnects_and_drains(server: NatsServer) -> None:
    with Program("custom_dialer", server.url) as program:
        program.until(f"TCP established to {server.authority}")
        program.until("Published")
        assert any("Attempting to connect to" in line for line in program.lines)
        server.kill()
        program.until("disconnected")
        program.until("Connection refused (stage tcp, cause refused)")
        server.start()
        program.until("reconnected")
        program.until("Published")
        program.interrupt()
        assert program.end() == 0
        assert program.lines[-1].endswith("closed")
        assert "Traceback" not in "".join(program.lines)


def test_custom_dialer_is_stopped_amid_a_dial(refused_port: int, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WAITS_FOR_EVER)
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    with Program("custom_dialer", f"nats://{HOST}:{refused_port}", f"{FOREVER}", PYTHONPATH=path) as program:
        program.until("Not ready yet")
        program.until("Connection refused (stage tcp, cause refused)")
        program.interrupt()
        assert program.end() == 0
        assert sum("Attempting" in line for line in program.lines) == 1  # the wait between two attempts was ended
        assert "Traceback" not in "".join(program.lines)


def test_custom_dialer_is_stopped_while_it_reconnects(server: NatsServer) -> None:
    with Program("custom_dialer", server.url) as program:
        program.until("Published")
        server.kill()
        program.until("Connection refused (stage tcp, cause refused)")
        program.until("Not ready yet")
        program.interrupt()
        assert program.end() == 0
        assert "Traceback" not in "".join(program.lines)


def test_custom_dialer_gives_up_in_time(refused_port: int) -> None:
    with Program("custom_dialer", f"nats://{HOST}:{refused_port}", "1.5") as program:
        program.until("Gave up")
        assert program.end() == 1
        assert sum("Attempting" in line for line in program.lines) <= 2  # in ten seconds, as without an argument: ten


def test_custom_dialer_tries_the_handshake_again(nats_server: StartServer, tmp_path: Path) -> None:
    server = nats_server(config=Certificates(tmp_path).config())
    with Program("custom_dialer", server.url, f"{FOREVER}") as program:
        program.until("error")  # a certificate that is not trusted
        program.until("TCP established")
        program.interrupt()
        assert program.end() == 0
        assert any("certificate" in line for line in program.lines)


def test_in_memory_pipe(server: NatsServer) -> None:
    with Program("in_memory_pipe", server.url) as program:
        assert program.end() == 0
        assert program.lines == ["received world through a pipe in memory"]


def test_recording_dialer(server: NatsServer) -> None:
    with Program("recording_dialer", server.url) as program:
        assert program.end() == 0
        recorded = "\n".join(program.lines)
        assert re.search(r"^> b'CONNECT \{", recorded, re.MULTILINE)
        assert r"< b'MSG hello 1 5\r\nworld\r\n'" in recorded


@pytest.mark.parametrize("scheme", ["socks5", "http", ""])
async def test_proxy_dialer(scheme: str, server: NatsServer) -> None:
    serve = proxy_servers.http if scheme == "http" else proxy_servers.socks
    async with serve(("me", "p w")) as proxy:
        url = f"{scheme}://me:p%20w@{proxy.authority}" if scheme else ""
        with Program("proxy_dialer", server.url, ALL_PROXY=url) as program:
            assert await asyncio.to_thread(program.end) == 0
            assert program.lines == ["received world"]
        assert proxy.targets == ([server.authority] if scheme else [])


def test_tls_dialer(nats_server: StartServer, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    server = nats_server(config=certificates.config("handshake_first: true"), speaks_first=False)
    with Program("tls_dialer", str(tmp_path / "ca.pem"), server.authority) as program:
        assert program.end() == 0
        assert program.lines == ["received world under TLS of the dialer"]


def test_bastion(server: NatsServer) -> None:
    with Program("bastion", shlex.join(relay_command()), server.url) as program:
        assert program.end() == 0
        assert program.lines[-1] == "received world through a command"
        assert any("dial complete" in line for line in program.lines)


async def test_other_dialers(nats_server: StartServer, tmp_path: Path) -> None:
    server = await asyncio.to_thread(nats_server, config=websockets.listening_on())
    balanced = await asyncio.to_thread(nats_server, config="proxy_protocol: true", speaks_first=False)
    async with forwarding(tmp_path / "nats.sock", server):
        for way, url in (
            (f"unix:{tmp_path}/nats.sock", server.url),
            (f"ws://{HOST}:{websockets.port_of(server)}", server.url),
            ("proxy-protocol:203.0.113.9", balanced.url),
            ("keep-alive:30", server.url),
        ):
            with Program("other_dialers", way, url) as program:
                assert await asyncio.to_thread(program.end) == 0, way
                assert program.lines == ["received world"], way
