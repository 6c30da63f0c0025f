"""An application's context reaches the execution of its statement with every driver.

Spans go to a real OTLP receiver, and are read back from what it hands on.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import psycopg
import rotel

from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.postgres import SUPERUSER
from acra_twisted.sandbox.processes import Process, accepts, free_port
from tests.integration.base import Surroundings, eventually, raw_session
from tests.support.sessions import SYNC, bind, describe, execute, parse, ready

TOP = Path(__file__).parents[2]
INTEROP = TOP / "tests/interop"


def new_context():
    """A trace's id and a traceparent of it."""
    trace_id = os.urandom(16).hex()
    return trace_id, f"00-{trace_id}-{os.urandom(8).hex()}-01"


def is_execution(span):
    """A request, as the server tells of it, that ran a statement and set no context."""
    name, known = span["name"], span["attributes"]
    is_request = span["kind"] == "server" and "db.query.text" in known
    return is_request and not name.startswith("prepare ") and name.split()[0] == "SELECT"


class Drivers(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)
        port = free_port()
        command = [
            str(Path(rotel.__file__).parent / "rotel-agent"),
            *("start", "--otlp-http-endpoint", f"127.0.0.1:{port}"),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"),
            *("--exporter", "otlp", "--otlp-exporter-protocol", "http"),
            *("--otlp-exporter-endpoint", f"http://127.0.0.1:{cls.collector.port}"),
            *("--batch-timeout", "200ms"),
        ]
        receiver = Process(command, cls.folder / "rotel.log")
        cls.addClassCleanup(receiver.stop, signal.SIGTERM)
        receiver.wait_until(lambda: accepts(port), "listening")
        cls.tracing = {
            "tracing": {
                "otlp_endpoint": f"http://127.0.0.1:{port}/v1/traces",
                "tracing_interval": "0.1",
            }
        }
        cls.linked = cls.chain(server=cls.tracing, connector=cls.tracing)

    def executions(self, trace_id):
        return [span for span in self.collector.traces().get(trace_id, ()) if is_execution(span)]

    def check(self, name, trace_id, count):
        """So many executions are in the trace, each with the connector's part above it."""

        def whole():
            spans = self.collector.traces().get(trace_id, ())
            services = {span["span_id"]: span["service"] for span in spans}
            above = [services.get(span["parent_id"]) for span in self.executions(trace_id)]
            parents = {s["parent_id"] for s in spans if s["name"].startswith("postgresql ")}
            below = {span["span_id"] for span in self.executions(trace_id)}
            return above == ["acra-connector"] * count and below <= parents

        eventually(whole, f"{name} is in its trace")

    def linked_with(self, trace_id):
        """The connector's requests that are linked with a trace and no part of it."""
        return [
            span
            for span in self.collector.spans
            if span["service"] == "acra-connector"
            and "db.query.text" in span["attributes"]
            and span["trace_id"] != trace_id
            and trace_id in [link["trace_id"] for link in span["links"]]
        ]

    def node(self, which):
        command = ["node", str(INTEROP / "contexts.js"), str(self.linked.port), which]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name, trace_id, count in json.loads(done.stdout):
            self.check(f"{which}: {name}", trace_id, count)

    def test_node_pg(self):
        self.node("pg")

    def test_postgres_js(self):
        self.node("postgres")

    def test_opentelemetrys_instrumentation(self):
        self.node("otel")

    def test_psycopg(self):
        with self.connect(self.linked) as db:
            for prepare in (True, False):
                trace_id, traceparent = new_context()
                text = f"SELECT %s::int /*traceparent='{traceparent}'*/"
                for _ in range(2):
                    db.execute(text, (1,), prepare=prepare)
                # With its text each time, or once for all.
                self.check(f"prepare={prepare}", trace_id, 1 if prepare else 2)
            first, second = new_context(), new_context()
            with db.pipeline():
                for _, traceparent in (first, second):
                    db.execute(f"SELECT %s::int /*traceparent={traceparent}*/", (1,))
            self.check("pipelined", first[0], 1)
            self.check("pipelined", second[0], 1)

    def test_asyncpg(self):
        found = asyncio.run(self.use_asyncpg())
        for name, (trace_id, _), count, later in found:
            self.check(name, trace_id, count)
            eventually(lambda: len(self.linked_with(trace_id)) >= later, f"links of {name}")  # noqa: B023

    async def use_asyncpg(self):
        db = await asyncpg.connect(
            host="127.0.0.1",
            port=self.linked.port,
            user=SUPERUSER,
            database="postgres",
            timeout=300,
        )
        fetch, many, cursor = new_context(), new_context(), new_context()
        text = "SELECT n + $1::int FROM generate_series(1, 30) n /*traceparent='{}'*/"
        for _ in range(3):
            await db.fetch(text.format(fetch[1]), 1)
        await db.executemany(text.format(many[1]), [(1,), (2,)])
        async with db.transaction():
            async for _ in db.cursor(text.format(cursor[1]), 1, prefetch=10):
                pass
        await db.close()
        return [("fetch", fetch, 1, 2), ("executemany", many, 1, 1), ("cursor", cursor, 1, 2)]

    def talk(self, *batches):
        """Say them one after the other, as a driver that waits for each reply."""
        with raw_session(self.linked.port) as raw:
            for batch in batches:
                raw.sendall(batch)
                got = b""
                while not got.endswith((ready(), ready(b"T"))):
                    more = raw.recv(4096)
                    assert more, "the session has ended"
                    got += more

    def test_as_pgx_says_it(self):
        """Prepares and describes in one batch, executes in others."""
        trace_id, traceparent = new_context()
        text = f"SELECT 1 /*traceparent='{traceparent}'*/".encode()
        execution = bind(b"", b"stmtcache_1") + describe(b"P", b"") + execute() + SYNC
        prepared = parse(b"stmtcache_1", text) + describe(b"S", b"stmtcache_1") + SYNC
        self.talk(prepared, execution, execution)
        self.check("pgx", trace_id, 1)
        eventually(lambda: len(self.linked_with(trace_id)) == 1, "the second is linked")

    def test_pgjdbc(self):
        command = [sys.executable, "-m", "tests.support.pgjdbc", str(self.linked.port)]
        done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name, trace_id, own, linked in json.loads(done.stdout):
            self.check(f"pgjdbc: {name}", trace_id, own)
            eventually(lambda: len(self.linked_with(trace_id)) == linked, f"links of {name}")  # noqa: B023

    def test_as_pgjdbc_says_it(self):
        """Unnamed up to prepareThreshold, then named, then without Parse."""
        trace_id, traceparent = new_context()
        text = f"SELECT 1 /*traceparent='{traceparent}'*/".encode()
        rest = describe(b"P", b"") + execute() + SYNC
        unnamed = parse(b"", text) + bind(b"", b"") + rest
        named = parse(b"S_1", text) + bind(b"", b"S_1") + rest
        again = bind(b"", b"S_1") + execute() + SYNC
        self.talk(unnamed, unnamed, named, again, again)
        self.check("pgjdbc", trace_id, 3)
        eventually(lambda: len(self.linked_with(trace_id)) == 2, "later ones are linked")

    def test_settings(self):
        own, inside, named, after = (new_context() for _ in range(4))
        with self.connect(self.linked, application_name=own[1], autocommit=True) as db:
            db.execute("SELECT 'startup'")
            with db.transaction():
                setting = f"traceparent=''{inside[1]}''"
                db.execute(f"SET LOCAL pg_tracing.trace_context = '{setting}'")
                db.execute("SELECT 'inside'")
                db.execute("SELECT %s::text", ("inside",), prepare=True)
            db.execute("SELECT set_config('acra.traceparent', %s, false)", (named[1],))
            db.execute("SELECT 'named'")
            with self.assertRaises(psycopg.Error):
                db.execute(f"SET acra.traceparent = '{after[1]}', 'x' junk")
            db.execute("SELECT 'named still'")
            db.execute("RESET acra.traceparent")
            db.execute("SELECT 'startup again'")
        for name, (trace_id, _), count in (
            ("startup", own, 2),
            ("SET LOCAL", inside, 2),
            ("set_config", named, 2),
        ):
            self.check(name, trace_id, count)
        self.assertEqual(self.executions(after[0]), [])

    def test_forms_and_tags(self):
        forms = (
            "SELECT 1 /* traceparent={} */",
            "SELECT 1 /*application:shop,traceparent:{}*/",
            '/*traceparent="{}"*/ SELECT 1',
            "/*dddbs='pg',application='shop',traceparent='{}'*/ SELECT 1",
        )
        with self.connect(self.linked) as db:
            seen = []
            for form in forms:
                trace_id, traceparent = new_context()
                text = form.format(traceparent) + ", query FROM pg_stat_activity"
                row = db.execute(f"{text} WHERE pid = pg_backend_pid()").fetchone()
                seen.append(row[1])
                self.check(form, trace_id, 1)
                tags = self.executions(trace_id)[0]["attributes"]
                shown = tags.get("acra.tag.application")
                self.assertEqual(shown, "shop" if "shop" in form else None)
        self.assertEqual([text for text in seen if "traceparent" in text], [])
        self.assertTrue(seen[-1].startswith("/*dddbs='pg',application='shop'*/ SELECT 1, "))
