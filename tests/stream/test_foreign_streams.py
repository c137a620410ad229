"""A pipe that is given something else than the stream of natsmon."""

import asyncio
import os

import pytest

from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.stream.pipe import Pipe as Source
from tests.harness.time_limits import WAIT
from tests.stream.pipes import Pipe

NO_EVENTS = "no line is an event of natsmon --json; a compressed recording needs zcat before the pipe"


async def test_endless_stream_without_an_event_is_not_read_for_ever(pipe: Pipe) -> None:
    os.write(pipe.inn, b"y\n" * 1_000)
    source = Source(pipe.out)
    assert [event async for event in source.events()] == []
    assert source.exit_reason == NO_EVENTS


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00compressed", b"{}\n", b"hello\n\n"])
async def test_short_stream_without_an_event_is_described(pipe: Pipe, content: bytes) -> None:
    os.write(pipe.inn, content)
    pipe.close_writer()
    source = Source(pipe.out)
    assert [event async for event in source.events()] == []
    assert source.exit_reason == NO_EVENTS


async def test_empty_stream_is_called_so(pipe: Pipe) -> None:
    pipe.close_writer()
    source = Source(pipe.out)
    assert [event async for event in source.events()] == []
    assert source.exit_reason == "nothing came through the pipe; did the program before it start?"


async def test_stray_lines_after_an_event_end_nothing(pipe: Pipe) -> None:
    """As of a newer natsmon, or of a program that shares its standard output."""
    os.write(pipe.inn, b"motd\n" + codec.encode(ev.Alive(t=1.0)) + b"y\n" * 2_000)
    source = Source(pipe.out)
    events = source.events()
    assert await anext(events) == ev.Alive(t=1.0)
    following = asyncio.ensure_future(anext(events))
    os.write(pipe.inn, codec.encode(ev.Alive(t=2.0)))
    assert await asyncio.wait_for(following, WAIT) == ev.Alive(t=2.0)
    source.kill()
