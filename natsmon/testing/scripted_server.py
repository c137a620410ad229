"""A NATS server in memory that follows a script; it is the dialer of the client under test.

::

    async with ScriptedServer(refuse, serve) as server:
        client = await connect("nats://test", dialer=server, reconnect_time_wait=0)
        await client.publish("hello", b"world")
        await server.until(lambda: server.published)
"""

import asyncio
from collections.abc import Callable
from typing import Self

from natsmon.dial.arguments import check
from natsmon.dial.errors import DialError
from natsmon.dial.stream import Address, Stream
from natsmon.dial.trace import DialTrace, Hooks
from natsmon.testing.session import Published, Script, Session, serve


class ScriptedServer:
    """A dialer whose connections end in memory, each at a script.

    Use as a context, whose end is ``close``.

    Args:
        scripts: One for each dial, in order; the last one plays for all later dials. ``serve`` by default.

    Raises:
        ValueError: A script cannot be called.
    """

    def __init__(self, *scripts: Script) -> None:
        for script in scripts:
            check("a script", script, "a coroutine function that takes a Session", object, callable)
        self._scripts = scripts or (serve,)
        self.sessions: list[Session] = []
        """One for each dial."""
        self.published: list[Published] = []
        """Every message received from clients or passed to ``publish``, in order."""
        self._closed = False
        self._changes = asyncio.Event()
        self._playing: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        """What scripts raised, and no client was to receive."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def dial(self, address: Address, *, deadline: float | None = None, trace: DialTrace | None = None) -> Stream:
        """Open a connection to the next script. See ``CustomDialer.dial``.

        The script decides the outcome: the dial returns once it waits for the client or has ended, and raises what the
        script raises before that. What is neither a DialError nor an OSError is raised in the test, too.

        Raises:
            DialError: ``DialRefused`` after ``close``.
            Exception: Of the script, as the ``DialRefused`` of ``refuse``.
        """
        if self._closed:
            raise DialError("tcp", "refused", "the ScriptedServer is closed")
        session = Session(self, len(self.sessions) + 1, address)
        self.sessions.append(session)
        self.changed()
        script = self._scripts[min(session.number, len(self._scripts)) - 1]
        with Hooks(trace).connecting(session.client_end.address):
            playing = asyncio.ensure_future(self._play(script, session))
            self._playing.add(playing)
            playing.add_done_callback(self._playing.discard)
            try:
                await asyncio.sleep(0)  # the script runs up to its first wait
            except asyncio.CancelledError:
                playing.cancel()
                raise
            if playing.done():
                playing.result()
        session.opened = True
        self.changed()
        return session.client_end

    @property
    def session(self) -> Session:
        """The newest session.

        Raises:
            RuntimeError: No client has dialed yet.
        """
        if not self.sessions:
            raise RuntimeError("no client has dialed yet: await server.until(lambda: server.sessions)")
        return self.sessions[-1]

    def publish(
        self,
        subject: str,
        payload: bytes = b"",
        *,
        reply: str = "",
        headers: bytes = b"",
        source: Session | None = None,
    ) -> None:
        """Deliver a message to every matching subscription, and to one of each queue group.

        Args:
            subject: Without wildcards.
            payload: The body.
            reply: Subject for an answer; empty for none.
            headers: With the version line; empty for none.
            source: Of the client that published it. It does not receive it if its CONNECT has ``echo: false``, and
                receives status 503 (ADR-4) if it is a request that no subscription matches.

        Raises:
            TypeError: The payload is not of bytes.
        """
        check("payload", payload, "bytes", bytes)
        message = Published(subject, payload, reply, headers)
        self.published.append(message)
        served: set[tuple[str, str]] = set()
        to = [each for each in self.sessions if each is not source or each.connect_options.get("echo", True)]
        received = [session.deliver(message, served) for session in to]
        if source is not None and reply and source.connect_options.get("no_responders") and not any(received):
            source.deliver(Published(reply, b"", headers=b"NATS/1.0 503\r\n\r\n"))
        self.changed()

    def changed(self) -> None:
        """Wake ``until``; scripts need not call it."""
        self._changes.set()

    def _raise_failures(self) -> None:
        failures, self._failures = self._failures, []
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise BaseExceptionGroup("scripts failed", failures)

    async def until(self, met: Callable[[], object], *, within: float = 5.0) -> None:
        """Wait until a condition on this server is met.

        Args:
            met: Called after each change.
            within: Seconds.

        Raises:
            TimeoutError: It was not met within so many seconds.
            Exception: Of a script that failed.
        """
        async with asyncio.timeout(within):
            while not met():
                self._raise_failures()
                self._changes.clear()
                await self._changes.wait()

    async def close(self) -> None:
        """Close every connection, end the scripts, and refuse later dials.

        Raises:
            Exception: Of a script that failed; of several, an ExceptionGroup.
        """
        self._closed = True
        for session in self.sessions:
            session.close()
        for playing in self._playing:
            playing.cancel()
        if self._playing:
            await asyncio.wait(self._playing)
        self._raise_failures()

    async def _play(self, script: Script, session: Session) -> None:
        try:
            await script(session)
        except (ConnectionError, asyncio.IncompleteReadError):
            if not session.opened:
                raise
            session.close()  # the client has left
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # pytest.fail() raises one that is no Exception
            session.close()
            if session.opened or not isinstance(error, DialError | OSError):
                self._failures.append(error)
                self.changed()
            if not session.opened:
                raise
