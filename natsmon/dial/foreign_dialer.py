"""Runs a dialer of another program: whatever it raises or ignores, its dial ends in time with a stream or an error."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable
from typing import Any

from natsmon.dial.arguments import kind_of
from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError, described
from natsmon.dial.race import discard_result
from natsmon.dial.stream import Address, CustomDialer, Stream, as_stream, discard
from natsmon.dial.trace import DialTrace

_GRACE = 0.05
"""Seconds after the deadline until a dialer is cancelled; one that keeps its deadline has raised by then."""

_CANCEL_GRACE = 0.1
"""Seconds that a cancelled dialer has to end."""

_log = logging.getLogger(__name__)
_abandoned: set[asyncio.Task[Any]] = set()
"""Dialers that ignored their cancellation. The loop keeps no strong reference to a task."""


def given_or_tcp(dialer: CustomDialer | None) -> CustomDialer:
    """Return the dialer that was given, or ``Dialer()``. Raises TypeError unless the object is a dialer."""
    if dialer is None:
        return Dialer()
    if isinstance(dialer, type) or not callable(getattr(dialer, "dial", None)):
        wanted = "a dialer is an object with the method dial(address, *, deadline, trace)"
        raise TypeError(f"{wanted}, not {kind_of(dialer)}")
    return dialer


async def dial(dialer: CustomDialer, address: Address, deadline: float | None, trace: DialTrace | None) -> Stream:
    """Dial, whatever the dialer does. See ``CustomDialer.dial``.

    Any exception it raises, CancelledError and SystemExit included, is raised as a DialError. One that ignores its
    deadline is cancelled; one that ignores its cancellation is logged and abandoned, and what it opens later is closed.

    Raises:
        DialError: The dial failed.
        TypeError: The dialer cannot be called with these arguments, or returns something else than a stream.
    """
    if type(dialer) is Dialer:  # keeps its deadline, and ends when it is cancelled
        return await dialer.dial(address, deadline=deadline, trace=trace)
    dialing: object = dialer.dial(address, deadline=deadline, trace=trace)
    if not inspect.isawaitable(dialing):
        discard(dialing)
        raise TypeError(f"the method dial of {type(dialer).__name__} is not a coroutine function")
    task = asyncio.ensure_future(_outcome(dialing))
    now = asyncio.get_running_loop().time
    try:
        await asyncio.wait([task], timeout=None if deadline is None else deadline + _GRACE - now())
        ended = task.done() or await _cancelled(task, dialer)
    except asyncio.CancelledError:
        await _cancelled(task, dialer)
        raise
    if not ended:
        raise DialError("tcp", "timeout", "the dialer ignored its deadline and its cancellation, and was abandoned")
    opened, error = task.result()
    if error is None:
        return as_stream(opened)
    if isinstance(error, asyncio.CancelledError) and deadline is not None and now() >= deadline:
        raise DialError("tcp", "timeout", "the dialer did not keep its deadline") from error
    if isinstance(error, Exception) and not isinstance(error, TypeError):
        raise error
    raise DialError("tcp", "unknown", f"the dialer raised {described(error)}") from error


async def _outcome(dialing: Awaitable[object]) -> tuple[object, BaseException | None]:
    try:
        return await dialing, None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error


async def _cancelled(task: "asyncio.Task[tuple[object, BaseException | None]]", dialer: CustomDialer) -> bool:
    """Cancel the dialer's task; return whether it ended. What it has opened all the same is closed."""
    task.cancel()
    try:
        await asyncio.wait([task], timeout=_CANCEL_GRACE)
    finally:
        if not task.done():
            _log.warning("the dialer %s ignored its cancellation and was abandoned", type(dialer).__name__)
            _abandoned.add(task)
            task.add_done_callback(_abandoned.discard)
        task.add_done_callback(lambda task: discard_result(task, lambda outcome: discard(outcome[0])))
    return task.done()
