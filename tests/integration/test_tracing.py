"""One trace, read back from a real OTLP receiver; logs and metrics that agree with it."""

from __future__ import annotations

import io
import json
import re
import signal
import tempfile
import threading
from pathlib import Path

import psycopg
import rotel

from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import Process, accepts, free_port
from acra_twisted.telemetry.pages.waterfall import shares
from acra_twisted.telemetry.tracing.vocabulary import attribute
from acra_twisted.tools import trace
from tests.integration.base import Surroundings, eventually, get


def rotel_binary():
    """The receiver that the wheel brings."""
    return str(Path(rotel.__file__).parent / "rotel-agent")


class OneTrace(Surroundings):
    """Spans go to rotel, a receiver others wrote, which decodes them and forwards them to us."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)
        port = free_port()
        command = [
            *(rotel_binary(), "start", "--otlp-http-endpoint", f"127.0.0.1:{port}"),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"),
            *("--exporter", "otlp", "--otlp-exporter-protocol", "http"),
            *("--otlp-exporter-endpoint", f"http://127.0.0.1:{cls.collector.port}"),
            *("--batch-timeout", "200ms"),
        ]
        cls.rotel = Process(command, cls.folder / "rotel.log")
        cls.addClassCleanup(cls.rotel.stop, signal.SIGTERM)
        cls.rotel.wait_until(lambda: accepts(port), "listening")
        tracing = {
            "tracing": {
                "otlp_endpoint": f"http://127.0.0.1:{port}/v1/traces",
                "tracing_interval": "0.1",
                "tracing_scope": "connection",
            }
        }
        cls.captured = cls.folder / "captured.jsonl"
        rules = cls.folder / "rules.yaml"
        rules.write_text("version: 0.85.0\nhandlers: [{handler: deny, tables: [forbidden]}]\n")
        stages = {
            "pipeline": {"stages": "query_capture, censor"},
            "stage:query_capture": {"filepath": str(cls.captured)},
            "censor": {"acracensor_config_file": str(rules)},
        }
        cls.linked = cls.chain(server={**tracing, **stages}, connector=tracing)
        with cls.connect(cls.linked) as db:
            db.execute("SELECT 1 AS simple")
            db.execute("SELECT %s::text", ("hidden parameter",))
            with db.pipeline():
                db.execute("SELECT %s::int", (1,))
                db.execute("SELECT %s::int", (2,))
            for text in ("SELECT 'secret' FROM forbidden", "SELECT 1/0"):
                try:
                    db.execute(text)
                except psycopg.Error:
                    pass
        cls.spans = eventually(cls.whole_trace, "the whole trace arrives")

    @classmethod
    def whole_trace(cls):
        """The trace, once all that the daemons know of it has arrived: it comes in parts, in any
        order."""
        for trace_id, spans in cls.collector.traces().items():
            names = [span["name"] for span in spans]
            if names.count("handleConnection") == 2 and names.count("ProxyWithTracing") == 2:
                known = cls.known(trace_id)
                return spans if {span["span_id"] for span in spans} == known else None
        return None

    @classmethod
    def known(cls, trace_id):
        """The ids of the spans of a trace in both daemons."""
        pages = (cls.linked.server_pages, cls.linked.connector_pages)
        traces = [json.loads(get(one, f"/debug/trace/{trace_id}?format=json")) for one in pages]
        return {span["span_id"] for trace in traces for span in trace["spans"]}

    def named(self, name, service=None):
        return [s for s in self.spans if s["name"] == name and service in (None, s["service"])]

    def test_terminal(self):
        """acra-trace: both daemons' spans in one picture, and the denied exchange by search."""
        ports = (self.linked.connector_pages, self.linked.server_pages)
        sources = [f"--from=http://127.0.0.1:{port}" for port in ports]
        output = io.StringIO()
        trace.main(["--verdict=deny", *sources], {}, output)
        trace_id = self.spans[0]["trace_id"]
        self.assertIn(trace_id, output.getvalue())
        output = io.StringIO()
        trace.main([trace_id, *sources], {}, output)
        text = output.getvalue()
        for words in ("acra-connector handleConnection", "acra-server      ", "(deny.table)"):
            self.assertIn(words, text)
        drawn = [line for line in text.splitlines() if "|" in line]
        self.assertEqual(len(drawn), len(self.spans))

    def test_connection_spans_are_acras(self):
        """Names, kinds, attributes and links of the spans that Acra's have (its PgDecryptStream and
        ProxyClientConnection, one for each message, are the requests' own spans here)."""
        found = [
            (span["service"], span["name"], span["kind"])
            for span in self.spans
            if span["service"] == "acra-connector"
            or span["name"] in ("WrapServer", "handleConnection")
        ]
        expected = [
            ("acra-connector", "ProxyWithTracing", "internal"),
            ("acra-connector", "ProxyWithTracing", "internal"),
            ("acra-connector", "WrapClient", "client"),
            ("acra-connector", "handleConnection", "client"),
            ("acra-server", "WrapServer", "server"),
            ("acra-server", "handleConnection", "server"),
        ]
        self.assertEqual(sorted(found), expected)
        (server,) = self.named("handleConnection", "acra-server")
        (wrap,) = self.named("WrapServer")
        self.assertIs(server["attributes"]["from_connector"], True)
        self.assertEqual([link["span_id"] for link in server["links"]], [wrap["span_id"]])

    def test_parents(self):
        by_id = {span["span_id"]: span for span in self.spans}

        def parent(span):
            above = by_id.get(span["parent_id"])
            return above and (above["service"], above["name"])

        root = ("acra-connector", "handleConnection")
        session = ("acra-server", "handleConnection")
        (connector,) = self.named("handleConnection", "acra-connector")
        (server,) = self.named("handleConnection", "acra-server")
        self.assertEqual(connector["parent_id"], "")
        self.assertEqual(parent(server), root)
        (wrap,) = self.named("WrapServer")
        self.assertEqual(parent(wrap), root)
        self.assertIn(wrap["span_id"], [link["span_id"] for link in server["links"]])
        self.assertEqual(parent(self.named("WrapClient")[0]), root)
        self.assertEqual({parent(s) for s in self.named("ProxyWithTracing")}, {root})
        self.assertEqual(parent(self.named("ConnectDatabase")[0]), session)
        exchanges = [s for s in self.spans if "acra.time.proxy_ms" in s["attributes"]]
        self.assertEqual({parent(s) for s in exchanges}, {session})
        # startup, simple, extended, two of the pipeline, denied, failed
        self.assertEqual(len(exchanges), 7)
        below = {}
        for span in self.spans:
            below.setdefault(span["parent_id"], []).append(span["name"])
        for span in exchanges:
            names = below[span["span_id"]]
            if span["name"] == "startup":
                self.assertEqual(names, ["postgresql startup"])
                continue
            self.assertIn("stage query_capture", names)
            denied = span["attributes"]["acra.verdict"] == "deny"
            self.assertEqual(f"postgresql {span['name']}" in names, not denied)

    def test_times(self):
        by_id = {span["span_id"]: span for span in self.spans}
        # A moment is worked out before a process that has much else to do goes on.
        slack = 250_000_000
        for span in self.spans:
            self.assertTrue(span["start"] <= span["end"], span["name"])
            above = by_id.get(span["parent_id"])
            if above and above["service"] == span["service"]:
                self.assertTrue(above["start"] <= span["start"], span["name"])
                if span["name"] != "ProxyWithTracing":
                    self.assertTrue(span["end"] <= above["end"] + slack, span["name"])

    def test_attributes(self):
        (denied,) = self.named("SELECT forbidden")
        attributes = denied["attributes"]
        self.assertEqual(attributes["db.query.text"], "SELECT ? FROM forbidden")
        self.assertEqual(attributes["acra.verdict"], "deny")
        self.assertEqual(attributes["acra.denied_by"], "censor")
        self.assertEqual(attributes["acra.censor.rule"], "deny.table")
        self.assertEqual(attributes["db.response.status_code"], "42000")
        self.assertEqual(denied["status"], 2)
        failed = [s for s in self.spans if s["attributes"].get("error.type") == "22012"]
        self.assertEqual(len(failed), 1)
        (database,) = self.named("postgresql startup")
        self.assertEqual(database["kind"], "client")
        self.assertEqual(database["attributes"]["server.port"], self.postgres.port)

    def test_every_attribute_is_in_the_vocabulary(self):
        for span in self.spans:
            for key, value in span["attributes"].items():
                if key == "status.code":
                    continue  # OTLP's way of keeping OpenCensus' status
                known = attribute(key)
                self.assertIsNotNone(known, key)
                self.assertIs(type(value), known.type, key)

    def test_ke6_no_literal_anywhere(self):
        logs = self.linked.server.output() + self.linked.connector.output()
        captured = eventually(
            lambda: self.captured.exists() and self.captured.read_text(), "statements are captured"
        )
        page = get(self.linked.server_pages, "/debug/tracez?format=json")
        for text in (json.dumps(self.spans), logs, captured, page):
            self.assertNotIn("secret", text)
            self.assertNotIn("hidden parameter", text)

    def test_ob9_one_trace_id_in_log_page_and_exemplar(self):
        trace_id = self.spans[0]["trace_id"]
        for process in (self.linked.server, self.linked.connector):
            for line in process.output().splitlines():
                record = json.loads(line)
                self.assertTrue(record["msg"])
        lines = [json.loads(line) for line in self.linked.server.output().splitlines()]
        session = [line for line in lines if line.get("trace_id") == trace_id]
        messages = {line["msg"] for line in session}
        self.assertLessEqual(
            {
                "Session started",
                "AcraCensor blocked query",
                "Finished processing client's connection",
            },
            messages,
        )
        denial = next(line for line in session if line["msg"] == "AcraCensor blocked query")
        self.assertEqual(denial["code"], 560)
        (denied,) = self.named("SELECT forbidden")
        self.assertEqual(denial["span_id"], denied["span_id"])
        page = get(self.linked.server_pages, f"/debug/trace/{trace_id}")
        self.assertIn("SELECT forbidden", page)
        accept = {"Accept": "application/openmetrics-text"}
        metrics = get(self.linked.server_pages, "/metrics", **accept)
        self.assertIn(f'trace_id="{trace_id}"', metrics)


