"""Histories of real daemons, and of processes that are killed at any moment."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import psycopg

from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import twistd
from acra_twisted.telemetry.history import pieces, reading
from acra_twisted.telemetry.history.reading import EventQuestion, Question
from tests.integration.base import Surroundings, eventually, get
from tests.support.daemons import metric
from tests.support.documents import TOP
from tests.support.histories import connect, counted, shelves, unpacked

#: Writes batches of ten, and tells how many are written; about half of what it writes is given up.
_WRITER = """
import itertools, sys
from acra_twisted.telemetry.history.room import Bounds
from tests.support.histories import connect, event, piece, put
connection = connect(sys.argv[1])
first = int(sys.argv[2])
for number in itertools.count(first):
    batch = [piece(10 * number + more, start=number, took=0) for more in range(9)]
    put(connection, *batch, event(number), bounds=Bounds(1 << 19, 10**18), now=0)
    print(number, flush=True)
"""


class Killed(unittest.TestCase):
    def test_at_most_the_last_batch_is_lost(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "history")
        number = 1
        for turn in range(6):
            writer = subprocess.Popen(
                [sys.executable, "-c", _WRITER, path, str(number)],
                stdout=subprocess.PIPE,
                cwd=TOP,
            )
            told = 0
            for _ in range(random.Random(turn).randrange(1, 120)):
                told = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
            writer.stdout.close()
            self.assertEqual(writer.wait(), -signal.SIGKILL)
            told = max([told, *map(int, rest)])
            # A reader needs no daemon that has opened it since.
            with contextlib.closing(reading.open_for_reading(path)) as connection:
                (newest,) = reading.search(connection, Question(limit=1)).rows
                self.assertIn(newest.start, (told, told + 1))
            with contextlib.closing(connect(path)) as connection:
                check = connection.execute("PRAGMA integrity_check").fetchone()
                self.assertEqual(check, ("ok",))
                self.assertEqual(shelves(connection), counted(connection))
                (newest,) = reading.search(connection, Question(limit=1)).rows
                self.assertIn(newest.start, (told, told + 1))
                last = reading.search(connection, Question(since=told, until=told, limit=20)).rows
                self.assertEqual(len(last), 9)
            number = told + 2


SECRET = "4929-1111-swordfish"
RULES = "version: 0.85.0\nhandlers: [{handler: deny, tables: [salaries]}]\n"


class Daemons(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rules = cls.folder / "rules.yaml"
        cls.rules.write_text(RULES)
        cls.keys = Keys(cls.folder, "shop application")

    def make(self, **more):
        """A chain with a history at each daemon."""
        self.file = Path(self.folder) / f"history-{self._testMethodName}"
        chain = self.chain(
            link="secure-session",
            keys=self.keys,
            server={
                "pipeline": {"stages": "censor"},
                "censor": {"acracensor_config_file": str(self.rules)},
                "history": {"trace_store_file": str(self.file)},
                "tracing": {"tracing_slow_threshold": "1"},
                **more,
            },
            connector={
                "history": {"trace_store_file": f"{self.file}-connector"},
                "tracing": {"tracing_to_server": "true", "tracing_interval": "0.1"},
            },
        )
        self.addCleanup(chain.stop)
        self.opened(chain)
        return chain

    def opened(self, chain):
        """Wait until the server has its file open."""
        size = 'acra_pool_entries{pool="bytes of the history"}'
        eventually(lambda: metric(chain.server_pages, size), "a file")

    def ask(self, question, *given, file=None):
        with contextlib.closing(reading.open_for_reading(str(file or self.file))) as connection:
            return question(connection, *given)

    def rows(self, **asked):
        return self.ask(reading.search, Question(**asked)).rows

    def whole(self):
        """Tell whether the spans of both daemons of a denial are stored, and the failure is."""
        denied = self.rows(verdict="deny")
        if not denied or not self.rows(verdict="error"):
            return False
        spans = self.ask(reading.read_trace, denied[0].trace_id).spans
        return {span["service"] for span in spans} == {"acra-server", "acra-connector"}

    def use(self, chain):
        with self.connect(chain) as session:
            for _ in range(5):
                # Of several, some are not slow on a machine that has much else to do, either.
                session.execute(f"SELECT '{SECRET}'::text AS a")
            session.execute("SELECT pg_sleep(1.1)")
            for text in (f"SELECT * FROM salaries WHERE a = '{SECRET}'", "SELECT * FROM nowhere"):
                with self.assertRaises(psycopg.Error):
                    session.execute(text)

    def test_what_happened_is_there_after_a_restart(self):
        chain = self.make()
        self.use(chain)
        stored = 'acra_history_pieces_total{result="stored"}'
        eventually(lambda: metric(chain.server_pages, stored) >= 5, "stored")
        # The connector's spans are sent by and by, and a daemon that ends has seconds for it.
        eventually(self.whole, "the trace of the denial")
        chain.stop()
        (denied,) = self.rows(verdict="deny")
        self.assertEqual(denied.name, "SELECT salaries")
        self.assertEqual(denied.client_id, "shop application")
        self.assertIn("a = ?", denied.text)
        (failed,) = self.rows(verdict="error", error="42P01")
        self.assertEqual(failed.text, "SELECT * FROM nowhere")
        slow = [row for row in self.rows(slowest=True) if "pg_sleep" in row.text]
        self.assertGreater(slow[0].took, 1_000_000_000)
        self.assertEqual(len({row.connection for row in (denied, failed, *slow)}), 1)
        trace = self.ask(reading.read_trace, denied.trace_id)
        self.assertTrue(trace.complete)
        self.assertEqual(
            {(span["service"], span["name"]) for span in trace.spans},
            {
                ("acra-connector", "SELECT salaries"),
                ("acra-server", "SELECT salaries"),
                ("acra-server", "stage censor"),
            },
        )
        found = self.ask(reading.events, EventQuestion(client_id="shop application")).rows
        self.assertEqual([event.code for event in found], [560])
        self.assertEqual(found[0].trace_id, denied.trace_id)
        shelves_used = {row.id >> 56 for row in self.rows(limit=1000)}
        self.assertEqual(shelves_used, {pieces.SAMPLED, pieces.SLOW, pieces.ALWAYS})
        own = self.ask(reading.search, Question(), file=f"{self.file}-connector").rows
        self.assertIn(denied.trace_id, {row.trace_id for row in own})
        for file in self.file.parent.glob(f"{self.file.name}*"):
            self.assertEqual(file.stat().st_mode & 0o777, 0o600, file)
            self.assertNotIn(SECRET.encode(), file.read_bytes())
        self.assertNotIn(SECRET, unpacked(self.file))
        chain.start()
        self.opened(chain)
        self.use(chain)
        eventually(lambda: len(self.rows(verdict="deny")) == 2, "the second denial")

    def test_a_second_daemon_with_the_same_file_does_not_start(self):
        chain = self.make()
        again = subprocess.run(
            twistd("acra-server", chain.server_ini), capture_output=True, text=True, timeout=300
        )
        self.assertEqual(again.returncode, 1)
        said = again.stderr
        # It may be the address that it misses first; the other one has addresses of its own.
        ini = chain.server_ini.with_name("another.ini")
        ini.touch(0o600)
        text = chain.server_ini.read_text()
        for port in (chain.server_port, chain.server_pages):
            text = text.replace(f":{port}\n", ":0\n")
        ini.write_text(text)
        again = subprocess.run(
            twistd("acra-server", ini), capture_output=True, text=True, timeout=300
        )
        self.assertEqual(again.returncode, 1, said)
        self.assertIn("trace_store_file: another process has", again.stderr)
        self.assertIn("each daemon needs a file of its own", again.stderr)

    def test_killed_and_started_again(self):
        chain = self.make()
        self.use(chain)
        eventually(lambda: len(self.rows(verdict="deny")), "a stored denial")
        os.kill(chain.server.pid, signal.SIGKILL)
        chain.stop()
        chain.start()
        self.opened(chain)
        self.use(chain)
        eventually(lambda: len(self.rows(verdict="deny")) == 2, "both denials")

    def test_a_full_disk_costs_history_only(self):
        """A file that may not grow stands for a disk."""
        chain = self.make()
        resource.prlimit(chain.server.pid, resource.RLIMIT_FSIZE, (1 << 17, 1 << 17))
        troubles = "acra_history_troubles_total"

        def failed():
            self.use(chain)
            return sum(
                metric(chain.server_pages, f'{troubles}{{kind="{kind}"}}')
                for kind in ("full", "disk")
            )

        eventually(failed, "troubles", 60)
        with self.connect(chain) as session:
            self.assertEqual(session.execute("SELECT 1").fetchone(), (1,))
        self.assertIn("acra_history_pieces_total", get(chain.server_pages, "/metrics"))
