"""Nobody waits for ever: long batches, small limits, clients that fall silent or go; and who is
refused is told."""

from __future__ import annotations

import socket
import tempfile
import time
from pathlib import Path

import psycopg

from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.base import Surroundings, eventually, get, raw_session
from tests.support.sessions import PARSE_COMPLETE, bind, execute, message, parse, query, types

LIMITS = {"max_pending_exchanges": "20"}
#: Seconds after which nothing comes any more, as far as these tests are concerned.
PATIENCE = 60.0


def received(raw, wanted, patience=PATIENCE):
    """Read until a message of this type has come."""
    raw.settimeout(patience)
    data = b""
    while True:
        more = raw.recv(1 << 16)
        assert more, "the connection has ended"
        data += more
        try:
            if wanted in types(data):
                return data
        except AssertionError:
            continue


class LongBatches(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chains = {
            "defaults": cls.chain(),
            "the connector stops early": cls.chain(connector={"connector": LIMITS}),
            "both stop early": cls.chain(
                connector={"connector": LIMITS}, server={"database": LIMITS}
            ),
            "both stop early, Secure Session": cls.chain(
                link="secure-session",
                keys=Keys(Path(tempfile.mkdtemp(dir=cls.folder)), "client"),
                connector={"connector": LIMITS},
                server={"database": LIMITS},
            ),
            "the server stops early": cls.chain(
                link="none", server={"database": {**LIMITS, "batch_hold_limit": "0"}}
            ),
        }

    def test_more_rows_than_replies_may_be_outstanding(self):
        for name, chain in self.chains.items():
            count = 3000 if name == "defaults" else 500
            with self.subTest(name), self.connect(chain) as db:
                db.execute("SET statement_timeout = '30s'")
                db.execute("CREATE TEMP TABLE t (a int, b text)")
                with db.cursor() as cursor:
                    cursor.executemany(
                        "INSERT INTO t VALUES (%s, %s)", [(n, "x") for n in range(count)]
                    )
                self.assertEqual(db.execute("SELECT count(*) FROM t").fetchone(), (count,))

    def test_an_error_in_the_middle(self):
        for name, chain in self.chains.items():
            with self.subTest(name), self.connect(chain) as db:
                db.execute("CREATE TEMP TABLE t (a int)")
                with db.cursor() as cursor, self.assertRaises(psycopg.errors.DivisionByZero):
                    cursor.executemany(
                        "INSERT INTO t SELECT 1 / %s::int", [(n,) for n in range(300, -300, -1)]
                    )
                self.assertEqual(db.execute("SELECT count(*) FROM t").fetchone(), (0,))

    def test_who_goes_while_it_is_not_read(self):
        slow = query(b"SELECT pg_sleep(600)")
        for name in set(self.chains) - {"defaults"}:
            chain = self.chains[name]
            with self.subTest(name), raw_session(chain.port) as raw:
                raw.sendall(slow + query(b"SELECT 1") * 5000)
                eventually(lambda: self.backends() == 1, "the statement runs")
                raw.close()
                pages = [chain.server_pages]
                if chain.link != "none":
                    pages.append(chain.connector_pages)
                self.assert_none(pages)
                self.end_statements()
                eventually(lambda: self.backends() == 0, "the statement has ended")

    def test_copying_in_may_take_longer_than_a_message(self):
        chain = self.chain(link="none", server={"database": {"message_timeout": "3"}})
        line = message(b"d", b"x" * 100 + b"\n")
        with raw_session(chain.port) as raw:
            raw.sendall(query(b"CREATE TEMP TABLE t (a text)"))
            received(raw, "Z")
            raw.sendall(query(b"COPY t FROM STDIN") + line[:50])
            received(raw, "G")
            began, count = time.monotonic(), 1
            while time.monotonic() - began < 4:
                time.sleep(0.1)
                raw.sendall(line[50:] + line[:50])
                count += 1
            raw.sendall(line[50:] + message(b"c", b""))
            self.assertIn(b"COPY %d" % count, received(raw, "Z"))

    def backends(self):
        """How many run the slow statement."""
        with psycopg.connect(**self.direct) as db:
            return db.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE query LIKE 'SELECT pg_sleep%' AND pid <> pg_backend_pid()"
            ).fetchone()[0]

    def end_statements(self):
        with psycopg.connect(**self.direct) as db:
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE query LIKE 'SELECT pg_sleep%' AND pid <> pg_backend_pid()"
            )

    @property
    def direct(self):
        return {
            "host": str(self.postgres.folder),
            "port": self.postgres.port,
            "user": SUPERUSER,
            "dbname": "postgres",
        }

    def assert_none(self, pages):
        """Return the sessions that these pages know."""

        def sessions():
            lines = [line for port in pages for line in get(port, "/metrics").splitlines()]
            return sum(
                float(line.split()[-1]) for line in lines if line.startswith("acra_sessions{")
            )

        eventually(lambda: not sessions(), "no session")


