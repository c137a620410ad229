"""Answers of the JetStream API."""

import msgspec
import pytest

from natsmon.protocol.jetstream_api import ApiError, StreamInfo


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (ApiError(503, 10008, "JetStream system temporarily unavailable"), True),
        (ApiError(503, 10077, "raft: not leader"), True),
        (ApiError(503, 10077, "maximum messages exceeded"), False),
        (ApiError(503, 10077, "maximum messages per subject exceeded"), False),
        (ApiError(503, 10039, "JetStream not enabled for account"), False),
        (ApiError(409, 10158, "duplicate message id is in process"), True),
        (ApiError(429, 10167, "too many requests"), True),
        (ApiError(503, 0, "something new"), True),
        (ApiError(400, 10054, "message size exceeds maximum allowed"), False),
        (ApiError(400, 10109, "invalid operation on sealed stream"), False),
        (ApiError(400, 10060, "expected stream does not match"), False),
    ],
    ids=lambda value: value.description if isinstance(value, ApiError) else str(value),
)
def test_error_is_temporary_where_the_request_may_succeed_later(error: ApiError, temporary: bool) -> None:
    assert error.temporary is temporary


@pytest.mark.parametrize(
    ("cluster", "led"),
    [
        pytest.param("", True, id="a server without a cluster"),
        pytest.param(',"cluster":{"leader":"n1"}', True, id="a leader"),
        pytest.param(',"cluster":{"name":"soak","replicas":[]}', False, id="a replica without one"),
    ],
)
def test_stream_info_without_a_leader_is_ignored(cluster: str, led: bool) -> None:
    answer = f'{{"config":{{"name":"ORDERS"}},"state":{{"first_seq":1,"last_seq":39}}{cluster}}}'
    assert msgspec.json.decode(answer, type=StreamInfo).led is led
