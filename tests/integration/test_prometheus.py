"""A real Prometheus scrapes both daemons; rules and dashboard ask for what there is."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
from pathlib import Path

import psycopg
import yaml

from acra_twisted.sandbox.processes import Process, free_port
from tests.integration.base import Surroundings, eventually, get
from tests.support.monitoring import program

MONITORING = Path(__file__).parents[2] / "examples/monitoring"
DASHBOARD = MONITORING / "grafana-dashboard.json"
_METRIC = re.compile(r"\b(?:acra|acraserver|acraconnector)_\w+")
#: More than the queues of spans hold: refused requests are recorded, come what may.
DENIED = 60
RULES = "version: 0.85.0\nhandlers: [{handler: deny, tables: [forbidden]}]\n"


class Scraped(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rules = cls.folder / "rules.yaml"
        rules.write_text(RULES)
        nobody = f"http://127.0.0.1:{free_port()}/"
        # Two exporters whose spans are dropped, at each daemon.
        dead = {
            "tracing": {
                "otlp_endpoint": nobody,
                "zipkin_endpoint": nobody,
                "tracing_queue_size": "40",
            }
        }
        cls.linked = cls.chain(
            server={
                "pipeline": {"stages": "censor"},
                "censor": {"acracensor_config_file": str(rules)},
                # Its certificates name nobody to ask; there are metrics all the same.
                "revocation": {"tls_crl_from_cert": "use"},
                "history": {"trace_store_file": str(cls.folder / "server.history")},
                **dead,
            },
            connector=dead,
        )
        ports = (cls.linked.server_pages, cls.linked.connector_pages)
        (cls.folder / "acra-rules.yml").write_text((MONITORING / "acra-rules.yml").read_text())
        configuration = (MONITORING / "prometheus.yml").read_text()
        for sample, port in zip((9399, 9499), ports, strict=True):
            assert f"127.0.0.1:{sample}" in configuration
            configuration = configuration.replace(f"127.0.0.1:{sample}", f"127.0.0.1:{port}")
        intervals = "scrape_interval: 1s\n  evaluation_interval: 1s"
        configuration = configuration.replace("scrape_interval: 15s", intervals)
        (cls.folder / "prometheus.yml").write_text(configuration)
        cls.port = free_port()
        command = [
            program("prometheus"),
            f"--config.file={cls.folder}/prometheus.yml",
            f"--storage.tsdb.path={cls.folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{cls.port}",
            "--enable-feature=exemplar-storage",
        ]
        prometheus = Process(command, cls.folder / "prometheus.log")
        cls.addClassCleanup(prometheus.stop)
        prometheus.wait_until(cls.ready, "ready")
        with cls.connect(cls.linked) as db:
            for _ in range(3):
                db.execute("SELECT 1")
            for text in ("SELECT 1/0", *["SELECT 'x' FROM forbidden"] * DENIED, "SELECT 1"):
                try:
                    db.execute(text)
                except psycopg.Error:
                    pass
            # The session's rows and state are scraped while it is there.
            eventually(lambda: cls.query("acra_exchanges_total > 0"), "a scrape")

    @classmethod
    def ready(cls):
        # It listens before it answers.
        try:
            return bool(get(cls.port, "/-/ready"))
        except OSError:
            return False

    @classmethod
    def ask(cls, path, **asked):
        return json.loads(get(cls.port, f"/api/v1/{path}?{urllib.parse.urlencode(asked)}"))["data"]

    @classmethod
    def query(cls, expression):
        return cls.ask("query", query=expression)["result"]

    def test_both_are_up(self):
        found = eventually(
            lambda: self.query('up{job="acra"} == 1')[1:] and self.query('up{job="acra"}'), "both"
        )
        self.assertEqual(len(found), 2)

    def test_what_was_counted(self):
        def count(expression):
            found = self.query(f"sum({expression})")
            return float(found[0]["value"][1]) if found else 0

        server = f'instance="127.0.0.1:{self.linked.server_pages}"'
        eventually(
            lambda: count(f'acra_exchanges_total{{{server},outcome="denied"}}') == DENIED,
            "denied",
        )
        self.assertEqual(count(f'acra_exchanges_total{{{server},outcome="error"}}'), 1)
        self.assertEqual(count('acra_censor_denials_total{by="deny.table"}'), DENIED)
        self.assertGreaterEqual(count(f"acra_rows_total{{{server}}}"), 3)
        self.assertGreaterEqual(count("acra_stage_seconds_count"), 5)
        # No exporter has room: of what is neither refused nor wrong less is recorded.
        self.assertGreaterEqual(count(f'acra_traces_total{{{server},decision="thinned"}}'), 1)
        self.assertGreater(count("acra_database_first_byte_seconds_count"), 3)
        when = {"start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}
        query = f"acra_exchange_seconds_bucket{{{server}}}"
        traces = eventually(lambda: self.ask("query_exemplars", query=query, **when), "an exemplar")
        trace_id = traces[0]["exemplars"][0]["labels"]["trace_id"]
        # An exemplar leads to its trace.
        page = get(self.linked.server_pages, f"/debug/trace/{trace_id}")
        self.assertIn(f'<code class="id">{trace_id}</code>', page)
        # Grafana makes the address of the console's page of it, by the sample.
        source = yaml.safe_load((MONITORING / "grafana-datasource.yml").read_text())
        (there,) = source["datasources"][0]["jsonData"]["exemplarTraceIdDestinations"]
        value = traces[0]["exemplars"][0]["labels"][there["name"]]
        address = urllib.parse.urlsplit(there["url"].replace("$${__value.raw}", value))
        told = json.loads(
            get(self.linked.server_pages, f"{address.path}?{address.query}&format=json")
        )
        self.assertEqual(told["trace_id"], trace_id)
        self.assertTrue(told["spans"])

    def test_rules_and_dashboard_name_metrics_that_there_are(self):
        families = set()
        for port in (self.linked.server_pages, self.linked.connector_pages):
            for line in get(port, "/metrics").splitlines():
                if line.startswith("# TYPE "):
                    _, _, name, kind = line.split()
                    parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
                    families |= {name + part for part in parts}
        board = json.loads(DASHBOARD.read_text())
        texts = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        self.assertGreater(len(texts), 20)
        texts.append((MONITORING / "acra-rules.yml").read_text())
        for text in texts:
            names = set(_METRIC.findall(re.sub(r"acra:\w+:?\w*", "", text)))
            self.assertLessEqual(names, families, text)

    def test_the_dashboards_queries_are_answered(self):
        # Rates are of two scrapes at least.
        rate = "rate(acra_exchanges_total[1m])"
        eventually(lambda: len({one["metric"]["instance"] for one in self.query(rate)}) == 2, rate)
        board = json.loads(DASHBOARD.read_text())
        answered = 0
        for panel in board["panels"]:
            for target in panel["targets"]:
                text = target["expr"].replace("$__rate_interval", "1m")
                text = text.replace("$instance", ".*").replace("$listener", ".*")
                for series in self.query(text):
                    answered += 1
                    # What the legend names is there.
                    for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                        self.assertIn(label, series["metric"], text)
        self.assertGreater(answered, 20)

    def test_each_exporter_that_drops_spans_has_its_alert(self):
        daemons = (self.linked.server_pages, self.linked.connector_pages)
        expected = {
            (f"127.0.0.1:{port}", exporter) for port in daemons for exporter in ("otlp", "zipkin")
        }

        def firing():
            found = self.query('ALERTS{alertname="AcraSpansDropped"}')
            labels = [series["metric"] for series in found]
            return {(one["instance"], one["exporter"]) for one in labels} == expected

        eventually(firing, "an alert for each exporter of each daemon", 120)

    def test_promtool_finds_nothing_wrong(self):
        for arguments in (
            ["check", "rules", str(MONITORING / "acra-rules.yml")],
            ["check", "config", str(MONITORING / "prometheus.yml")],
            ["test", "rules", str(MONITORING / "acra-rules-test.yml")],
        ):
            command = [program("promtool"), *arguments]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_reads_our_metrics(self):
        for port in (self.linked.server_pages, self.linked.connector_pages):
            done = subprocess.run(
                [program("promtool"), "check", "metrics"],
                input=get(port, "/metrics"),
                capture_output=True,
                text=True,
            )
            self.assertEqual([line for line in done.stderr.splitlines() if line], [])

    def test_the_rules_are_loaded(self):
        groups = self.ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        written = (MONITORING / "acra-rules.yml").read_text()
        self.assertEqual(len(rules), len(re.findall(r"- (?:alert|record):", written)))
        eventually(self.evaluated, "every rule is evaluated", 180)

    def evaluated(self):
        groups = self.ask("rules")["groups"]
        return all(rule["health"] == "ok" for group in groups for rule in group["rules"])
