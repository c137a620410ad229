"""Dials as OpenTelemetry spans. Needs the extra ``otel``."""

from collections.abc import Mapping, Sequence
from ssl import SSLObject
from typing import Any

from opentelemetry import context, trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer

from natsmon.dial.arguments import check
from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError, classify
from natsmon.dial.trace import DialTrace


class OpenTelemetryTrace(DialTrace):
    """A span for each dial, with a span for each of its stages.

    Names of attributes follow the semantic conventions: ``server.address``, ``network.peer.address``, ``error.type``;
    ``natsmon.*`` is not among them. A dial belongs to the context that is current where it begins; a reconnect, which
    may come hours after the span of the program's connect has ended, is a trace of its own with a link to that span.
    A cancelled dial is not an error. Use one trace for each client.

    Args:
        tracer: Of the program; ``natsmon`` by default.

    Raises:
        ValueError: It is no tracer.
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        check("tracer", tracer, "a Tracer or None", object, lambda given: given is None or hasattr(given, "start_span"))
        self._tracer = tracer or trace.get_tracer("natsmon")
        self._dial: Span | None = None
        self._stages: dict[str, Span] = {}
        self._connected = False
        """Whether a dial has succeeded: a later one reconnects."""

    def get_conn(self, host_port: str) -> None:
        host, _, port = host_port.rpartition(":")
        attributes: dict[str, Any] = {
            "server.address": host.strip("[]"),
            "server.port": int(port),
            "messaging.system": "nats",
        }
        parent, links = None, []
        if self._connected:
            parent = context.Context()
            begun = trace.get_current_span().get_span_context()
            links = [Link(begun)] if begun.is_valid else []
        self._dial = self._tracer.start_span(
            "nats dial", parent, kind=SpanKind.CLIENT, attributes=attributes, links=links
        )

    def dns_start(self, host: str) -> None:
        self._start("dns", {"dns.question.name": host})

    def dns_done(self, addresses: Sequence[str], error: BaseException | None) -> None:
        self._end("dns", error, {"natsmon.addresses": list(addresses)})

    def connect_start(self, address: str) -> None:
        self._start(f"tcp {address}", _peer(address))

    def connect_done(self, address: str, error: BaseException | None) -> None:
        self._end(f"tcp {address}", error)

    def got_conn(self, address: str) -> None:
        if self._dial is not None:
            self._dial.set_attributes(_peer(address))

    def tls_handshake_start(self, server_name: str) -> None:
        self._start("tls", {"tls.client.server_name": server_name})

    def tls_handshake_done(self, state: SSLObject | None, error: BaseException | None) -> None:
        version = (state.version() or "").removeprefix("TLSv") if state is not None else ""
        self._end("tls", error, {"tls.protocol.version": version} if version else {})

    def info_start(self) -> None:
        self._start("info")

    def info_done(self, info: Mapping[str, Any] | None, error: BaseException | None) -> None:
        shown = (
            {f"nats.{name}": str(info[name])[:64] for name in ("server_name", "version") if name in info}
            if info
            else {}
        )
        self._end("info", error, shown)

    def nats_connect_start(self) -> None:
        self._start("connect")

    def nats_connect_done(self, error: BaseException | None) -> None:
        self._end("connect", error)

    def dial_done(self, error: BaseException | None) -> None:
        self._connected = self._connected or error is None
        for stage in list(self._stages):
            self._end(stage, error)
        if self._dial is not None:
            _finish(self._dial, error)
            self._dial = None

    def _start(self, stage: str, attributes: Mapping[str, Any] | None = None) -> None:
        if self._dial is not None:
            parent = trace.set_span_in_context(self._dial, context.get_current())
            self._stages[stage] = self._tracer.start_span(stage.partition(" ")[0], parent, attributes=attributes)

    def _end(self, stage: str, error: BaseException | None, attributes: Mapping[str, Any] | None = None) -> None:
        span = self._stages.pop(stage, None)
        if span is not None:
            span.set_attributes(dict(attributes or {}))
            _finish(span, error)


def _peer(address: str) -> dict[str, Any]:
    """Return the attributes for the other end: ``ip:port``, or the path of a UNIX socket."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return {"network.peer.address": address}
    return {"network.peer.address": host.strip("[]"), "network.peer.port": int(port)}


def _finish(span: Span, error: BaseException | None) -> None:
    if isinstance(error, Exception):
        cause, text = classify(error)
        span.set_attribute("error.type", type(error).__name__ if cause is Cause.UNKNOWN else cause.value)
        if isinstance(error, DialError):
            span.set_attribute("natsmon.stage", error.stage)
        span.set_status(Status(StatusCode.ERROR, str(error) if isinstance(error, DialError) else text))
    elif error is not None:
        span.set_attribute("natsmon.cancelled", True)
    span.end()
