"""The HTTP port of a running daemon under attack: sessions go on all the same."""

from __future__ import annotations

import json
import os
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

from acra_twisted.sandbox.processes import processor_time
from tests.integration.base import Surroundings, eventually, get

SERVER = {"server": {"incoming_connection_close_timeout": "1"}}


def http(port, data=b""):
    """A connection to the port on which something was sent."""
    raw = socket.create_connection(("127.0.0.1", port), 60)
    raw.sendall(data)
    return raw


def answer(raw):
    """Read until the connection ends, however it ends."""
    got = b""
    try:
        while more := raw.recv(1 << 16):
            got += more
    except ConnectionError:
        pass
    return got


def head(method="GET", path="/metrics", *fields):
    text = "".join(
        f"{line}\r\n" for line in (f"{method} {path} HTTP/1.1", "Host: localhost", *fields)
    )
    return f"{text}\r\n".encode()


class Port(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.one = cls.chain(link="none", server=SERVER)

    def held(self):
        """Files of the daemon that have no name any more."""
        folder = f"/proc/{self.one.server.pid}/fd"
        found = []
        for name in os.listdir(folder):
            try:
                found.append(os.readlink(f"{folder}/{name}"))
            except OSError:
                pass
        return [name for name in found if "deleted" in name]

    def test_bodies_are_refused_before_a_byte_is_read(self):
        pid = self.one.server.pid
        piece = b"a&" * (1 << 19)
        form = "Content-Type: application/x-www-form-urlencoded"
        with self.connect(self.one) as db:
            for path in ("/healthz", "/metrics", "/debug/traces", "/nothing"):
                busy = processor_time(pid)
                raw = http(self.one.server_pages)
                sent = 0
                try:
                    raw.sendall(head("POST", path, form, f"Content-Length: {100 << 20}"))
                    while sent < 100:
                        raw.sendall(piece)
                        sent += 1
                except OSError:
                    pass
                for _ in range(20):
                    self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
                # The daemon has closed: at most what the kernel keeps has left us.
                self.assertLess(sent, 20, path)
                self.assertLess(processor_time(pid) - busy, 0.3, path)
                self.assertEqual(self.held(), [], path)
                raw.close()

    def test_a_refusal_can_be_read(self):
        for fields, status in (
            (("Content-Length: 5",), b" 413 "),
            (("Transfer-Encoding: chunked",), b" 413 "),
            (("Content-Length: x",), b" 400 "),
            (("Host: b",), b" 400 "),
        ):
            with http(self.one.server_pages, head("POST", "/healthz", *fields)) as raw:
                self.assertIn(status, answer(raw).partition(b"\r\n")[0])

    def test_a_head_that_comes_slowly(self):
        with http(self.one.server_pages, b"GET /metrics HTTP/1.1\r\nX: ") as raw:
            began = time.monotonic()
            with self.assertRaises(OSError):
                while time.monotonic() - began < 25:
                    time.sleep(1)
                    raw.sendall(b"a")
            self.assertLess(time.monotonic() - began, 20)

    def test_pages_while_many_requests_wait(self):
        pages = self.one.server_pages
        with self.connect(self.one) as db:
            for _ in range(200):
                db.execute("SELECT 1")
            busy = [http(pages, head("GET", "/debug/traces") * 50) for _ in range(8)]
            for _ in range(50):
                self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
            self.assertIn("acra_exchanges_total", get(pages, "/metrics"))
            for raw in busy:
                raw.close()

    def test_metrics_are_scraped_by_any_name_where_no_pages_are(self):
        metrics = {"incoming_connection_zpages_string": ""}
        chain = self.chain(link="none", server={**SERVER, "metrics": metrics})
        self.assertIn("acra_sessions", get(chain.server_pages, "/metrics", Host="acra-server:9399"))

    def test_the_trace_of_a_statement_that_runs(self):
        pages = self.one.server_pages
        with self.connect(self.one) as db, ThreadPoolExecutor(1) as pool:
            running = pool.submit(db.execute, "SELECT pg_sleep(600), 'secret'")

            def seen():
                rows = json.loads(get(pages, "/debug/sessions?format=json"))["sessions"]
                return [row for row in rows if "pg_sleep" in row["statement"]]

            [row] = eventually(seen, "it runs")
            page = f"/debug/trace/{row['trace_id']}"
            spans = json.loads(get(pages, f"{page}?format=json"))["spans"]
            texts = [span["attributes"].get("db.query.text") for span in spans]
            self.assertIn("SELECT pg_sleep(?), ?", texts)
            self.assertIn("running", get(pages, page))
            db.cancel_safe()
            with self.assertRaises(psycopg.errors.QueryCanceled):
                running.result()
        ended = eventually(
            lambda: [
                span
                for span in json.loads(get(pages, f"{page}?format=json"))["spans"]
                if "running" not in span and "pg_sleep" in str(span["attributes"])
            ],
            "it has ended",
        )
        [whole] = [span for span in spans if "pg_sleep" in str(span["attributes"])]
        self.assertEqual(ended[0]["span_id"], whole["span_id"])


class Descriptors(Surroundings):
    def test_rl4_idle_connections_to_the_port_leave_clients_their_descriptors(self):
        chain = self.chain(link="none", server=SERVER)
        pid = chain.server.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))
        idle = []
        self.addCleanup(lambda: [raw.close() for raw in idle])
        for _ in range(4):
            idle += [http(chain.server_pages) for _ in range(80)]
            with self.connect(chain) as one, self.connect(chain) as other:
                for db in (one, other):
                    self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
            # Whoever has waited longest has made room.
            self.assertIn("acra_sessions", get(chain.server_pages, "/metrics"))
        self.assertLess(len(os.listdir(f"/proc/{pid}/fd")), 64)
        eventually(lambda: self.served(chain), "others are served")

    def served(self, chain):
        try:
            with self.connect(chain, connect_timeout=3) as db:
                return db.execute("SELECT 2").fetchone() == (2,)
        except psycopg.OperationalError:
            return False
