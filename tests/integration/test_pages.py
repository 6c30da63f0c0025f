"""The trace pages in a real browser, in the terminal, and for who may see them."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import free_port, twistd
from acra_twisted.tools import top
from tests.integration.base import Surroundings, eventually, get

PICTURES = Path(__file__).parents[2] / "docs/pictures"
RULES = "version: 0.85.0\nhandlers: [{handler: deny, tables: [salaries]}]\n"


class Browser:
    """Headless chromium: the document after scripts (there are none) and styles, and a picture."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("chromium")
        if found is None:
            raise AssertionError("no chromium: run .ci/install-servers")
        self._command = [
            found,
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-sandbox",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/chromium",
            # Whatever a page might want from elsewhere, it does not get.
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        ]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments], capture_output=True, text=True, timeout=300, check=True
        )
        return done.stdout

    def document(self, url: str) -> str:
        return self._run("--dump-dom", url)

    def picture(self, url: str, path: Path, height: int) -> None:
        self._run(f"--screenshot={path}", f"--window-size=1400,{height}", url)


class Pages(Surroundings):
    """Pictures are written to docs/ with ACRA_PICTURES=1, else to a folder of the test's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rules = cls.folder / "rules.yaml"
        rules.write_text(RULES)
        keys = Keys(cls.folder, "shop application")
        cls.linked = cls.chain(
            link="secure-session",
            keys=keys,
            server={
                "pipeline": {"stages": "query_capture, censor"},
                "stage:query_capture": {"filepath": str(cls.folder / "captured.jsonl")},
                "censor": {"acracensor_config_file": str(rules)},
            },
            connector={"tracing": {"tracing_to_server": "true", "tracing_interval": "0.1"}},
        )
        cls.browser = Browser(cls.folder)
        cls.pictures = PICTURES if os.environ.get("ACRA_PICTURES") else cls.folder
        cls.pictures.mkdir(exist_ok=True)
        with cls.connect(cls.linked) as db:
            db.execute("CREATE TABLE account (id int, owner text)")
            with db.pipeline():
                for number in range(3):
                    db.execute("INSERT INTO account VALUES (%s, 'Ann')", (number,))
            db.execute("SELECT owner, pg_sleep(0.02) FROM account WHERE id = 1")
            for text in ("SELECT amount FROM salaries", "SELECT 1/0 FROM account"):
                try:
                    db.execute(text)
                except psycopg.Error:
                    pass
        cls.trace_id = eventually(cls.whole, "the connector's spans arrive")

    @classmethod
    def url(cls, path):
        return f"http://127.0.0.1:{cls.linked.server_pages}{path}"

    @classmethod
    def whole(cls):
        """The trace of the SELECT, once both daemons' spans are there."""
        page = "/debug/traces?format=json&min_ms=20"
        for match in json.loads(get(cls.linked.server_pages, page))["traces"]:
            trace = f"/debug/trace/{match['trace_id']}?format=json"
            spans = json.loads(get(cls.linked.server_pages, trace))["spans"]
            names = {(s["service"], s["name"]) for s in spans}
            daemons = ("acra-server", "acra-connector")
            # Others may be as slow, on a machine that has much else to do.
            if names >= {(one, "SELECT account") for one in daemons} and "pg_sleep" in str(spans):
                return match["trace_id"]
        return None

    def seen(self, path, name, height=700):
        """The page's text as the browser has it; its picture is taken."""
        picture = self.pictures / f"{name}.png"
        self.browser.picture(self.url(path), picture, height)
        self.assertGreater(picture.stat().st_size, 10_000)
        document = self.browser.document(self.url(path))
        return re.sub(r"<[^>]+>", " ", document.partition("<body>")[2])

    def test_a_waterfall(self):
        text = self.seen(f"/debug/trace/{self.trace_id}", "waterfall", 620)
        for words in ("SELECT account", "stage censor", "postgresql SELECT account", "database:"):
            self.assertIn(words, text)
        document = self.browser.document(self.url(f"/debug/trace/{self.trace_id}"))
        bars = [float(n) for n in re.findall(r"left: [0-9.]+%; width: ([0-9.]+)%", document)]
        self.assertEqual(len(bars), 5)
        self.assertEqual(max(bars), 100)

    def test_the_summary(self):
        text = self.seen("/debug/tracez", "tracez", 900)
        self.assertIn("INSERT account", text)
        samples = self.seen("/debug/tracez?name=SELECT+salaries&bucket=errors", "denied", 1100)
        self.assertIn("acra.denied_by=censor", samples)

    def test_a_search(self):
        text = self.seen("/debug/traces?verdict=deny", "search", 300)
        self.assertIn("SELECT salaries", text)
        self.assertNotIn("INSERT account", text)

    def test_calls(self):
        text = self.seen("/debug/rpcz", "rpcz", 600)
        for words in ("postgresql query", "postgresql execute", "censor", "Received", "Sent"):
            self.assertIn(words, text)

    def test_sessions(self):
        with self.connect(self.linked) as idle, self.connect(self.linked) as busy:
            self.assertFalse(idle.closed)
            text = "SELECT pg_sleep(600) /* 'x' */ FROM account LIMIT 1"

            def sleep():
                with self.assertRaises(psycopg.errors.QueryCanceled):
                    busy.execute(text)

            sleeper = threading.Thread(target=sleep)
            sleeper.start()
            live = "/debug/sessions?format=json"
            try:
                eventually(
                    lambda: "active" in get(self.linked.server_pages, live), "the statement runs"
                )
                text = self.seen("/debug/sessions", "sessions", 330)
                for words in ("SELECT pg_sleep(?)", "active, in the database", "idle"):
                    self.assertIn(words, text)
                # The browser may have taken more than the minute of which calls are told.
                idle.execute("SELECT 1")
                output = io.StringIO()
                top.main(["--once", f"--from={self.url('')}"], {}, output)
            finally:
                busy.cancel_safe()
                sleeper.join()
        shown = output.getvalue()
        for words in (
            "sessions: 1 active, 1 idle",
            "received postgresql",
            "DENIED",
            "SELECT salaries",
        ):
            self.assertIn(words, shown)

    def test_milliseconds_under_load(self):
        stop = threading.Event()

        def load():
            with self.connect(self.linked) as db:
                while not stop.is_set():
                    db.execute("SELECT 1")

        clients = [threading.Thread(target=load) for _ in range(4)]
        for client in clients:
            client.start()
        took = []
        try:
            for _ in range(20):
                began = time.perf_counter()
                get(self.linked.server_pages, f"/debug/trace/{self.trace_id}?format=json")
                get(self.linked.server_pages, "/debug/rpcz")
                took.append((time.perf_counter() - began) / 2)
        finally:
            stop.set()
            for client in clients:
                client.join()
        # Of a machine whose processors the load keeps busy, and perhaps much else.
        self.assertLess(sorted(took)[10], 2)


