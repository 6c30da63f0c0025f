"""Real drivers through connector and server, with every combination of plain and TLS legs."""

from __future__ import annotations

import asyncio
import subprocess

import asyncpg
import psycopg

from acra_twisted.dialects.postgresql.authentication import EXPLANATION
from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.base import PASSWORD, Surroundings, eventually, tls_postgres


class Legs(Surroundings):
    """One database with TLS and SCRAM; chains with TLS to it and without."""

    @classmethod
    def make_postgres(cls):
        return tls_postgres(cls.authority, password=PASSWORD)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with psycopg.connect(
            host=str(cls.postgres.folder), port=cls.postgres.port, user=SUPERUSER, dbname="postgres"
        ) as direct:
            direct.execute("CREATE TABLE probe (id int, word text)")
            direct.execute("INSERT INTO probe SELECT n, 'w' || n FROM generate_series(1, 5) n")
        ca = str(cls.authority.path)
        with_tls = {"database": {"db_tls": "require"}, "tls": {"tls_database_ca": ca}}
        certificate, key = cls.authority.issue("applications", hosts=("localhost", "127.0.0.1"))
        ends_tls = {"application_tls_cert": str(certificate), "application_tls_key": str(key)}
        options = {"authority": cls.authority, "connector": {"connector": ends_tls}}
        cls.chains = {
            "plain": cls.chain(server={"database": {"db_tls": "disable"}}, **options),
            "tls": cls.chain(server=with_tls, **options),
        }

    def each_combination(self):
        for database_leg, chain in self.chains.items():
            for client_leg in ("disable", "require"):
                with self.subTest(client=client_leg, database=database_leg):
                    yield chain, client_leg, database_leg

    def open(self, chain, sslmode, **options):
        options = {"password": PASSWORD, "channel_binding": "disable", **options}
        return self.connect(chain, sslmode=sslmode, **options)

    def test_psycopg(self):
        for chain, sslmode, database_leg in self.each_combination():
            with self.open(chain, sslmode) as db:
                used = db.execute(
                    "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                ).fetchone()
                self.assertEqual(used, (database_leg == "tls",))
                self.assertEqual(db.pgconn.ssl_in_use, sslmode == "require")
                self.extended_and_pipeline(db)
                self.copy(db)
                self.notify(db)

    def extended_and_pipeline(self, db):
        query = "SELECT word FROM probe WHERE id = %s"
        for prepare in (False, True):
            self.assertEqual(db.execute(query, (2,), prepare=prepare).fetchone(), ("w2",))
        binary = db.execute("SELECT %b::bytea", (b"\0\1\xff",), binary=True).fetchone()
        self.assertEqual(binary, (b"\0\1\xff",))
        with db.pipeline():
            cursors = [db.execute(query, (n,)) for n in range(1, 6)]
        self.assertEqual([c.fetchone()[0] for c in cursors], [f"w{n}" for n in range(1, 6)])
        with self.assertRaises(psycopg.errors.DivisionByZero):
            db.execute("SELECT 1 / %s", (0,))
        with db.cursor("named") as cursor, db.transaction():
            cursor.itersize = 2
            cursor.execute("SELECT id FROM probe ORDER BY id")
            self.assertEqual([row[0] for row in cursor], [1, 2, 3, 4, 5])

    def copy(self, db):
        db.execute("CREATE TEMPORARY TABLE copied (id int, word text)")
        with db.cursor().copy("COPY copied FROM STDIN") as copy:
            for number in range(3000):
                copy.write_row((number, "x" * 50))
        with db.cursor().copy("COPY copied TO STDOUT") as copy:
            self.assertEqual(sum(1 for _ in copy.rows()), 3000)
        failing = db.cursor().copy("COPY copied FROM STDIN")
        with self.assertRaises(psycopg.DataError), failing as copy:
            copy.write(b"one column\n")
        self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))

    def notify(self, db):
        db.execute("LISTEN news")
        db.execute("NOTIFY news, 'hello'")
        notice = next(db.notifies(timeout=60, stop_after=1))
        self.assertEqual((notice.channel, notice.payload), ("news", "hello"))

    def test_asyncpg(self):
        for chain, sslmode, _ in self.each_combination():
            asyncio.run(self.use_asyncpg(chain, sslmode))

    async def use_asyncpg(self, chain, sslmode):
        db = await asyncpg.connect(
            host="127.0.0.1",
            port=chain.port,
            user=SUPERUSER,
            password=PASSWORD,
            database="postgres",
            ssl=sslmode,
            timeout=300,
        )
        try:
            self.assertEqual(await db.fetchval("SELECT word FROM probe WHERE id = $1", 3), "w3")
            await db.execute("CREATE TEMPORARY TABLE many (id int, word text)")
            await db.executemany("INSERT INTO many VALUES ($1, $2)", [(n, "x") for n in range(200)])
            self.assertEqual(await db.fetchval("SELECT count(*) FROM many"), 200)
            with self.assertRaises(asyncpg.DivisionByZeroError):
                await db.fetchval("SELECT 1 / $1::int", 0)
            async with db.transaction():
                ids = [r["id"] async for r in db.cursor("SELECT id FROM probe ORDER BY id")]
            self.assertEqual(ids, [1, 2, 3, 4, 5])
        finally:
            await db.close()

    def client(self, chain, sslmode, program, *arguments, text=""):
        environment = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(chain.port),
            "PGUSER": SUPERUSER,
            "PGDATABASE": "postgres",
            "PGPASSWORD": PASSWORD,
            "PGSSLMODE": sslmode,
            "PGCHANNELBINDING": "disable",
        }
        done = subprocess.run(
            [str(self.postgres.bin / program), *arguments],
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_psql_and_pgbench(self):
        for chain, sslmode, _ in self.each_combination():
            script = "SELECT word FROM probe WHERE id = 4;\n\\d probe\nSELECT 1/0;\nSELECT 'on';\n"
            shown = self.client(chain, sslmode, "psql", "-XAt", text=script)
            self.assertEqual((shown.splitlines()[0], shown.splitlines()[-1]), ("w4", "on"))
            self.client(chain, sslmode, "pgbench", "-i", "-q", "-s", "1")
            for protocol in ("simple", "extended", "prepared"):
                arguments = ("-n", "-c", "2", "-t", "20", "-M", protocol)
                shown = self.client(chain, sslmode, "pgbench", *arguments)
                self.assertIn("number of transactions actually processed: 40/40", shown)

    def test_tl11_scram_with_channel_binding_is_explained(self):
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.open(self.chains["tls"], "require", channel_binding="prefer")
        self.assertIn(EXPLANATION, str(caught.exception))
        # With TLS on one leg only there is nothing to bind to, and nothing to explain.
        for name, sslmode in (("plain", "require"), ("tls", "disable")):
            with self.open(self.chains[name], sslmode, channel_binding="prefer") as db:
                self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))

    def test_wrong_passwords_are_the_databases_business(self):
        with self.assertRaisesRegex(psycopg.OperationalError, "password authentication failed"):
            self.open(self.chains["plain"], "disable", password="wrong")

    def test_st14_direct_tls(self):
        options = {"sslnegotiation": "direct"}
        with self.open(self.chains["plain"], "require", **options) as db:
            self.assertTrue(db.pgconn.ssl_in_use)

    def test_st10_protocol_versions(self):
        with self.open(self.chains["plain"], "disable", max_protocol_version="3.2") as db:
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))

    def test_st17_cancel(self):
        for chain, sslmode, _ in self.each_combination():
            with self.open(chain, sslmode) as db, self.open(chain, sslmode) as other:
                pid = db.info.backend_pid
                db.pgconn.send_query(b"SELECT pg_sleep(600)")
                self.until_active(other, pid)
                db.cancel_safe(timeout=60)
                result = db.pgconn.get_result()
                self.assertIn(b"canceling statement", result.error_message)
                self.assertIsNone(db.pgconn.get_result())

    def until_active(self, db, pid):
        state = "SELECT state FROM pg_stat_activity WHERE pid = %s"
        eventually(lambda: db.execute(state, (pid,)).fetchone() == ("active",), "it runs")

    def test_md5(self):
        with psycopg.connect(
            host=str(self.postgres.folder),
            port=self.postgres.port,
            user=SUPERUSER,
            dbname="postgres",
            autocommit=True,
        ) as direct:
            direct.execute("SET password_encryption = md5")
            direct.execute("CREATE ROLE old LOGIN PASSWORD 'older'")
            hba = self.postgres.data / "pg_hba.conf"
            text = hba.read_text()
            hba.write_text("host all old 127.0.0.1/32 md5\n" + text)
            direct.execute("SELECT pg_reload_conf()")
        for chain, sslmode, _ in self.each_combination():
            with self.open(chain, sslmode, user="old", password="older") as db:
                self.assertEqual(db.execute("SELECT current_user").fetchone(), ("old",))


