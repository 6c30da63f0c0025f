"""Settings that a client changes under a firewall in front of a real database: how its texts are
read, which tables bare names mean, what a startup packet may make."""

from __future__ import annotations

import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.base import Surroundings, raw_session
from tests.support.sessions import FLUSH, SYNC, bind, execute, parse, query, ready

DENY = "version: 0.85.0\nhandlers:\n- handler: deny\n  tables: [secrets]\n"
ALLOW = """version: 0.85.0
handlers:
- handler: allow
  tables: [products]
- handler: denyall
"""
#: Reads `secrets` where backslashes escape, and nothing where they do not.
ATTACK = rb"SELECT '\' , ' , word FROM secrets -- '"
OFF = b"SET standard_conforming_strings = off"


def run(text):
    return parse(b"", text) + bind(b"", b"") + execute()


class Settings(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with psycopg.connect(
            host=str(cls.postgres.folder), port=cls.postgres.port, user=SUPERUSER, dbname="postgres"
        ) as direct:
            direct.execute("CREATE TABLE secrets (word text)")
            direct.execute("INSERT INTO secrets VALUES ('hidden')")
            direct.execute("CREATE TABLE products (name text)")
            direct.execute("INSERT INTO products VALUES ('pen')")
            direct.execute("CREATE SCHEMA evil")
            direct.execute("CREATE VIEW evil.products AS SELECT word FROM secrets")
            direct.execute(
                "CREATE VIEW off AS "
                "SELECT set_config('standard_conforming_strings', 'off', false) AS off"
            )
        cls.denying, cls.allowing = (
            cls.chain(
                link="none",
                server={
                    "pipeline": {"stages": "censor"},
                    "censor": {"acracensor_config_file": str(cls.write(name, rules))},
                },
            )
            for name, rules in (("deny", DENY), ("allow", ALLOW))
        )

    @classmethod
    def write(cls, name, rules):
        path = cls.folder / f"{name}.yaml"
        path.write_text(rules)
        return path

    def said(self, raw, data, until):
        raw.sendall(data)
        got = b""
        while until not in got:
            more = raw.recv(1 << 16)
            self.assertTrue(more, "the connection is closed")
            got += more
        return got

    def test_fw5_a_change_that_is_not_reported_yet(self):
        back = b"SET standard_conforming_strings = on"
        for before, until, after, readies in (
            (run(OFF) + FLUSH, b"SET\0", run(ATTACK) + SYNC, 1),
            (run(b"SELECT * FROM off") + FLUSH, b"SELECT 1\0", run(ATTACK) + SYNC, 1),
            (run(OFF) + FLUSH, b"SET\0", query(b"BEGIN") + query(ATTACK) + query(b"COMMIT"), 3),
            (query(b"BEGIN"), ready(b"T"), run(OFF) + run(ATTACK) + SYNC, 1),
            (query(back), ready(), query(OFF) + query(ATTACK), 2),
        ):
            with raw_session(self.denying.port) as raw:
                self.said(raw, before, until)
                raw.sendall(after)
                got = b""
                while got.count(ready()[:-1]) < readies:
                    more = raw.recv(1 << 16)
                    self.assertTrue(more, got)
                    got += more
                self.assertNotIn(b"hidden", got)
                self.assertIn(b"AcraCensor blocked", got)

    def test_fw5_what_is_read_alike_passes_at_any_time(self):
        with self.connect(self.denying) as db:
            db.execute('CREATE TABLE "größe" (a text)')
            with db.pipeline():
                for value in ("ä", "b\\"):
                    db.execute('INSERT INTO "größe" VALUES (%s)', (value,))
                    db.execute("INSERT INTO \"größe\" VALUES ('ü\\d'), (E'O\\'Brien')")
            found = db.execute('SELECT a FROM "größe" ORDER BY a COLLATE "C"').fetchall()
            expected = ["O'Brien", "O'Brien", "b\\", "ä", "ü\\d", "ü\\d"]
            self.assertEqual([row[0] for row in found], expected)

    def test_fw5_names_without_a_schema_mean_what_they_meant(self):
        with self.connect(self.allowing) as db:
            self.assertEqual(db.execute("SELECT * FROM products").fetchall(), [("pen",)])
            for text in (
                "SET search_path = evil",
                "SELECT set_config('search_path', 'evil', false) FROM products",
                "SET ROLE pg_monitor",
                "CREATE TEMP TABLE products (name text)",
            ):
                with self.assertRaisesRegex(psycopg.Error, "AcraCensor blocked"):
                    db.execute(text)
            self.assertEqual(db.execute("SELECT * FROM products").fetchall(), [("pen",)])
        for options in ("-c search_path=evil", "--Search-Path=evil", "-csearch_path=evil"):
            refused = self.assertRaisesRegex(psycopg.Error, "search_path")
            with self.connect(self.allowing, options=options) as db, refused:
                db.execute("SELECT * FROM products")

    def test_st16_options(self):
        with self.connect(self.denying, options="-c geqo=off --jit=off -cTimeZone=UTC") as db:
            self.assertEqual(db.execute("SHOW geqo").fetchone(), ("off",))
        for options in ("-ec role=pg_monitor", "-c Role=pg_monitor", "-e", "-c", "geqo=off"):
            with self.assertRaisesRegex(psycopg.OperationalError, "startup parameter"):
                self.connect(self.denying, options=options)
