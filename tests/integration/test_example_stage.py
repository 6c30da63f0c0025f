"""A third party's stage: installed by pip, named in the ini, waits on a Deferred, denies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.processes import Process, accepts, twistd
from tests.integration.base import Surroundings

EXAMPLE = Path(__file__).parents[2] / "examples" / "acra-remote-rule"


class RemoteRule(BaseHTTPRequestHandler):
    def do_GET(self):
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

    def start(self, **stage):
        url = f"http://127.0.0.1:{self.service.server_address[1]}/rule"
        server = {
            "pipeline": {"stages": "remote_rule"},
            "stage:remote_rule": {"url": url, **stage},
        }
        chain = Chain(
            ("127.0.0.1", self.postgres.port), folder=self.folder, link="none", server=server
        )
        command = twistd("acra-server", chain.server_ini)
        path = os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")])
        process = Process(command, self.folder / "third.log", environment={"PYTHONPATH": path})
        self.addCleanup(process.stop)
        process.wait_until(lambda: accepts(chain.server_pages), "listening")
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
            twistd("acra-server", chain.server_ini), capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("no installed stage is named 'remote_rule'", done.stderr)