def until_sleeping(db):
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    eventually(lambda: db.execute(query).fetchone(), "it runs")


class Protocol32(Surroundings):
    """PostgreSQL 18 speaks 3.2, with long cancel keys."""

    def test_st10_long_cancel_keys(self):
        chain = self.chain()
        for version in ("3.0", "3.2"):
            with self.connect(chain, max_protocol_version=version) as db:
                self.assertEqual(db.pgconn.full_protocol_version, 30000 + int(version[-1]))
                db.pgconn.send_query(b"SELECT pg_sleep(600)")
                with self.direct() as other:
                    until_sleeping(other)
                db.cancel_safe(timeout=60)
                self.assertIn(b"canceling statement", db.pgconn.get_result().error_message)
                self.assertIsNone(db.pgconn.get_result())

    def test_replication_only_where_it_is_enabled(self):
        command = "IDENTIFY_SYSTEM"
        refusing = self.chain(link="none")
        with self.assertRaisesRegex(psycopg.OperationalError, "replication connections are not"):
            self.connect(refusing, replication="database")
        allowing = self.chain(link="none", server={"database": {"replication_enable": "true"}})
        with self.connect(
            allowing, replication="database", cursor_factory=psycopg.ClientCursor
        ) as db:
            self.assertEqual(len(db.execute(command).fetchone()), 4)
