"""A numbered message on the wire."""

import pytest

from natsmon.config.secret import Secret
from natsmon.probe.messages.message import AckedMessage
from tests.harness.listening import settings


@pytest.mark.parametrize("seq", [1, 9, 10, 99, 100, 123456])
def test_sizes_on_the_wire_are_those_of_the_message(seq: int) -> None:
    message = AckedMessage(settings(jetstream="ORDERS", headers=(("Kind", Secret("ü")),)), "d00dfeed")
    wire = message.compose(seq)
    assert message.wire_size(seq) == len(wire)
    line, _, rest = wire.partition(b"\r\n")
    verb, subject, reply, headers, total = line.split()
    assert (verb, subject, reply) == (b"HPUB", b"hello", f"{message.inbox}.{seq}".encode())
    assert rest[int(headers) - 4 : int(headers)] == b"\r\n\r\n"
    assert rest[int(headers) : int(total)] == b"world"
    assert len(rest) == int(total) + 2
    assert message.number(rest[: int(headers)]) == seq