class Guarded(Surroundings):
    """Pages that others can reach want to know who asks."""

    def test_nobody_guards_them(self):
        address = {"incoming_connection_zpages_string": f"tcp://0.0.0.0:{free_port()}"}
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        chain = Chain(("127.0.0.1", 1), folder=folder, server={"metrics": address})
        command = [*twistd("acra-server", chain.server_ini), "--check_config"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("zpages_token_file", done.stderr)

    def test_a_token(self):
        token = self.folder / "token"
        token.write_text("a token long enough\n")
        token.chmod(0o600)
        chain = self.chain(link="none", server={"metrics": {"zpages_token_file": str(token)}})
        for shown, expected in (
            ({}, 401),
            ({"Authorization": "Bearer wrong"}, 401),
            ({"Authorization": "Bearer a token long enough"}, 200),
            ({"Authorization": b"Basic " + base64.b64encode(b"me:a token long enough")}, 200),
        ):
            try:
                get(chain.server_pages, "/debug/tracez", **shown)
                status = 200
            except urllib.error.HTTPError as error:
                status = error.code
            self.assertEqual(status, expected, shown)

    def test_client_certificates(self):
        chain = self.chain(link="none", server={"metrics": {"zpages_tls_enable": "true"}})
        url = f"https://127.0.0.1:{chain.server_pages}/debug/tracez"
        context = ssl.create_default_context(cafile=str(chain.authority.path))
        with self.assertRaises(OSError):
            urllib.request.urlopen(url, timeout=60, context=context).read()
        own, own_key = chain.authority.issue("an engineer")
        context.load_cert_chain(own, own_key)
        with urllib.request.urlopen(url, timeout=60, context=context) as answer:
            self.assertIn(b"Span name", answer.read())
        output = io.StringIO()
        files = [f"--tls_ca={chain.authority.path}", f"--tls_cert={own}", f"--tls_key={own_key}"]
        source = f"--from=https://127.0.0.1:{chain.server_pages}"
        top.main(["--once", source, *files], {}, output)
        self.assertIn("acra-server at https", output.getvalue())
