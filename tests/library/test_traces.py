"""The traces that natsmon brings: logging and OpenTelemetry."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from natsmon import DialTimeout, LoggingTrace, OpenTelemetryTrace, connect
from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.testing import ScriptedServer, greet, refuse, reject, serve, silent
from tests.certificates import Certificates
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.peer import Peering
from tests.harness.time_limits import GROWING
from tests.library.clients import PLAIN_DIAL, Callbacks, Notes, failing
from tests.protocol import websockets as ws

ONCE: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0}


async def test_logging_trace_logs_each_step(
    nats_server: StartServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = Certificates(tmp_path)
    server = await asyncio.to_thread(nats_server, name="n1", config=certificates.config())
    with caplog.at_level(logging.DEBUG, "natsmon.dial"):
        client = await connect(
            f"nats://me:secret@localhost:{server.port}", trace=LoggingTrace(), tls=certificates.trusting()
        )
        await client.close()
    logged = [record.getMessage().partition(": ")[2].rpartition(" (")[0] for record in caplog.records]
    assert logged[0] == "dial begins"
    assert logged[1].startswith("lookup complete: ")
    assert logged[-4:] == [
        "INFO complete: 'n1' version '2.15.1'" if "2.15.1" in logged[-4] else logged[-4],
        "TLS handshake complete: TLSv1.3",
        "CONNECT complete",
        "dial complete",
    ]
    assert "secret" not in caplog.text


async def test_failed_tls_handshake_ends_before_its_dial() -> None:
    notes = Notes()
    async with peers.info_then_silent(tls_available=True) as peer:
        url = f"tls://{HOST}:{peer.port}"
        await failing(connect(url, trace=notes, connect_timeout=0.1, **ONCE, **Callbacks().options), DialTimeout)
    assert notes.calls[-3:] == ["tls_handshake_start", "tls_handshake_done", "dial_done"]
    assert isinstance(notes.errors[-2], DialTimeout)
    assert notes.errors[-1] is notes.errors[-2]


async def test_logging_trace_warns_of_failures(refused_port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "natsmon.dial"):
        await failing(connect(f"nats://{HOST}:{refused_port}", trace=LoggingTrace(), **ONCE, **Callbacks().options))
    assert [record.levelname for record in caplog.records] == ["WARNING"] * len(caplog.records)
    assert "dial failed: " in caplog.text


@pytest.fixture
def exported() -> tuple[OpenTelemetryTrace, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return OpenTelemetryTrace(provider.get_tracer("test")), exporter


async def test_dial_is_a_span_with_its_stages(
    server: NatsServer, exported: tuple[OpenTelemetryTrace, InMemorySpanExporter]
) -> None:
    trace, exporter = exported
    client = await connect(f"nats://localhost:{server.port}", trace=trace)
    await client.close()
    *stages, dial = exporter.get_finished_spans()
    assert dial.name == "nats dial"
    assert dial.status.status_code is StatusCode.UNSET
    assert dial.attributes is not None
    assert dial.attributes["server.address"] == "localhost"
    assert (dial.attributes["network.peer.address"], dial.attributes["network.peer.port"]) == (HOST, server.port)
    assert dial.context is not None
    assert {stage.parent.span_id for stage in stages if stage.parent} == {dial.context.span_id}
    assert [stage.name for stage in stages if stage.name != "tcp"] == ["dns", "info", "connect"]
    assert stages[-2].attributes is not None
    assert stages[-2].attributes["nats.server_name"] == server.name


async def test_reconnect_is_a_trace_of_its_own_with_a_link(
    exported: tuple[OpenTelemetryTrace, InMemorySpanExporter],
) -> None:
    trace, exporter = exported
    callbacks, tracer = Callbacks(), TracerProvider(shutdown_on_exit=False).get_tracer("program")
    async with ScriptedServer(serve, refuse, serve) as server:
        with tracer.start_as_current_span("start") as program:
            client = await connect("nats://x", dialer=server, trace=trace, reconnect_time_wait=0, **callbacks.options)
        server.session.close()
        await callbacks.until_called("reconnected")
        await client.close()
    first, *later = [span for span in exporter.get_finished_spans() if span.name == "nats dial"]
    begun = program.get_span_context()
    assert first.parent is not None
    assert (first.parent.span_id, list(first.links)) == (begun.span_id, [])
    assert [(dial.parent, [link.context.span_id for link in dial.links]) for dial in later] == [
        (None, [begun.span_id])
    ] * 2
    refused = [span for span in exporter.get_finished_spans() if span.status.status_code is StatusCode.ERROR]
    assert [(span.name, dict(span.attributes or {})["error.type"]) for span in refused] == [
        ("tcp", "refused"), ("nats dial", "refused"),
    ]  # fmt: skip


async def test_attributes_have_the_values_of_the_semantic_conventions(
    nats_server: StartServer, tmp_path: Path, exported: tuple[OpenTelemetryTrace, InMemorySpanExporter]
) -> None:
    trace, exporter = exported
    certificates = Certificates(tmp_path)
    server = await asyncio.to_thread(nats_server, config=certificates.config())
    client = await connect(f"tls://localhost:{server.port}", trace=trace, tls=certificates.trusting())
    await client.close()
    shown = {span.name: dict(span.attributes or {}) for span in exporter.get_finished_spans()}
    assert shown["tls"] == {"tls.client.server_name": "localhost", "tls.protocol.version": "1.3"}
    assert shown["tcp"] == {"network.peer.address": HOST, "network.peer.port": server.port}


@pytest.mark.parametrize(
    ("address", "shown"),
    [("[::1]:4222", {"network.peer.address": "::1", "network.peer.port": 4222}),
     ("/run/nats.sock", {"network.peer.address": "/run/nats.sock"})],
)  # fmt: skip
def test_address_of_the_other_end_has_its_port_apart(
    address: str, shown: dict[str, Any], exported: tuple[OpenTelemetryTrace, InMemorySpanExporter]
) -> None:
    trace, exporter = exported
    trace.get_conn("server:4222")
    trace.connect_start(address)
    trace.connect_done(address, None)
    assert dict(exporter.get_finished_spans()[0].attributes or {}) == shown


async def test_tcp_connect_that_is_refused_has_its_cause(
    refused_port: int, exported: tuple[OpenTelemetryTrace, InMemorySpanExporter]
) -> None:
    trace, exporter = exported
    await failing(connect(f"nats://{HOST}:{refused_port}", trace=trace, **ONCE, **Callbacks().options))
    tcp = next(span for span in exporter.get_finished_spans() if span.name == "tcp")
    assert dict(tcp.attributes or {})["error.type"] == "refused"
    assert tcp.status.description == "Connection refused"


@pytest.mark.parametrize(
    ("script", "stage", "cause"),
    [(greet(b"INFO {\r\n"), "info", "info_bad"), (reject("Authorization Violation"), "connect", "auth")],
)
async def test_failed_dial_is_an_error_of_its_cause(
    script: object, stage: str, cause: str, exported: tuple[OpenTelemetryTrace, InMemorySpanExporter]
) -> None:
    trace, exporter = exported
    server = ScriptedServer(script)  # type: ignore[arg-type]
    await failing(connect("nats://x", dialer=server, trace=trace, **ONCE, **Callbacks().options), Exception)
    spans = exporter.get_finished_spans()
    for span in spans[-2:]:
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes is not None
        assert span.attributes["error.type"] == cause
    assert (spans[-2].name, spans[-1].name) == (stage, "nats dial")
    await server.close()


async def test_cancelled_dial_is_not_an_error(exported: tuple[OpenTelemetryTrace, InMemorySpanExporter]) -> None:
    trace, exporter = exported
    server = ScriptedServer(silent)
    connecting = asyncio.ensure_future(connect("nats://x", dialer=server, trace=trace))
    await server.until(lambda: server.sessions and server.session.opened)
    await asyncio.sleep(0.01)
    connecting.cancel()
    await asyncio.wait([connecting])
    assert [span.name for span in exporter.get_finished_spans()][-1] == "nats dial"
    for span in exporter.get_finished_spans():
        assert span.status.status_code is StatusCode.UNSET
    await server.close()


STEPS = [(peers.silent, "info"), (peers.info_then_silent, "nats_connect")]


@pytest.mark.parametrize(("peering", "step"), STEPS)
async def test_step_that_timed_out_fails(peering: Callable[[], Peering], step: str) -> None:
    async with peering() as peer:
        for timeout in GROWING:
            notes = Notes()
            await failing(connect(peer.url, trace=notes, connect_timeout=timeout, allow_reconnect=False), DialTimeout)
            if f"{step}_start" in notes.calls:
                break
        assert notes.calls[-2:] == [f"{step}_done", "dial_done"]
        assert [type(error) for error in notes.errors] == [DialTimeout, DialTimeout]
        await peer.until_left()


@pytest.mark.parametrize(("peering", "step"), STEPS)
async def test_step_that_was_cancelled_ends(peering: Callable[[], Peering], step: str) -> None:
    notes = Notes()
    async with peering() as peer:
        connecting = asyncio.ensure_future(connect(peer.url, trace=notes))
        await notes.until(lambda: f"{step}_start" in notes.calls)
        connecting.cancel()
        await asyncio.wait([connecting])
        assert notes.calls[-2:] == [f"{step}_done", "dial_done"]
        assert [type(error) for error in notes.errors] == [asyncio.CancelledError, asyncio.CancelledError]
        await peer.until_left()


async def test_websocket_upgrade_is_part_of_the_wait_for_info() -> None:
    notes = Notes()
    async with peers.http_400() as peer:
        await failing(connect(peer.url.replace("nats:", "ws:"), trace=notes, **ONCE, **Callbacks().options))
        assert notes.calls[:9] == [*PLAIN_DIAL[:6], "info_start", "info_done", "dial_done"]
        assert notes.errors[0] is notes.errors[1]


async def test_websocket_dial_has_the_hooks_of_a_plain_one(nats_server: StartServer) -> None:
    notes = Notes()
    server = await asyncio.to_thread(nats_server, config=ws.listening_on())
    client = await connect(f"ws://localhost:{ws.port_of(server)}", trace=notes)
    assert notes.calls == PLAIN_DIAL
    await client.close()


async def test_stream_without_an_address_is_one_to_the_server(
    server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    class Plain:
        async def dial(self, address: tuple[str, int], **_: object) -> Any:
            return await asyncio.open_connection(*address)

    with caplog.at_level(logging.DEBUG, "natsmon.dial"):
        client = await connect(server.url, dialer=Plain(), trace=LoggingTrace())
        await client.close()
    assert f"stream to {server.authority} is open" in caplog.text


async def test_dialer_of_another_shape_ends_its_dial_with_the_error() -> None:
    class Wrong:
        async def dial(self, address: tuple[str, int], **_: object) -> Any:
            return 7

    notes = Notes()
    error = await failing(connect("nats://x", dialer=Wrong(), trace=notes), TypeError)
    assert notes.calls == ["get_conn", "dial_done"]
    assert str(notes.errors[0]) == str(error)


async def test_dial_of_a_closed_client_ends() -> None:
    notes = Notes()
    server = ScriptedServer(serve, silent)
    client = await connect("nats://x", dialer=server, trace=notes, reconnect_time_wait=0)
    notes.calls.clear()
    server.session.close()
    await notes.until(lambda: "info_start" in notes.calls)
    await client.close()
    assert notes.calls[-2:] == ["info_done", "dial_done"]
    assert [type(error) for error in notes.errors] == [asyncio.CancelledError, asyncio.CancelledError]
    await server.close()


@pytest.mark.parametrize(("trace", "shown"), [(LoggingTrace, "the class LoggingTrace"), (5, "int"), (print, "builtin")])
async def test_trace_that_is_none_is_refused_at_once(trace: Any, shown: str) -> None:
    """Its hooks would never be called."""
    with pytest.raises(TypeError, match=f"a trace is an instance of DialTrace, not {shown}"):
        await connect("nats://test", trace=trace, dialer=ScriptedServer())
