"""A step of a dial until PONG: every failure is a DialError that nats-py's retry loop survives."""

from typing import Protocol

import nats.errors

from natsmon.dial.causes import Stage
from natsmon.dial.error_causes import classify
from natsmon.dial.errors import DialError, DialFailed


class FailingTransport(Protocol):
    """What a step does with a failure; ``DialTransport`` is one."""

    def cancelled(self, stage: Stage, late: str) -> None:
        """Drop the connection for a step that was cancelled."""

    def fail(self, error: DialError) -> None:
        """Drop the connection for an error of a step."""


class Step:
    """A step until PONG: a failure is raised as a DialError, and leaves no connection open, nor does a cancel."""

    __slots__ = ("_late", "_stage", "_transport")

    def __init__(self, transport: FailingTransport, stage: Stage, late: str) -> None:
        self._transport = transport
        self._stage = stage
        self._late = late

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        if not isinstance(error, Exception):  # cancelled, maybe by nats-py's own timeout
            self._transport.cancelled(self._stage, self._late)
            return
        failure = _as_dial_error(self._stage, error, self._late)
        self._transport.fail(failure)
        if failure is not error:
            raise failure from error


def _as_dial_error(stage: Stage, error: Exception, late: str) -> DialError:
    """Return a DialError that nats-py's loop survives: an OSError, or an error of nats-py."""
    if isinstance(error, DialError):
        survives = isinstance(error, OSError | nats.errors.Error)
        return error if survives else DialFailed(error.stage, error.cause, error.text, address=error.address)
    if isinstance(error, TimeoutError) and not error.errno:
        return DialError(stage, "timeout", str(error) or late)
    return DialError(stage, *classify(error), origin=error)


class _OnlyOsErrors:
    """Raise anything else, as a custom stream may raise it, as a DialError; nats-py's loops would end silently."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, OSError | nats.errors.Error):
            raise DialFailed("connect", *classify(error), origin=error) from error


only_os_errors = _OnlyOsErrors()
