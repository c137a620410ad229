"""A NATS client on a plain socket, for tests that look at what a server or a relay sends."""

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from tests.harness.time_limits import WAIT

SOON = 0.05
"""Seconds in which everything arrives on loopback that is on its way."""


class RawClient:
    """Connects, reads INFO and sends CONNECT. Read errors are those of the socket."""

    def __init__(self, url: str) -> None:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        assert port is not None
        self._socket = socket.create_connection((host, port), WAIT)
        self._received = b""
        try:
            self.until(b"\r\n")
            line, _, self._received = self._received.partition(b"\r\n")
            self.info: dict[str, Any] = json.loads(line.removeprefix(b"INFO "))
            self.send(b'CONNECT {"verbose":false,"protocol":1}\r\n')
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def ping(self) -> None:
        self.send(b"PING\r\n")

    def pong(self) -> None:
        """Wait for a PONG."""
        self.until(b"PONG\r\n")
        self._received = self._received.partition(b"PONG\r\n")[2]

    def round_trip(self) -> float:
        """Seconds from PING to PONG."""
        began = time.monotonic()
        self.ping()
        self.pong()
        return time.monotonic() - began

    def until(self, data: bytes) -> bool:
        """Read until this has arrived."""
        while data not in self._received:
            more = self._read(WAIT)
            if more is None:
                raise TimeoutError(f"no {data!r} within {WAIT:g} s after {self._received!r}")
            self._received += more
        return True

    def silent(self) -> bool:
        """True if nothing arrives now, and the connection stays open."""
        return self._read(SOON) is None

    def ended(self) -> bool:
        """Wait for the end of the connection, by FIN or RST."""
        try:
            while self._read(WAIT):
                pass
        except ConnectionError:
            return True
        return False

    def _read(self, within: float) -> bytes | None:
        self._socket.settimeout(within)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return None
        if not data:
            raise ConnectionError("the connection ended")
        return data
