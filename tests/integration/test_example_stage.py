"""A third party's stage: installed by pip, named in the ini, waits on a Deferred, denies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import psycopg

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.processes import Daemon, twistd
from tests.integration.base import Surroundings, eventually

EXAMPLE = Path(__file__).parents[2] / "examples" / "acra-remote-rule"


TRACE = "0af7651916cd43dd8448eb211c80319c"


class RemoteRule(BaseHTTPRequestHandler):
    contexts: ClassVar[list[str]] = []

    def do_GET(self):
        self.contexts.append(self.headers["traceparent"])
        self.send_response(200)
        self.send_header("content-length", "9")
        self.end_headers()
        self.wfile.write(b"secret.*\n")

    def log_message(self, *args):
        pass


class ThirdParty(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = cls.folder / "site"
        # A copy: building it leaves folders behind.
        source = shutil.copytree(EXAMPLE, cls.folder / "example")
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--no-index",
                "--no-build-isolation",
                "--disable-pip-version-check",
                "--target",
                cls.site,
                source,
            ],
            check=True,
        )
        cls.service = ThreadingHTTPServer(("127.0.0.1", 0), RemoteRule)
        thread = threading.Thread(target=cls.service.serve_forever, daemon=True)
        thread.start()
        cls.addClassCleanup(cls.service.server_close)
        cls.addClassCleanup(cls.service.shutdown)

    def start(self, tracing=None, **stage):
        url = f"http://127.0.0.1:{self.service.server_address[1]}/rule"
        server = {
            "pipeline": {"stages": "remote_rule"},
            "stage:remote_rule": {"url": url, **stage},
            "tracing": tracing or {},
        }
        chain = Chain(
            ("127.0.0.1", self.postgres.port), folder=self.folder, link="none", server=server
        )
        command = twistd("acra-server", chain.server_ini)
        path = os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")])
        daemon = Daemon(command, self.folder / "third.log", environment={"PYTHONPATH": path})
        self.addCleanup(daemon.stop)
        daemon.wait_until_it_serves()
        return chain

    def test_it_denies_after_asking(self):
        chain = self.start()
        with self.connect(chain) as db:
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
            with self.assertRaises(psycopg.Error) as caught:
                db.execute("SELECT 'secret'")
            self.assertEqual(caught.exception.sqlstate, "42000")
            with db.pipeline():
                cursors = [db.execute("SELECT %s::int", (n,)) for n in range(20)]
            self.assertEqual([c.fetchone()[0] for c in cursors], list(range(20)))

    def test_its_question_is_a_span_and_the_service_is_told_of_the_trace(self):
        collector = Collector().start()
        self.addCleanup(collector.stop)
        chain = self.start(tracing={"otlp_endpoint": collector.url, "tracing_interval": "0.1"})
        del RemoteRule.contexts[:]
        with self.connect(chain) as db:
            db.execute(f"SELECT 1 /*traceparent='00-{TRACE}-b7ad6b7169203331-01'*/")
        [told] = RemoteRule.contexts
        version, trace_id, span_id, flags = told.split("-")
        self.assertEqual((version, trace_id, flags), ("00", TRACE, "01"))
        wanted = {"GET rule", "SELECT", "stage remote_rule"}

        def whole():
            """The trace, once all the wanted spans of it are there."""
            spans = collector.traces().get(TRACE, [])
            return wanted <= {span["name"] for span in spans} and spans

        trace = eventually(whole, "the spans")
        [asked] = [span for span in trace if span["name"] == "GET rule"]
        spans = {span["span_id"]: span for span in trace}
        self.assertEqual((asked["span_id"], asked["kind"]), (span_id, "client"))
        self.assertEqual(asked["attributes"], {"http.response.status_code": 200})
        request = spans[asked["parent_id"]]
        self.assertEqual((request["name"], request["parent_id"]), ("SELECT", "b7ad6b7169203331"))
        [stage] = [span for span in spans.values() if span["name"] == "stage remote_rule"]
        self.assertTrue(stage["start"] <= asked["start"] <= asked["end"] <= stage["end"])
        page = f"http://127.0.0.1:{chain.server_pages}/debug/trace/{TRACE}?format=json"
        with urllib.request.urlopen(page) as answer:
            shown = json.load(answer)["spans"]
        self.assertIn("GET rule", [span["name"] for span in shown])

    def test_a_service_is_told_of_a_trace_that_is_not_sampled(self):
        chain = self.start(tracing={"tracing_sampler": "never"})
        del RemoteRule.contexts[:]
        with self.connect(chain) as db:
            db.execute(f"SELECT 1 /*traceparent='00-{TRACE}-b7ad6b7169203331-00'*/")
        [told] = RemoteRule.contexts
        self.assertEqual((told[:35], told[-2:]), (f"00-{TRACE}", "00"))

    def test_it_fails_closed(self):
        chain = self.start(url="http://127.0.0.1:1/nothing")
        with self.connect(chain) as db:
            with self.assertRaises(psycopg.Error) as caught:
                db.execute("SELECT 1")
            self.assertEqual(caught.exception.sqlstate, "58000")

    def test_without_its_package_the_server_does_not_start(self):
        ini = {"pipeline": {"stages": "remote_rule"}}
        chain = Chain(("127.0.0.1", 1), folder=self.folder, link="none", server=ini)
        done = subprocess.run(
            twistd("acra-server", chain.server_ini), capture_output=True, text=True, timeout=300
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("no installed stage is named 'remote_rule'", done.stderr)
