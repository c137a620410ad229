"""The stages of one attempt: their events, and how long each took."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from natsmon.config.settings import Settings
from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError, classify
from natsmon.dial.trace import DialTrace
from natsmon.protocol import credentials, tls
from natsmon.protocol.certificates import verified_chain
from natsmon.protocol.jwt_claims import read_claims
from natsmon.protocol.server_info import Info
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit


class Stages(DialTrace):
    """Emits ``dial_stage`` events from the hooks of a dial, and keeps the seconds of each stage."""

    def __init__(self, dial: int, settings: Settings, emit: Emit) -> None:
        self.dial = dial
        self.emit = emit
        """Emits what the attempt learns of its server."""
        self._settings = settings
        self.agreed: tls.Agreement | None = None
        self.info: Info | None = None
        self._began: dict[ev.Stage, float] = {}
        self._addresses: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.reached: ev.Stage | None = None
        self._ended = False
        self.silence = ""
        """Text of a timeout in this part of a stage; empty for the usual one."""

    @contextmanager
    def stage(self, stage: ev.Stage) -> Iterator[None]:
        self._start(stage)
        try:
            yield
        except asyncio.CancelledError:
            raise  # by the deadline or by a command, which ``end`` is given
        except BaseException as error:
            self._done(stage, *_ending(error))
            raise
        self._done(stage, *_ending(None))

    def dns_start(self, host: str) -> None:
        self._start("dns")

    def dns_done(self, addresses: Sequence[str], error: BaseException | None) -> None:
        if isinstance(error, asyncio.CancelledError):
            return
        self._done("dns", *_ending(error), ", ".join(addresses))
        if error is None:
            self._start("tcp")

    def connect_start(self, address: str) -> None:
        self._addresses[address] = time.perf_counter()
        self._emit_stage("tcp", "started", address=address)

    def connect_done(self, address: str, error: BaseException | None) -> None:
        if isinstance(error, asyncio.CancelledError) and "tcp" not in self.seconds:
            return  # not because another address was first: ``end`` is given the cause
        self._address_done(address, *_ending(error))
        if error is None and "tcp" in self._began and "tcp" not in self.seconds:
            self._done("tcp", *_ending(None))

    def emit_tls(self) -> None:
        """Emit the result of the TLS handshake, after the dial: parsing certificates takes time."""
        if self.agreed is not None:
            chain = verified_chain(self.agreed.certificate, self.agreed.authorities)
            self.emit(
                ev.DialTls(
                    dial=self.dial,
                    version=self.agreed.version,
                    cipher=self.agreed.cipher,
                    server_name=self.agreed.server_name,
                    chain=[ev.Certificate(**certificate._asdict()) for certificate in chain],
                )
            )

    def connect_sent(self, info: Info, connect: dict[str, Any]) -> None:
        claims = read_claims(connect.get("jwt", ""))
        self.emit(
            ev.DialConnect(
                dial=self.dial,
                connect=credentials.mask(connect),
                credentials=credentials.used(connect, self._settings, info),
                expires=claims.expires,
                issued=claims.issued,
            )
        )

    def end(self, outcome: ev.DialOutcome, cause: str, text: str, ended_in: ev.Stage | None) -> None:
        """End the stages in progress when the attempt ends, and the one it ended in.

        That one may be complete: a proxy refuses once there is a TCP connection to it.
        """
        unfinished: ev.StageOutcome = "cancelled" if outcome == "cancelled" else "failed"
        for address in list(self._addresses):
            self._address_done(address, unfinished, cause, text)
        for stage in list(self._began):
            if stage not in self.seconds or (stage == ended_in and outcome != "connected"):
                self._done(stage, unfinished, cause, text)
        self._ended = True

    def _address_done(self, address: str, outcome: ev.StageOutcome, cause: str, text: str) -> None:
        began = self._addresses.pop(address, None)
        if began is not None:
            elapsed = _since(began)
            self._emit_stage("tcp", outcome, address=address, elapsed=elapsed, cause=cause, text=text)

    def _start(self, stage: ev.Stage) -> None:
        self._began[stage] = time.perf_counter()
        self.reached = stage
        self._emit_stage(stage, "started")

    def _done(self, stage: ev.Stage, outcome: ev.StageOutcome, cause: str, text: str, address: str = "") -> None:
        elapsed = self.seconds[stage] = _since(self._began[stage]) if stage in self._began else 0.0
        self._emit_stage(stage, outcome, elapsed=elapsed, cause=cause, text=text, address=address)

    def _emit_stage(self, stage: ev.Stage, outcome: ev.StageOutcome, **fields: Any) -> None:
        if self._ended:
            return  # from a dialer that was abandoned
        self.emit(ev.DialStage(dial=self.dial, stage=stage, outcome=outcome, **fields))


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 6)


def _ending(error: BaseException | None) -> tuple[ev.StageOutcome, str, str]:
    if error is None:
        return "complete", "", ""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled", "", ""
    return "failed", *(explained(error) if isinstance(error, DialError) else classify(error))


def explained(error: DialError) -> tuple[Cause, str]:
    """The cause and the text, with the proxy and which of the two failed: a proxy's failure is not the server's."""
    if not error.proxy:
        return error.cause, error.text
    if error.hop == "proxy":
        return Cause.PROXY, f"proxy {error.proxy}: {error.text}"
    return error.cause, f"{error.text}, about the server, through the proxy {error.proxy}"
