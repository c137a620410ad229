"""Requests to the JetStream API and their answers (ADR-1, ADR-2)."""

import json
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from natsmon.config.subjects import subject_matches
from natsmon.protocol.request_reply import NoResponder, NotNow, decoded, request
from natsmon.protocol.server_connection import JS_API, ServerConnection, Unanswered
from natsmon.text.plain_text import clip_middle

USUAL_WINDOW = 120.0
"""Seconds for which a stream recognises duplicates by default (nats-server)."""

_NAMES_SHOWN = 5
_UNAVAILABLE = 503
_STORE_FAILED = 10077
_NOT_ENABLED = (10039, 10076)
_NO_STREAM = 10059
_TEMPORARY = (
    10008,  # JetStream system temporarily unavailable
    10009,  # JetStream cluster not leader
    10023,  # insufficient resources
    10118,  # stream is offline
    10158,  # duplicate message id is in process: the first copy is still being stored
    10167,  # too many requests
)


class ApiError(msgspec.Struct, frozen=True, gc=False):
    """Error of nats-server (errors.json): ``code`` as in HTTP, ``err_code`` its own number."""

    code: int = 0
    err_code: int = 0
    description: str = ""

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed a moment later."""
        if self.err_code == _STORE_FAILED:  # an error of the store or of Raft, or a limit that was reached
            return not self.description.startswith("maximum ")
        if self.err_code in _TEMPORARY:
            return True
        return self.code == _UNAVAILABLE and self.err_code not in _NOT_ENABLED


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    error: ApiError | None = None


A = TypeVar("A", bound=Answer)


class PubAck(Answer, frozen=True, gc=False):
    stream: str = ""
    domain: str = ""
    seq: int = 0
    """Position of the message in the stream."""
    duplicate: bool = False


class Config(msgspec.Struct, frozen=True):
    subjects: list[str] = []
    no_ack: bool = False
    retention: str = "limits"
    max_msgs_per_subject: int = 0
    """No limit below 1."""
    duplicate_window: int = 0
    """Nanoseconds."""
    subject_transform: dict[str, Any] | None = None


class StreamState(msgspec.Struct, frozen=True):
    first_seq: int = 0
    last_seq: int = 0


class Peers(msgspec.Struct, frozen=True):
    leader: str = ""


class StreamInfo(Answer, frozen=True):
    created: str = ""
    """Differs after the stream was deleted and created again."""
    domain: str = ""
    config: Config = Config()
    state: StreamState = StreamState()
    cluster: Peers | None = None

    @property
    def led(self) -> bool:
        """Whether the stream has a leader. A replica without one answers too, with its own state."""
        return self.cluster is None or bool(self.cluster.leader)

    @property
    def window(self) -> float:
        """Seconds for which the stream recognises a message that it has."""
        return self.config.duplicate_window / 1e9 or USUAL_WINDOW

    @property
    def keeps(self) -> bool:
        """Whether messages stay in the stream when they are consumed."""
        return self.config.retention == "limits"

    def takes(self, subject: str) -> bool:
        """Whether the stream may store messages on a subject; with a subject transform that is not known."""
        return self.config.subject_transform is not None or any(
            subject_matches(pattern, subject) for pattern in self.config.subjects
        )


class Names(Answer, frozen=True):
    streams: list[str] | None = None


class NoStream(Exception):
    """A stream cannot be published to; the text has the reason, and what to try."""


async def look_up(connection: ServerConnection, stream: str, subject: str) -> StreamInfo:
    """Return the properties of the stream, from its leader.

    Raises:
        NoStream: It does not exist, or cannot be used.
        NotNow: It has no leader at the moment.
        Unanswered: There is no answer.
    """
    try:
        info = await ask(connection, f"STREAM.INFO.{stream}", {}, StreamInfo)
    except NoResponder:
        if connection.js_api != JS_API:
            check = "check --js-domain or --js-api-prefix, and the servers there and the leaf node links to them"
            raise NoStream(f"no JetStream answers on {connection.js_api}: {check}; messages wait for it") from None
        advice = "start the servers with -js, name the stream's domain with --js-domain, or leave out --jetstream"
        raise NoStream(f"JetStream is not enabled on {connection.server.url}: {advice}") from None
    if info.error is None and not info.led:
        raise NotNow("the stream has no leader")
    if info.error is None:
        return info
    if info.error.err_code in _NOT_ENABLED:
        raise NoStream(f"JetStream is not enabled for this account: {info.error.description}")
    if info.error.err_code == _NO_STREAM:
        others: list[str] = []
        with suppress(Unanswered):
            others = (await ask(connection, "STREAM.NAMES", {}, Names)).streams or []
        there = f"there is {', '.join(others[:_NAMES_SHOWN])}" if others else "the account has none"
        create = f"nats stream add {stream} --subjects {subject or 'SUBJECT'}"
        where = ""
        if connection.js_api != JS_API:
            where, create = f" on {connection.js_api}", f"{create} --js-api-prefix '{connection.js_api}'"
        elif domain := connection.info.domain:
            where, create = f" in the domain {clip_middle(domain)}", f"{create}, or name its domain: --js-domain"
        raise NoStream(f"stream {stream} does not exist{where} ({there}); create it: {create}; messages wait for it")
    raise NoStream(f"stream {stream} cannot be used now: {info.error.description}")


async def ask(connection: ServerConnection, what: str, question: dict[str, Any], kind: type[A]) -> A:
    """Make one request of the API. Raises Unanswered, and NotNow for a failure that passes, as during an election."""
    body = json.dumps(question).encode() if question else b""
    payload = await request(connection, f"{connection.js_api}.{what}", body, within=connection.timeout)
    if (answer := decoded(payload, kind)) is None:
        raise Unanswered("the answer is not valid")
    if answer.error is not None and answer.error.temporary:
        raise NotNow(answer.error.description)
    return answer
