"""What is asked of JetStream and what it answers, in its JSON API (ADR-1, ADR-2); errors are for people."""

import json
from typing import Any, TypeVar

import msgspec

from natsmon.protocol.request_reply import NobodyThere, NotNow, request
from natsmon.protocol.server_connection import ServerConnection, Unanswered

USUAL_WINDOW = 120.0
"""Seconds for which a stream recognises a message it has, unless it says otherwise (nats-server's default)."""

_UNAVAILABLE = 503
_STORE_FAILED = 10077
_NOT_ENABLED = (10039, 10076)
_NO_STREAM = 10059
_FOR_NOW = (
    10008,  # JetStream system temporarily unavailable
    10009,  # JetStream cluster not leader
    10023,  # insufficient resources
    10118,  # stream is offline
    10158,  # duplicate message id is in process: the first copy is still being stored
    10167,  # too many requests
)


class ApiError(msgspec.Struct, frozen=True, gc=False):
    """Errors of nats-server (errors.json): ``code`` as in HTTP, ``err_code`` its own number."""

    code: int = 0
    err_code: int = 0
    description: str = ""

    @property
    def for_now(self) -> bool:
        """The same message may be taken a moment later."""
        if self.err_code == _STORE_FAILED:  # what the store or Raft says; only of these is a limit that was reached
            return not self.description.startswith("maximum ")
        if self.err_code in _FOR_NOW:
            return True
        return self.code == _UNAVAILABLE and self.err_code not in _NOT_ENABLED


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What any request of the API is answered with, and what it may say besides."""

    error: ApiError | None = None


A = TypeVar("A", bound=Answer)


class PubAck(Answer, frozen=True, gc=False):
    stream: str = ""
    seq: int = 0
    """The message's place in the stream."""
    duplicate: bool = False


class Config(msgspec.Struct, frozen=True):
    subjects: list[str] = []
    retention: str = "limits"
    max_msgs_per_subject: int = 0
    """None where it is below 1."""
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
    """A stream that was deleted and made again has another."""
    config: Config = Config()
    state: StreamState = StreamState()
    cluster: Peers | None = None

    @property
    def led(self) -> bool:
        """It comes from the stream's leader. A replica that knows of none answers too, with what it has itself."""
        return self.cluster is None or bool(self.cluster.leader)

    @property
    def window(self) -> float:
        """Seconds for which the stream recognises a message that it has."""
        return self.config.duplicate_window / 1e9 or USUAL_WINDOW

    @property
    def keeps(self) -> bool:
        """Whether messages stay in it after they were consumed."""
        return self.config.retention == "limits"

    def takes(self, subject: str) -> bool:
        """Whether what is published on a subject may come to it; a subject that is mapped may, for all we know."""
        return self.config.subject_transform is not None or any(
            _covers(pattern.split("."), subject.split(".")) for pattern in self.config.subjects
        )


class Names(Answer, frozen=True):
    streams: list[str] | None = None


class NoStream(Exception):
    """A stream cannot be published to; the text has the reason, and what to try."""


async def look_up(connection: ServerConnection, stream: str, subject: str) -> StreamInfo:
    """What the stream is like, from its leader.

    Raises:
        NoStream: It does not exist, or no server can look it up.
        NotNow: It has no leader.
        Unanswered: Nothing is known.
    """
    try:
        info = await ask(connection, f"STREAM.INFO.{stream}", {}, StreamInfo)
    except NobodyThere:
        text = (
            f"JetStream is not enabled on {connection.server.url}: start the servers with -js, or leave out --jetstream"
        )
        raise NoStream(text) from None
    if info.error is None and not info.led:
        raise NotNow("it has no leader")
    if info.error is None:
        return info
    if info.error.err_code in _NOT_ENABLED:
        raise NoStream(f"JetStream is not enabled for this account: {info.error.description}")
    if info.error.err_code == _NO_STREAM:
        others = ", ".join((await _names(connection))[:_NAMES_TOLD])
        there = f"there is {others}" if others else "the account has none"
        raise NoStream(
            f"stream {stream} does not exist ({there}); create it: nats stream add {stream} --subjects "
            f"{subject or 'SUBJECT'}; messages wait for it"
        )
    raise NoStream(f"stream {stream} cannot be used now: {info.error.description}")


_NAMES_TOLD = 5


async def _names(connection: ServerConnection) -> list[str]:
    try:
        return (await ask(connection, "STREAM.NAMES", {}, Names)).streams or []
    except Unanswered:
        return []


async def ask(connection: ServerConnection, what: str, question: dict[str, Any], kind: type[A]) -> A:
    """One request of the API. Raises Unanswered; NotNow of it while those who should answer elect their leader."""
    body = json.dumps(question).encode() if question else b""
    payload = await request(connection, f"{connection.js_api}.{what}", body, within=connection.timeout)
    try:
        answer = msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unanswered("an answer that makes no sense") from None
    if answer.error is not None and answer.error.for_now:
        raise NotNow(answer.error.description)
    return answer


_ack = msgspec.json.Decoder(PubAck)


def read_ack(payload: bytes) -> PubAck | None:
    """None where it is no acknowledgement."""
    try:
        return _ack.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _covers(pattern: list[str], subject: list[str]) -> bool:
    for at, part in enumerate(pattern):
        if part == ">":
            return len(subject) > at
        if at >= len(subject) or part not in ("*", subject[at]):
            return False
    return len(pattern) == len(subject)
