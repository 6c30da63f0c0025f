"""PostgreSQL's own programs under a rule that denies another table: what they print is the same."""

from __future__ import annotations

import os
import re
import subprocess

import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from tests.integration.base import Surroundings

SCHEMA = """
CREATE TABLE secrets (id int PRIMARY KEY, word text);
INSERT INTO secrets VALUES (1, 'hidden');
CREATE TABLE customers (id int PRIMARY KEY);
CREATE TABLE products (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer int REFERENCES customers, name text DEFAULT upper('x') CHECK (name <> ''), tags text[]
);
CREATE SEQUENCE numbers OWNED BY products.name;
CREATE INDEX ON products (lower(name));
CREATE VIEW names AS SELECT name FROM products;
CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM products;
CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parts_now PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER held BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION hold();
CREATE AGGREGATE joined(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE TYPE mood AS ENUM ('fine', 'bad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE STATISTICS together ON id, customer FROM products;
CREATE POLICY own ON products USING (name = current_user);
CREATE PUBLICATION news FOR TABLE products;
COMMENT ON TABLE products IS 'sold here';
INSERT INTO customers VALUES (1);
INSERT INTO products (customer, name, tags) VALUES (1, 'a', '{x}'), (1, 'b', NULL);
"""
RULES = """version: 0.85.0
ignore_parse_error: false
handlers:
  - handler: deny
    tables: [secrets]
"""
#: What psql describes, each with and without details where it has them.
DESCRIPTIONS = (
    *(r"\d", r"\d+", r"\d products", r"\d+ products", r"\d names", r"\d+ names", r"\d numbers"),
    *(r"\d+ parts", r"\d parts_now", r"\d products_pkey", r"\d+ counts", r"\dt+", r"\di+", r"\ds+"),
    *(
        r"\dv+",
        r"\dm+",
        r"\dp",
        r"\z products",
        r"\ddp",
        r"\df",
        r"\df+ twice",
        r"\sf twice",
        r"\sv names",
    ),
    *(
        r"\da joined",
        r"\dT+",
        r"\dD+",
        r"\do",
        r"\dC",
        r"\dc",
        r"\dO",
        r"\dn+",
        r"\dx",
        r"\dX",
        r"\dy",
    ),
    *(
        r"\du+",
        r"\drds",
        r"\db+",
        r"\dew+",
        r"\des+",
        r"\det+",
        r"\deu+",
        r"\dF+",
        r"\dFd+",
        r"\dFp+",
    ),
    *(r"\dFt+", r"\dL+", r"\dRp+", r"\dRs+", r"\dP+", r"\dA+", r"\dAc", r"\dAf", r"\dAo", r"\dAp"),
    *(r"\dconfig", r"\l", r"\l+", r"\dd", r"\dl", r"\encoding", r"\conninfo"),
)


