"""Clients as they are, daemons as README has them: the whole trace, without any setting for it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER, system
from acra_twisted.sandbox.processes import Process
from tests.integration.base import Surroundings, eventually

TOP = Path(__file__).parents[2]
TRACE = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeee01"
TEXT = f"SELECT 1 /*traceparent='00-{TRACE}-00f067aa0ba902b7-01'*/"
WHOLE = {
    ("acra-connector", "SELECT"),
    ("acra-server", "SELECT"),
    ("acra-server", "postgresql SELECT"),
}


class Samples(Surroundings):
    """README's two kinds of links."""

    def spans(self, sslmode="prefer", client=(), **options):
        """Run one statement as an application that says nothing about TLS if not told to."""
        collector = Collector().start()
        self.addCleanup(collector.stop)
        tracing = {"tracing": {"otlp_endpoint": collector.url, "tracing_interval": "0.1"}}
        connector = {**tracing, **options.pop("connector", {})}
        chain = self.chain(server=tracing, connector=connector, **options)
        with self.connect(chain, sslmode=sslmode, **dict(client)) as db:
            used = db.pgconn.ssl_in_use
            db.execute(TEXT)

        def found():
            spans = [span for span in tuple(collector.spans) if span["trace_id"] == TRACE]
            return {(span["service"], span["name"]) for span in spans}

        # A daemon that is told to stop has seconds to send what it has.
        eventually(lambda: found() >= WHOLE, "the whole trace")
        chain.stop()
        return used, found()

    def certificate(self):
        certificate, key = self.authority.issue("applications", hosts=("localhost", "127.0.0.1"))
        pair = {"application_tls_cert": str(certificate), "application_tls_key": str(key)}
        return {"connector": {"connector": pair}, "authority": self.authority}

    def test_tls(self):
        self.assertEqual(self.spans(), (False, WHOLE))

    def test_secure_session(self):
        keys = Keys(Path(tempfile.mkdtemp(dir=self.folder)), "application")
        self.assertEqual(self.spans(link="secure-session", keys=keys), (False, WHOLE))

    def test_tls_that_the_connector_ends(self):
        verified = {"sslrootcert": str(self.authority.path)}
        found = self.spans("verify-full", verified, **self.certificate())
        self.assertEqual(found, (True, WHOLE))
        verified["sslnegotiation"] = "direct"
        self.assertEqual(self.spans("verify-full", verified, **self.certificate()), (True, WHOLE))

    def test_certificates_of_applications(self):
        options = self.certificate()
        options["connector"]["connector"]["application_tls_ca"] = str(self.authority.path)
        certificate, key = self.authority.issue("an application")
        shown = {"sslcert": str(certificate), "sslkey": str(key)}
        self.assertEqual(self.spans("require", shown, **options), (True, WHOLE))
        with self.assertRaises(psycopg.OperationalError):
            self.spans("require", {"sslcert": "/none", "sslkey": "/none"}, **options)

    def test_everywhere_by_the_servers_answer(self):
        address = {"connector": {"connector": {"application_tls": "pass"}}}
        self.assertEqual(self.spans(**address), (False, WHOLE))


class Demo(Surroundings):
    """``make demo``, and then the line that it prints."""

    def test_the_line_that_it_prints(self):
        log = self.folder / "demo.log"
        command = [sys.executable, "-u", str(TOP / "examples/demo/demo.py")]
        demo = Process(command, log)
        self.addCleanup(demo.stop, signal.SIGTERM)
        eventually(lambda: "stays up" in log.read_text(), "the demo stays up", 120)
        shown = log.read_text()
        (line,) = re.findall(r"connect +(psql .*)", shown)
        program, *arguments = shlex.split(line)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        done = subprocess.run(
            [str(system() / "bin" / program), *arguments, "-XAtc", TEXT],
            env=environment,
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.stdout, done.returncode), ("1\n", 0), done.stderr)
        (pages,) = re.findall(r"trace pages +(http://[^/]*)", shown)
        command = [sys.executable, "-c", "from acra_twisted.tools import trace as t; t.script()"]

        def whole():
            drawn = subprocess.run(
                [*command, f"--from={pages}", TRACE], capture_output=True, text=True
            ).stdout
            return "acra-connector" in drawn and "acra-server" in drawn and "postgresql" in drawn

        eventually(whole, "connector, server and database in one trace")
        self.assertIn(SUPERUSER, line)