class Silence(Surroundings):
    """PostgreSQL's answers before a Sync come through connector and server, too."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        alone = cls.chain(link="none")
        cls.ports = {
            "database": cls.postgres.port,
            "server": alone.port,
            "connector and server": cls.chain().port,
            "nothing held": cls.chain(
                link="none", server={"database": {"batch_hold_limit": "0", "batch_hold_time": "0"}}
            ).port,
        }

    def assert_answered(self, batch, until, kinds, before=b""):
        for name, port in self.ports.items():
            with self.subTest(name), raw_session(port) as raw:
                if before:
                    raw.sendall(before)
                    received(raw, "Z")
                raw.sendall(batch)
                self.assertEqual(types(received(raw, until)), kinds)

    def test_errors(self):
        self.assert_answered(parse(b"", b"selec 1"), "E", "E")
        divided = parse(b"", b"SELECT 1 / $1::int") + bind(b"", b"", [b"0"]) + execute()
        self.assert_answered(divided, "E", "1E")

    def test_copying_in(self):
        copied = parse(b"", b"COPY t FROM STDIN") + bind(b"", b"") + execute()
        self.assert_answered(copied, "G", "12G", query(b"CREATE TEMP TABLE t (a int)"))

    def test_many_rows(self):
        rows = parse(b"", b"SELECT generate_series(1, 20000)") + bind(b"", b"") + execute()
        for name, port in self.ports.items():
            with self.subTest(name), raw_session(port) as raw:
                raw.settimeout(PATIENCE)
                raw.sendall(rows)
                self.assertEqual(raw.recv(5, socket.MSG_WAITALL), PARSE_COMPLETE)


class TooLarge(Surroundings):
    def test_it_is_refused_alone_and_named(self):
        small = {"message_size_limit": "20000"}
        for limited in ("server", "connector"):
            sections = {"database": small} if limited == "server" else {"connector": small}
            chain = self.chain(**{limited: sections})
            with self.subTest(limited), self.connect(chain) as db:
                db.execute("CREATE TEMP TABLE t (a text)")
                large = "x" * 3_000_000
                for text, values in (
                    (f"SELECT '{large}'", None),
                    ("SELECT length(%s::text)", (large,)),
                ):
                    with self.assertRaises(psycopg.errors.ProgramLimitExceeded) as caught:
                        db.execute(text, values)
                    self.assertIn("message_size_limit, which is 20000", str(caught.exception))
                    self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
                with self.assertRaises(psycopg.errors.ProgramLimitExceeded), db.transaction():
                    db.execute("INSERT INTO t VALUES ('one')")
                    db.execute(f"INSERT INTO t VALUES ('{large}')")
                self.assertEqual(db.execute("SELECT count(*) FROM t").fetchone(), (0,))
                with db.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
                    copy.write(large + "\n")
                self.assertEqual(db.execute("SELECT length(a) FROM t").fetchone(), (len(large),))
                with self.assertRaises(psycopg.errors.ProgramLimitExceeded) as caught:
                    db.execute("SELECT a FROM t WHERE length(%s) = 1", ("x",))
                self.assertIn("limit is 20000: raise message_size_limit", str(caught.exception))
