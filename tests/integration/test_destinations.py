"""A load run with every exporter on: each copy of its traces compared with OTLP's, span by span."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import re
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

import psycopg

from acra_twisted.sandbox.collector import decode
from acra_twisted.sandbox.processes import Process, accepts, free_port, twistd
from tests.integration.base import Surroundings, eventually, get
from tests.unit.telemetry.export.test_jaeger import read_binary, read_datagram, tags

#: Datadog's own test agent, in an environment of its own (see .ci/install-servers).
TEST_AGENT = Path(__file__).parents[2] / ".venv-datadog/bin/ddapm-test-agent"
TOKEN = "a secret token"
CLIENTS, STATEMENTS = 4, 30
#: What somebody might write for OpenCensus: it blocks, and keeps every span.
OWN_EXPORTER = """
class Appending:
    def emit(self, spans):
        with open({path!r}, "a") as file:
            file.writelines(span.span_id + "\\n" for span in spans)
"""


class Intake:
    """An HTTP server that keeps what it is sent: path, headers, body."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        intake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                intake.requests.append((self.path, headers, body))
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def at(self, path: str) -> list[tuple[dict[str, str], bytes]]:
        return [(headers, body) for where, headers, body in self.requests if where == path]


class Destinations(Surroundings):
    """``reference``: the spans that OTLP's collector decoded, by span id."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.intake = Intake()
        cls.addClassCleanup(cls.intake.stop)
        cls.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.addClassCleanup(cls.datagrams.close)
        cls.datagrams.bind(("127.0.0.1", 0))
        cls.datagrams.settimeout(0.2)
        cls.received = []
        # The kernel keeps few of them.
        threading.Thread(target=cls.receive, daemon=True).start()
        cls.agent_port = free_port()
        if not TEST_AGENT.exists():
            raise AssertionError("no Datadog test agent: run .ci/install-servers")
        agent = Process(
            [
                *(str(TEST_AGENT), "--host", "127.0.0.1", "--port", str(cls.agent_port)),
                *("--otlp-http-port", str(free_port()), "--otlp-grpc-port", str(free_port())),
            ],
            cls.folder / "agent.log",
            environment={"ENABLED_CHECKS": "trace_count_header,trace_content_length"},
        )
        cls.addClassCleanup(agent.stop)
        agent.wait_until(lambda: accepts(cls.agent_port), "listening")
        module = cls.folder / "own_exporter.py"
        module.write_text(OWN_EXPORTER.format(path=str(cls.folder / "emitted")))
        path = patch.dict(os.environ, {"PYTHONPATH": str(cls.folder)})
        path.start()
        cls.addClassCleanup(path.stop)
        token = cls.folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        common = {
            "tracing_interval": "0.1",
            "tracing_scope": "connection",
            "otlp_endpoint": f"{cls.intake.url}/otlp",
            "lightstep_endpoint": f"{cls.intake.url}/lightstep",
            "lightstep_access_token_file": str(token),
            "zipkin_endpoint": f"{cls.intake.url}/zipkin",
            "datadog_endpoint": f"http://127.0.0.1:{cls.agent_port}",
            "tracing_jaeger_enable": "true",
        }
        server = {
            **common,
            "jaeger_collector_endpoint": f"{cls.intake.url}/jaeger",
            "jaeger_basic_auth_username": "user",
            "jaeger_basic_auth_password": "password",
            "tracing_exporters": (
                "opencensus.trace.file_exporter.FileExporter, own_exporter.Appending"
            ),
        }
        connector = {
            **common,
            "jaeger_agent_endpoint": f"127.0.0.1:{cls.datagrams.getsockname()[1]}",
            "jaeger_acra_names": "true",
        }
        cls.linked = cls.chain(server={"tracing": server}, connector={"tracing": connector})
        clients = [threading.Thread(target=cls.load) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        cls.reference = eventually(cls.whole, "the whole trace arrives")
        cls.server = {k: s for k, s in cls.reference.items() if s["service"] == "acra-server"}

    def test_they_can_be_asked(self):
        """--check_config --probe_exporters, while all are there and when one is not."""
        command = [*twistd("acra-server", self.linked.server_ini), "--check_config"]
        done = subprocess.run([*command, "--probe_exporters"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        names = re.findall(r"exporter (\S+): fine", done.stdout)
        self.assertEqual(len(names), 7, done.stdout)
        wrong = f"--zipkin_endpoint=http://127.0.0.1:{free_port()}/"
        done = subprocess.run(
            [*command, "--probe_exporters", wrong], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, "exporter zipkin: .*connection refused.*see zipkin_endpoint")

    @classmethod
    def receive(cls):
        """Keep each datagram, until the socket is closed."""
        while True:
            try:
                cls.received.append(cls.datagrams.recv(70_000))
            except TimeoutError:
                continue
            except OSError:
                return

    @classmethod
    def load(cls):
        """One client: simple, prepared, pipelined, refused by the database."""
        with cls.connect(cls.linked, prepare_threshold=2) as db:
            for number in range(STATEMENTS):
                db.execute("SELECT 1 AS one")
                db.execute("SELECT %s::int", (number,))
            with db.pipeline():
                for number in range(STATEMENTS):
                    db.execute("SELECT %s::text", (str(number),))
            with contextlib.suppress(psycopg.Error):
                db.execute("SELECT 1/0")

    @classmethod
    def whole(cls):
        spans = [span for _, body in cls.intake.at("/otlp") for span in decode(body)]
        names = [span["name"] for span in spans]
        ends = names.count("handleConnection"), names.count("ProxyWithTracing")
        found = {span["span_id"]: span for span in spans}
        parents = {span["parent_id"] for span in spans} - {""}
        asked = names.count("SELECT") == CLIENTS * (3 * STATEMENTS + 1)
        if ends == (2 * CLIENTS, 2 * CLIENTS) and parents <= found.keys() and asked:
            return found
        return None

    def arrived(self, read, expected):
        """Return the spans that ``read`` gives, by id, once all are there."""

        def same():
            spans = read()
            return spans if spans.keys() == expected.keys() else None

        return eventually(same, "every span has arrived")

    def test_each_connection_is_one_trace(self):
        traces = {}
        for span in self.reference.values():
            traces.setdefault(span["trace_id"], []).append(span)
        self.assertEqual(len(traces), CLIENTS)
        for spans in traces.values():
            services = {span["service"] for span in spans}
            self.assertEqual(services, {"acra-server", "acra-connector"})
            self.assertEqual(sum(span["name"] == "SELECT" for span in spans), 3 * STATEMENTS + 1)
            self.assertTrue(any(span["status"] for span in spans))

    def test_lightstep(self):
        found = self.intake.at("/lightstep")
        self.assertTrue(all(h["lightstep-access-token"] == TOKEN for h, _ in found))

        def read():
            bodies = [body for _, body in self.intake.at("/lightstep")]
            return {span["span_id"]: span for body in bodies for span in decode(body)}

        self.assertEqual(self.arrived(read, self.reference), self.reference)

    def test_zipkin(self):
        def read():
            bodies = [body for _, body in self.intake.at("/zipkin")]
            return {span["id"]: span for body in bodies for span in json.loads(body)}

        spans = self.arrived(read, self.reference)
        for key, own in self.reference.items():
            copy = spans[key]
            self.assertEqual(copy["traceId"], own["trace_id"])
            self.assertEqual(copy.get("parentId", ""), own["parent_id"])
            self.assertEqual(copy["name"], own["name"])
            self.assertEqual(copy["timestamp"], own["start"] // 1000)
            self.assertEqual("error" in copy["tags"], bool(own["status"]))
            self.assertEqual(copy["localEndpoint"]["serviceName"], own["service"])
            for name, value in own["attributes"].items():
                shown = str(value).lower() if isinstance(value, bool) else str(value)
                self.assertEqual(copy["tags"][name], shown)
            self.assertEqual(self.links(copy["tags"]), own["links"])

    def links(self, tags):
        """Where a format has no links they are tags: link.0 and so on."""
        found = [tags[f"link.{n}"] for n in range(32) if f"link.{n}" in tags]
        parts = (text.split("-") for text in found)
        return [{"trace_id": trace_id, "span_id": span_id} for trace_id, span_id, _ in parts]

    def test_datadog(self):
        def read():
            traces = json.loads(get(self.agent_port, "/test/traces"))
            spans = {f"{s['span_id']:016x}": s for trace in traces for s in trace}
            return spans if spans.keys() >= self.reference.keys() else None

        spans = eventually(read, "the agent has every span")
        for key, own in self.reference.items():
            copy = spans[key]
            self.assertEqual(f"{copy['trace_id']:016x}", own["trace_id"][16:])
            self.assertEqual(f"{copy['parent_id']:016x}", own["parent_id"] or "0" * 16)
            self.assertEqual((copy["resource"], copy["service"]), (own["name"], own["service"]))
            self.assertEqual((copy["start"], copy["error"]), (own["start"], int(own["status"] > 0)))
            self.assertEqual(copy["duration"], own["end"] - own["start"])
            for name, value in own["attributes"].items():
                known = {**copy["meta"], **copy["metrics"]}[name]
                self.assertEqual(known, str(value).lower() if isinstance(value, bool) else value)
            self.assertEqual(self.links(copy["meta"]), own["links"])

    def check_jaeger(self, spans, expected, acra_names):
        self.assertEqual(spans.keys(), expected.keys())
        prefixes = {"client": "Sent.", "server": "Recv."} if acra_names else {}
        for key, own in expected.items():
            copy = spans[key]
            ids = (copy.traceIdHigh % (1 << 64), copy.traceIdLow % (1 << 64))
            self.assertEqual("%016x%016x" % ids, own["trace_id"])
            self.assertEqual(copy.parentSpanId % (1 << 64), int(own["parent_id"] or "0", 16))
            self.assertEqual(copy.operationName, prefixes.get(own["kind"], "") + own["name"])
            self.assertEqual(copy.startTime, own["start"] // 1000)
            references = [
                {
                    "trace_id": f"{r.traceIdHigh % (1 << 64):016x}{r.traceIdLow % (1 << 64):016x}",
                    "span_id": f"{r.spanId % (1 << 64):016x}",
                }
                for r in copy.references or ()
            ]
            self.assertEqual(references, own["links"])
            found = tags(copy)
            for name, value in own["attributes"].items():
                self.assertEqual(found[name], value)
            self.assertEqual(found.get("error", False), own["status"] > 0)

    def test_jaeger_collector(self):
        found = self.intake.at("/jaeger")
        pair = base64.b64encode(b"user:password").decode()
        self.assertTrue(all(h["authorization"] == f"Basic {pair}" for h, _ in found))
        self.assertTrue(all(h["content-type"] == "application/x-thrift" for h, _ in found))

        def read():
            bodies = [body for _, body in self.intake.at("/jaeger")]
            spans = [span for body in bodies for span in read_binary(body).spans]
            return {f"{span.spanId % (1 << 64):016x}": span for span in spans}

        self.check_jaeger(self.arrived(read, self.server), self.server, acra_names=False)

    def test_jaeger_agent(self):
        expected = {k: s for k, s in self.reference.items() if k not in self.server}

        def read():
            spans = [span for data in tuple(self.received) for span in read_datagram(data).spans]
            return {f"{span.spanId % (1 << 64):016x}": span for span in spans}

        self.check_jaeger(self.arrived(read, expected), expected, acra_names=True)

    def test_exporters_by_their_path(self):
        written = self.folder / "emitted"
        eventually(
            lambda: written.exists() and set(written.read_text().split()) == self.server.keys(),
            "every span is emitted",
        )
        # OpenCensus' own writes its file anew with each batch.
        [path] = eventually(lambda: list(self.folder.rglob("opencensus-traces.json")), "the file")
        traces = [span["trace_id"] for span in self.server.values()]
        eventually(lambda: any(one in path.read_text() for one in traces), "the last batch")

    def test_metrics_and_no_secret_anywhere(self):
        for name in ("otlp", "lightstep", "zipkin", "datadog", "jaeger"):
            labels = f'exporter="{name}"'
            sent = rf'acra_span_exporter_spans_total{{{labels},result="sent"}} [1-9]'

            def told(empty=f"acra_span_exporter_queue{{{labels}}} 0.0", sent=sent):
                text = get(self.linked.server_pages, "/metrics")
                return empty in text and re.search(sent, text)

            eventually(told, f"{name} has all")
        for process in (self.linked.server, self.linked.connector):
            self.assertNotIn(TOKEN, process.output())
            self.assertNotIn("password", process.output())