class Tools:
    """Programs of one version, direct and through the server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with psycopg.connect(
            host=str(cls.postgres.folder),
            port=cls.postgres.port,
            user=SUPERUSER,
            dbname="postgres",
            autocommit=True,
        ) as direct:
            direct.execute(SCHEMA)
            direct.execute("CREATE DATABASE restored")
            direct.execute("CREATE DATABASE restored_direct")
        rules = cls.folder / "rules.yaml"
        rules.write_text(RULES)
        cls.linked = cls.chain(
            server={
                "pipeline": {"stages": ""},
                "censor": {"acracensor_config_file": str(rules)},
                "tracing": {"tracing_sampler": "never"},
            },
        )

    def run_tool(
        self, port: int, name: str, *arguments: str, given: bytes = b""
    ) -> tuple[int, bytes, bytes]:
        environment = {
            **os.environ,
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": SUPERUSER,
            "PGSSLMODE": "disable",
            "PGDATABASE": "postgres",
        }
        done = subprocess.run(
            [str(self.postgres.bin / name), *arguments],
            capture_output=True,
            env=environment,
            input=given,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def same(self, name: str, *arguments: str) -> bytes:
        """Return what a program prints, which must be the same on both ways."""
        results = [
            self.run_tool(port, name, *arguments) for port in (self.postgres.port, self.linked.port)
        ]
        direct, through = ((code, self.comparable(out), err) for code, out, err in results)
        self.assertEqual(direct[0], 0, (name, arguments, direct[2]))
        self.assertEqual(direct, through, (name, arguments))
        return results[1][1]

    @staticmethod
    def comparable(output: bytes) -> bytes:
        # A word by chance, and what differs from one connection to another.
        output = re.sub(rb"(?m)^\\(un)?restrict .*$", b"", output)
        return re.sub(rb"(?m)^.*(on host|port|Server Port|Backend PID).*$", b"", output)

    def test_pg_dump(self):
        for arguments in (
            ("-T", "secrets"),
            ("-t", "products"),
            ("-T", "secrets", "--schema-only"),
        ):
            dump = self.same("pg_dump", *arguments)
            self.assertIn(b"CREATE TABLE public.products", dump)
            self.assertNotIn(b"hidden", dump)
        self.same("pg_dump", "-T", "secrets", "--column-inserts", "--serializable-deferrable")

    def test_pg_dump_of_a_denied_table(self):
        code, output, error = self.run_tool(self.linked.port, "pg_dump")
        self.assertNotEqual(code, 0)
        self.assertIn(b"AcraCensor blocked this query", error)
        self.assertNotIn(b"hidden", output)

    def test_pg_dumpall(self):
        self.same("pg_dumpall", "--globals-only")
        self.same("pg_dumpall", "--roles-only")

    def test_pg_restore(self):
        made = self.folder / f"{self.postgres.port}.dump"
        done = self.run_tool(self.linked.port, "pg_dump", "-Fc", "-T", "secrets", "-f", str(made))
        self.assertEqual(done, (0, b"", b""))
        for port, database in (
            (self.postgres.port, "restored_direct"),
            (self.linked.port, "restored"),
        ):
            # Routines and triggers carry code: a rule that denies a table refuses them.
            wanted = ("-t", "products", "-t", "customers", "--no-owner", "-d", database, str(made))
            self.assertEqual(self.run_tool(port, "pg_restore", *wanted), (0, b"", b""))
        rows = [
            self.run_tool(self.postgres.port, "psql", "-d", database, "-c", "TABLE products")
            for database in ("restored_direct", "restored")
        ]
        self.assertEqual(*rows)
        self.assertIn(b"{x}", rows[0][1])

    def test_maintenance(self):
        for name, *arguments in (
            ("vacuumdb", "-t", "products"),
            ("vacuumdb", "--analyze-in-stages", "-t", "products"),
            ("reindexdb", "-t", "products"),
            ("pgbench", "-i", "-q", "-s", "1"),
            ("pgbench", "-n", "-t", "5", "-M", "prepared"),
        ):
            code, _, error = self.run_tool(self.linked.port, name, *arguments)
            self.assertEqual(code, 0, (name, arguments, error))
        for name in ("vacuumdb", "reindexdb"):
            code, _, error = self.run_tool(self.linked.port, name, "-t", "secrets")
            self.assertNotEqual(code, 0)
            self.assertIn(b"AcraCensor blocked this query", error)

    def test_psql(self):
        for command in DESCRIPTIONS:
            self.same("psql", "-X", "-c", command)
        self.assertIn(b"products_pkey", self.same("psql", "-X", "-c", r"\d products"))


#: Sizes of tables are shown, and must be the same when they are shown again.
SETTINGS = ("autovacuum = off",)


class Wheel(Tools, Surroundings):
    """PostgreSQL 18."""

    @classmethod
    def make_postgres(cls) -> Postgres:
        return Postgres(settings=SETTINGS)


class Debian(Tools, Surroundings):
    """PostgreSQL 15."""

    @classmethod
    def make_postgres(cls) -> Postgres:
        return Postgres(system(), settings=SETTINGS)
