"""A small OTLP/HTTP receiver that keeps what it gets: for the demo and for tests."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

_KINDS = {1: "internal", 2: "server", 3: "client"}


class Collector:
    """Listens, on loopback unless an address is given, from `start` to `stop`, on a free port if
    none is given; ``spans`` are records as `telemetry.tracing.records.as_record` makes them."""

    def __init__(self, port: int = 0, address: str = "127.0.0.1") -> None:
        self.spans: list[dict[str, Any]] = []
        collector = self

        class Intake(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", "0"))
                body = self.rfile.read(size)
                if self.headers.get("content-encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                collector.spans += decode(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((address, port), Intake)
        self._server.daemon_threads = True
        # A client that hangs up in the middle does not matter here.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """For ``otlp_endpoint``."""
        return f"http://127.0.0.1:{self.port}/v1/traces"

    def start(self) -> Collector:
        """Begin to listen."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def traces(self) -> dict[str, list[dict[str, Any]]]:
        """Spans by trace id."""
        found: dict[str, list[dict[str, Any]]] = {}
        for span in tuple(self.spans):
            found.setdefault(span["trace_id"], []).append(span)
        return found


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


def decode(body: bytes) -> list[dict[str, Any]]:
    """The spans of an ExportTraceServiceRequest."""
    request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
    return [
        {
            "service": {a.key: _value(a.value) for a in resource.resource.attributes}[
                "service.name"
            ],
            "name": span.name,
            "trace_id": span.trace_id.hex(),
            "span_id": span.span_id.hex(),
            "parent_id": span.parent_span_id.hex(),
            "kind": _KINDS[span.kind],
            "start": span.start_time_unix_nano,
            "end": span.end_time_unix_nano,
            "sampled": True,
            "status": span.status.code,
            "message": span.status.message,
            "attributes": {a.key: _value(a.value) for a in span.attributes},
            "events": [
                {
                    "time": event.time_unix_nano,
                    "name": event.name,
                    "attributes": {a.key: _value(a.value) for a in event.attributes},
                }
                for event in span.events
            ],
            "links": [
                {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()}
                for link in span.links
            ],
        }
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