class NoSpanCrossesTraces(Surroundings):
    """Many connections interleaved, each with a context of its own, on both reactors."""

    def interleave(self, reactor):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        section = {"otlp_endpoint": collector.url, "tracing_interval": "0.1"}
        tracing = {"tracing": {**section, "tracing_scope": "connection"}}
        chain = self.chain(server=tracing, connector=tracing, reactor=reactor)
        count, statements = 12, 8

        def client(number):
            with self.connect(chain, prepare_threshold=None) as db:
                barrier.wait(60)
                for _ in range(statements):
                    db.execute(f"SELECT pg_sleep(0.005), %s::int AS column{number}", (number,))

        barrier = threading.Barrier(count)
        threads = [threading.Thread(target=client, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        ended(collector, 2 * count)
        chain.stop()
        traces = {
            trace_id: spans
            for trace_id, spans in collector.traces().items()
            if any("db.query.text" in s["attributes"] for s in spans)
        }
        self.assertEqual(len(traces), count)
        for spans in traces.values():
            texts = [
                s["attributes"]["db.query.text"]
                for s in spans
                if "db.query.text" in s["attributes"]
            ]
            self.assertEqual((len(set(texts)), len(texts)), (1, statements))
            ids = {span["span_id"] for span in spans}
            roots = [span for span in spans if span["parent_id"] not in ids]
            self.assertEqual([r["service"] for r in roots], ["acra-connector"])
            names = [span["name"] for span in spans]
            self.assertEqual((names.count("WrapServer"), names.count("WrapClient")), (1, 1))

    def test_epoll(self):
        self.interleave("epoll")

    def test_asyncio(self):
        self.interleave("asyncio")


class Context(Surroundings):
    """An application's own context, sampling, scope."""

    TRACE = "0af7651916cd43dd8448eb211c80319c"

    def spans_of(self, tracing, work):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        section = {"otlp_endpoint": collector.url, "tracing_interval": "0.1", **tracing}
        chain = self.chain(link="none", server={"tracing": section})
        with self.connect(chain) as db:
            work(db)
        ended(collector, 1)
        chain.stop()
        return collector.spans

    def test_traceparent_in_a_comment_becomes_the_parent(self):
        comment = f"/*traceparent='00-{self.TRACE}-b7ad6b7169203331-01'*/"

        def work(db):
            seen = db.execute(
                f"SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() {comment}"
            ).fetchone()
            self.assertNotIn("traceparent", seen[0])

        spans = self.spans_of({}, work)
        (exchange,) = [s for s in spans if s["trace_id"] == self.TRACE and s["kind"] == "server"]
        self.assertEqual(exchange["parent_id"], "b7ad6b7169203331")
        (connection,) = [s for s in spans if s["name"] == "handleConnection"]
        self.assertEqual(exchange["links"][0]["trace_id"], connection["trace_id"])
        self.assertIn(self.TRACE, [link["trace_id"] for link in connection["links"]])

    def test_what_matters_is_kept_without_sampling(self):
        def work(db):
            db.execute("SELECT 1")
            db.execute("SELECT pg_sleep(2.1)")
            with self.assertRaises(psycopg.Error):
                db.execute("SELECT 1/0")

        tracing = {"tracing_sampler": "never", "tracing_slow_threshold": "2"}
        spans = self.spans_of(tracing, work)
        exchanges = [
            s for s in spans if "db.query.text" in s["attributes"] and s["kind"] == "server"
        ]
        texts = sorted(s["attributes"]["db.query.text"] for s in exchanges)
        self.assertEqual(texts, ["SELECT ?/?", "SELECT pg_sleep(?)"])
        # With the connection they belong to, and nothing else of it.
        (connection,) = [s for s in spans if s["name"] == "handleConnection"]
        links = {link["span_id"] for exchange in exchanges for link in exchange["links"]}
        self.assertEqual(links, {connection["span_id"]})

    def test_request_scope(self):
        spans = self.spans_of(
            {"tracing_scope": "request"}, lambda db: [db.execute("SELECT 1") for _ in range(3)]
        )
        (connection,) = [s for s in spans if s["name"] == "handleConnection"]
        exchanges = [s for s in spans if "db.query.text" in s["attributes"]]
        self.assertEqual(len({s["trace_id"] for s in exchanges}), 3)
        for exchange in exchanges:
            self.assertEqual(exchange["links"][0]["span_id"], connection["span_id"])

    def test_a_context_in_the_startup_packet(self):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        section = {"otlp_endpoint": collector.url, "tracing_interval": "0.1"}
        chain = self.chain(link="none", server={"tracing": section})
        parent = f"00-{self.TRACE}-b7ad6b7169203331-01"
        with self.connect(chain, options=f"-c acra.traceparent={parent}") as db:
            db.execute("SELECT 1")
            self.assertEqual(db.execute("SHOW acra.traceparent").fetchone()[0], parent)
        ended(collector, 1)
        chain.stop()
        spans = [s for s in collector.spans if s["parent_id"] == "b7ad6b7169203331"]
        self.assertEqual(sorted(span["name"] for span in spans), ["SELECT", "SHOW", "startup"])

    def test_a_context_in_the_startup_packet_through_a_connector(self):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        section = {"otlp_endpoint": collector.url, "tracing_interval": "0.1"}
        chain = self.chain(server={"tracing": section}, connector={"tracing": section})
        parent = f"00-{self.TRACE}-b7ad6b7169203331-01"
        with self.connect(chain, options=f"-c acra.traceparent={parent}") as db:
            db.execute("SELECT 1")
        ended(collector, 2)
        chain.stop()
        spans = [s for s in collector.spans if s["trace_id"] == self.TRACE]
        by_id = {span["span_id"]: span for span in spans}
        for name in ("startup", "SELECT"):
            server, connector = sorted(
                (s for s in spans if s["name"] == name), key=lambda s: s["service"], reverse=True
            )
            self.assertEqual(
                (server["service"], connector["service"]), ("acra-server", "acra-connector")
            )
            self.assertIs(by_id[server["parent_id"]], connector, name)
            self.assertEqual(connector["parent_id"], "b7ad6b7169203331", name)

    def test_what_the_client_and_the_database_are_told(self):
        section = {
            "tracing_sampler": "never",
            "tracing_sampler_by_client": "sandbox application=always",
            "tracing_trace_id_in_errors": "true",
            "tracing_notice_enable": "true",
            "tracing_propagate_to_database": "true",
        }
        chain = self.chain(link="none", server={"tracing": section})
        notices = []
        with self.connect(chain) as db:
            db.add_notice_handler(lambda notice: notices.append(notice.message_primary))
            (seen,) = db.execute(
                "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            ).fetchone()
            found = re.search(r"/\*traceparent='00-(\w{32})-(\w{16})-01'", seen)
            trace = json.loads(get(chain.server_pages, f"/debug/trace/{found[1]}?format=json"))
            (database,) = [s for s in trace["spans"] if s["span_id"] == found[2]]
            self.assertEqual(database["kind"], "client")
            with self.assertRaises(psycopg.Error) as caught:
                db.execute("SELECT 1/0")
            self.assertRegex(caught.exception.diag.message_hint, "^trace_id [0-9a-f]{32}$")
            self.assertEqual(notices, [])
            db.execute("SET acra.trace_notice = on")
            db.execute("SELECT 1")
            with db.pipeline():
                db.execute("SELECT %s::int", (1,))
        self.assertEqual(len(notices), 3)
        for notice in notices:
            self.assertRegex(notice, "^acra: trace_id [0-9a-f]{32}, total [0-9.]+ ms")


class RequestTraces(Surroundings):
    """From the connector on: each request one trace through both daemons, over both links."""

    def traces(self, work, link="tls", **options):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        tracing = {"tracing": {"otlp_endpoint": collector.url, "tracing_interval": "0.1"}}
        chain = self.chain(link=link, server=tracing, connector=tracing, **options)
        with self.connect(chain) as db:
            work(db)
        ended(collector, 2)
        chain.stop()
        return collector.traces()

    def pairs(self, traces):
        """Yield the connector's span of each request and, below it, the server's."""
        found = []
        for spans in traces.values():
            near = [s for s in spans if s["service"] == "acra-connector" and is_exchange(s)]
            far = [s for s in spans if s["service"] == "acra-server" and is_exchange(s)]
            for span in near:
                below = [s for s in far if s["parent_id"] == span["span_id"]]
                self.assertEqual(len(below), 1, span["attributes"])
                found.append((span, below[0]))
            self.assertEqual(len(near), len(far), [s["attributes"] for s in far])
        return found

    def work(self, db):
        db.execute("CREATE TEMP TABLE t (a int, b text)")
        for number in range(8):
            # The driver prepares it the sixth time: from then on there is no text.
            db.execute("SELECT %s::int + 1", (number,))
        with db.pipeline():
            for number in range(3):
                db.execute("INSERT INTO t VALUES (%s, 'x')", (number,))
        with db.cursor().copy("COPY t FROM STDIN") as copy:
            for _ in range(100):
                copy.write_row((1, "x" * 1000))
        with db.cursor().copy("COPY t TO STDOUT") as copy:
            for _ in copy:
                pass
        db.execute("LISTEN channel")
        db.execute("NOTIFY channel, 'one'")
        self.assertEqual(next(db.notifies(timeout=60)).payload, "one")
        with self.assertRaises(psycopg.Error):
            db.execute("SELECT 1/0")
        self.assertEqual(db.execute("SELECT count(*) FROM t").fetchone(), (103,))

    def check(self, traces):
        pairs = self.pairs(traces)
        texts = [near["attributes"]["db.query.text"] for near, _ in pairs]
        # Eight, and what prepares it before the sixth; of the pipeline each is told apart.
        self.assertEqual(texts.count("SELECT $1::int + ?"), 9, texts)
        self.assertEqual(texts.count("INSERT INTO t VALUES ($1, ?)"), 3, texts)
        self.assertEqual(len(pairs), 19, texts)
        for near, far in pairs:
            for span in (near, far):
                self.assertNotIn("traceparent", span["attributes"]["db.query.text"])
            self.assertEqual((near["kind"], far["kind"]), ("client", "server"))
            self.assertEqual(near["parent_id"], "")
            self.assertLessEqual(near["start"], far["start"] + 250_000_000)
        outcomes = [near["status"] for near, _ in pairs]
        self.assertEqual(sorted(outcomes), [0] * 18 + [2])
        # Every request is a trace of its own, and links to its connection's.
        self.assertEqual(len({near["trace_id"] for near, _ in pairs}), 19)
        connections = {
            s["span_id"]
            for spans in traces.values()
            for s in spans
            if s["name"] == "handleConnection"
        }
        for pair in pairs:
            for span in pair:
                self.assertIn(span["links"][0]["span_id"], connections)

    def test_tls(self):
        self.check(self.traces(self.work))

    def test_secure_session(self):
        keys = Keys(Path(tempfile.mkdtemp(dir=self.folder)), "sandbox application")
        self.check(self.traces(self.work, "secure-session", keys=keys))

    def test_one_page_shows_both(self):
        """The connector's spans in the server's page, by their own link, without a collector."""
        section = {"tracing_to_server": "true", "tracing_interval": "0.1"}
        for link in ("tls", "secure-session"):
            keys = Keys(Path(tempfile.mkdtemp(dir=self.folder)), "sandbox application")
            chain = self.chain(link=link, keys=keys, connector={"tracing": section})
            with self.connect(chain) as db:
                db.execute("SELECT 1 AS whole")

            def whole(chain=chain):
                pages = chain.server_pages
                found = json.loads(get(pages, "/debug/traces?format=json"))["traces"]
                for match in found:
                    page = f"/debug/trace/{match['trace_id']}?format=json"
                    spans = json.loads(get(pages, page))["spans"]
                    services = {span["service"] for span in spans}
                    names = {span["name"] for span in spans}
                    if services == {"acra-connector", "acra-server"} and "SELECT" in names:
                        return spans
                return None

            spans = eventually(whole, "the connector's spans arrive")
            near, far = sorted((s for s in spans if is_exchange(s)), key=lambda s: s["start"])
            self.assertEqual(
                (near["service"], far["parent_id"]), ("acra-connector", near["span_id"])
            )
            self.assertTrue(near["attributes"]["acra.client_id"])
            self.assertIn("connector and link", shares(spans))
            metrics = get(chain.server_pages, "/metrics")
            self.assertRegex(metrics, r'acra_span_intake_spans_total{result="kept"} [1-9]')
            chain.stop()

    def test_the_applications_context_goes_through(self):
        trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

        def work(db):
            db.execute(f"SELECT 1 /*traceparent='00-{trace}-{parent}-01'*/")

        spans = self.traces(work)[trace]
        by_name = {(s["service"], s["kind"]): s for s in spans}
        near, far = by_name["acra-connector", "client"], by_name["acra-server", "server"]
        database = by_name["acra-server", "client"]
        chained = [near["parent_id"], far["parent_id"], database["parent_id"]]
        self.assertEqual(chained, [parent, near["span_id"], far["span_id"]])

    def test_encryption_inside_the_link_falls_back_to_the_connection(self):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        tracing = {"tracing": {"otlp_endpoint": collector.url, "tracing_interval": "0.1"}}
        chain = self.chain(
            server={**tracing, "database": {"client_tls": "allow"}},
            connector={**tracing, "connector": {"application_tls": "pass"}},
        )
        with self.connect(chain, sslmode="require") as db:
            db.execute("SELECT 1")
            page = json.loads(get(chain.connector_pages, "/debug/sessions?format=json"))
            self.assertEqual([row["state"] for row in page["sessions"]], ["unread"])
        line = 'acra_unread_sessions_total{reason="encrypted"} 1.0'
        self.assertIn(line, get(chain.connector_pages, "/metrics"))
        ended(collector, 2)
        chain.stop()
        self.assertIn("application_tls_cert", (chain.folder / "acra-connector.log").read_text())
        near = [s for s in collector.spans if s["service"] == "acra-connector"]
        self.assertEqual([s for s in near if is_exchange(s)], [])
        far = [s for s in collector.spans if s["service"] == "acra-server" and is_exchange(s)]
        (connection,) = [s for s in near if s["name"] == "handleConnection"]
        (session,) = [
            s
            for s in collector.spans
            if s["parent_id"] == connection["span_id"] and s["name"] == "handleConnection"
        ]
        self.assertEqual([s["links"][0]["span_id"] for s in far], [session["span_id"]])


def ended(collector, count):
    """Wait until the spans of so many connections, which are each daemon's last ones of a session,
    have come: a daemon that is told to stop has seconds to send them."""

    def came():
        return sum(span["name"] == "handleConnection" for span in tuple(collector.spans)) >= count

    eventually(came, f"spans of {count} connections")


def is_exchange(span):
    return "db.query.text" in span["attributes"] and not span["name"].startswith("postgresql ")
