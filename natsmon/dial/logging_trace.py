"""A trace that writes to the standard library's logging."""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from ssl import SSLObject
from typing import Any

from natsmon.dial.arguments import check
from natsmon.dial.trace import DialTrace


class LoggingTrace(DialTrace):
    """Logs one line a step, with the milliseconds since the dial began. No secret is in them.

    Use one trace for each client.

    Args:
        logger: Where to log; ``natsmon.dial`` by default.
        level: For steps that succeed or begin. Failures are logged as warnings.

    Raises:
        TypeError: The level is no number.
        ValueError: The logger is none.
    """

    def __init__(self, logger: logging.Logger | None = None, level: int = logging.DEBUG) -> None:
        check(
            "logger", logger, "a logging.Logger or None", object, lambda given: given is None or hasattr(given, "log")
        )
        check("level", level, "a level such as logging.INFO", int)
        self._logger = logger or logging.getLogger("natsmon.dial")
        self._level = level
        self._server = ""
        self._began = 0.0

    def get_conn(self, host_port: str) -> None:
        self._server = host_port
        self._began = time.perf_counter()
        self._log("dial begins")

    def dns_done(self, addresses: Sequence[str], error: BaseException | None) -> None:
        self._log_end("lookup", error, ", ".join(addresses))

    def connect_start(self, address: str) -> None:
        self._log(f"TCP connect to {address}")

    def connect_done(self, address: str, error: BaseException | None) -> None:
        self._log_end(f"TCP connect to {address}", error)

    def got_conn(self, address: str) -> None:
        self._log(f"stream to {address} is open")

    def tls_handshake_done(self, state: SSLObject | None, error: BaseException | None) -> None:
        self._log_end("TLS handshake", error, state.version() if state is not None else None)

    def info_done(self, info: Mapping[str, Any] | None, error: BaseException | None) -> None:
        shown = "{server_name!a} version {version!a}".format_map(defaultdict(str, info or {}))
        self._log_end("INFO", error, shown)

    def nats_connect_done(self, error: BaseException | None) -> None:
        self._log_end("CONNECT", error)

    def dial_done(self, error: BaseException | None) -> None:
        self._log_end("dial", error)

    def _log_end(self, step: str, error: BaseException | None, detail: str | None = None) -> None:
        if isinstance(error, Exception):
            self._log(f"{step} failed: {error}", logging.WARNING)
        elif error is not None:
            self._log(f"{step} cancelled")
        else:
            self._log(f"{step} complete" + (f": {detail}" if detail else ""))

    def _log(self, text: str, level: int = 0) -> None:
        took = (time.perf_counter() - self._began) * 1000
        self._logger.log(level or self._level, "%s: %s (%.1f ms)", self._server, text, took)
