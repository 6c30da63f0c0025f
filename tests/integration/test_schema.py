"""The schema of a real PostgreSQL, as the question reads it."""

from __future__ import annotations

import json
import os
import unittest
from itertools import count

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.encryption.postgresql import belt, catalog
from acra_twisted.encryption.postgresql.findings import findings
from acra_twisted.encryption.postgresql.naming import resolve
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.question import (
    mark_question,
    path_question,
    schema_question,
)
from acra_twisted.encryption.postgresql.schema import (
    EXPRESSION,
    PREFIX,
    RAW,
    SUBSTRING,
    Attached,
    Key,
    Relation,
)
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from tests.unit.encryption.postgresql.test_protection import settings as protected

NAMES = st.text(
    st.sampled_from("abzAZ09_$ .,'\"\\:{}()äЖ€\U0001f600%\n"), min_size=1, max_size=12
).filter(lambda name: not name.startswith("pg_"))
SHAPES = (
    "SELECT {a} AS x, {b} FROM {t}",
    "SELECT {t}.{b} AS x, upper({t}.{a}::text) FROM {t}",
    "WITH c AS MATERIALIZED (SELECT {b} AS p, {a} AS q FROM {t}) SELECT q, p FROM c",
    "SELECT y.{a} AS x, z.{b} AS y FROM {t} y LEFT JOIN {t} z ON true",
    "SELECT {a} AS x FROM {t} UNION ALL SELECT {b} FROM {t}",
    "SELECT s.p, 1 AS one FROM (SELECT {a} AS p FROM {t} LIMIT 1) s",
    "SELECT DISTINCT {b} AS x, count(*) FROM {t} GROUP BY {b}",
    'SELECT coalesce({t}.{a}, {t}.{b}) AS x, l."l.q" FROM {t}, LATERAL (SELECT {t}.{b} AS "l.q") l',
    "SELECT {a} AS x FROM {t} WHERE EXISTS (SELECT {b} FROM {t} WHERE {a} = {b})",
    "SELECT {a} FROM {t} a FULL JOIN {t} b USING ({a})",
    "TABLE {t}",
    "VALUES ('\\x00'::bytea)",
)


def container(prefix=b""):
    made = acrablock.create(b"text", b"s" * 32, b"", os.urandom)
    return prefix + envelopes.wrap(envelopes.ACRABLOCK, made)


class Schemas:
    """Facts that hold of every version."""

    install = None

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres(cls.install() if cls.install else None)
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.connection = cls.connect("postgres")
        cls.databases = count()

    def test_what_one_user_may_make_leaves_the_schema_of_the_others(self):
        connection = self.database(
            "CREATE TABLE people (id int, name bytea); CREATE VIEW plain AS SELECT name FROM people"
        )
        parts = ["people", *(f"p{number}" for number in range(40))]
        for part in parts[1:]:
            connection.execute(f"CREATE TABLE {part} ()")
        connection.execute(f"CREATE TABLE kid () INHERITS ({', '.join(parts)})")
        long = "x" * (10 << 20)
        connection.execute(f"CREATE VIEW long AS SELECT name, '{long}'::text t FROM people")
        connection.execute(f"CREATE VIEW deep AS SELECT name, {'+'.join('1' * 900)} n FROM people")
        connection.execute("CREATE SCHEMA mine")
        connection.execute(
            f"CREATE DOMAIN words AS text DEFAULT '{long[:70_000]}';"
            f"CREATE TABLE mine.people (a text DEFAULT '{long}', b words);"
            f"CREATE INDEX ON mine.people ((a || '{long[:70_000]}'))"
        )
        schema = catalog.read(self.asked(connection, schema_question(["people"])), 1)
        found = {(one.schema, one.name): one for one in schema.relations.values()}
        self.assertEqual(len(found["public", "kid"].parents), 41)
        read = {name: found["public", name].is_read for name in ("plain", "long", "deep")}
        self.assertEqual(read, {"plain": True, "long": False, "deep": False})
        mine = found["mine", "people"]
        self.assertEqual([one.default_in_clear for one in mine.attributes], [True, True])
        self.assertEqual(mine.indexes[0].keys, (Key(0, EXPRESSION),))

    def test_views_that_show_a_circle_of_views_are_protected(self):
        connection = self.database(
            "CREATE TABLE people (id int, name bytea);"
            "CREATE VIEW a AS SELECT name AS x, 1 AS y FROM people;"
            "CREATE VIEW b AS SELECT x, y FROM a;"
            "CREATE OR REPLACE VIEW a AS SELECT people.name AS x, b.y FROM people, b"
        )
        behind = ["b", *(f"c{number}" for number in range(30))]
        for one in behind[:0:-1]:
            connection.execute(f"CREATE VIEW {one} AS SELECT NULL::bytea AS x")
        for one, other in zip(behind[1:], behind, strict=False):
            connection.execute(f"CREATE OR REPLACE VIEW {one} AS SELECT x FROM {other}")
        schema = catalog.read(self.asked(connection, schema_question(["people"])), 1)
        made = Protection(schema, protected("people.name"))
        for one in ("a", *behind):
            [view] = schema.named(one)
            self.assertEqual(
                [one.label for one in made.columns(view.oid).values()], ["people.name"]
            )

    @classmethod
    def connect(cls, database, user=SUPERUSER, encoding="utf8"):
        made = psycopg.connect(
            f"host=127.0.0.1 port={cls.server.port} user={user} dbname={database}",
            autocommit=True,
            client_encoding=encoding,
        )
        cls.addClassCleanup(made.close)
        return made

    def database(self, script=""):
        """A connection to a new database."""
        name = f"d{next(self.databases)}"
        self.connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        made = self.connect(name)
        made.execute(script)
        return made

    @staticmethod
    def asked(connection, question):
        """The cells of an answer, as a simple query draws it."""
        result = connection.pgconn.exec_(question)
        assert not result.error_message, result.error_message
        return [result.get_value(row, 0) for row in range(result.ntuples)]

    @staticmethod
    def server_version(connection):
        return connection.info.server_version

    def schema(self, connection, *names):
        return catalog.read(self.asked(connection, schema_question(names)), 1)

    def named(self, schema, name) -> Relation:
        [found] = schema.named(name)
        return found

    def test_columns_with_their_types_defaults_and_gaps(self):
        connection = self.database(
            r"""
            CREATE DOMAIN filled AS bytea DEFAULT 'x';
            CREATE DOMAIN behind AS filled;
            CREATE TABLE people (
                id int PRIMARY KEY, gone int, name bytea NOT NULL, short varchar(20),
                dom behind, nothing behind DEFAULT NULL, clear bytea DEFAULT 'x',
                empty bytea DEFAULT '', number bigint GENERATED BY DEFAULT AS IDENTITY,
                size int GENERATED ALWAYS AS (octet_length(name)) STORED);
            ALTER TABLE people DROP COLUMN gone;
            """
        )
        connection.execute(
            sql.SQL("ALTER TABLE people ADD sealed bytea DEFAULT {}").format(
                sql.Literal(container())
            )
        )
        relation = self.named(self.schema(connection, "people"), "people")
        found = {attribute.name: attribute for attribute in relation.attributes}
        self.assertEqual([a.number for a in relation.attributes], [1, *range(3, 12)])
        self.assertEqual(found["short"].modifier, 24)
        self.assertEqual((found["dom"].base, found["name"].not_null), (17, True))
        self.assertNotEqual(found["dom"].type, 17)
        in_clear = {name for name, attribute in found.items() if attribute.default_in_clear}
        self.assertEqual(in_clear, {"dom", "clear"})
        computed = {name for name, attribute in found.items() if attribute.generated}
        self.assertEqual(computed, {"number", "size"})
        self.assertEqual(found["size"].reads, (3,))

    def test_indexes_by_the_form_of_their_keys(self):
        connection = self.database(
            """
            CREATE DOMAIN sealed AS bytea;
            CREATE TABLE people (id int, name bytea, dom sealed);
            CREATE UNIQUE INDEX a ON people (substr(name, 1, 33));
            CREATE INDEX b ON people (substring(name from 1 for 33), id);
            CREATE INDEX c ON people USING hash (name) WHERE id > 5;
            CREATE INDEX d ON people (substr(dom, 1, 33)) INCLUDE (id);
            CREATE INDEX e ON people (substr(name, 1, 32), substr(name, 2, 33), lower('x'));
            """
        )
        relation = self.named(self.schema(connection, "people"), "people")
        a, b, c, d, e = relation.indexes
        self.assertEqual((a.keys, a.unique, a.partial), ((Key(2, PREFIX),), True, False))
        self.assertEqual(b.keys, (Key(2, SUBSTRING), Key(1, RAW)))
        self.assertEqual((c.keys, c.method, c.partial), ((Key(2, RAW),), "hash", True))
        self.assertEqual(d.keys, (Key(3, PREFIX),))
        self.assertEqual([key.column for key in e.keys], [0, 0, 0])

    def test_whatever_is_attached(self):
        connection = self.database(
            """
            CREATE TABLE other (name bytea UNIQUE);
            CREATE TABLE people (id int, name bytea UNIQUE CHECK (octet_length(name) < 80),
                nick bytea REFERENCES other (name), EXCLUDE (nick WITH =));
            CREATE TABLE later (name bytea REFERENCES people (name));
            CREATE STATISTICS stats ON id, name FROM people;
            CREATE POLICY own ON people USING (nick IS NOT NULL);
            CREATE PUBLICATION one FOR TABLE people;
            CREATE PUBLICATION everything FOR ALL TABLES;
            CREATE RULE rewritten AS ON DELETE TO people DO ALSO SELECT 1;
            CREATE FUNCTION run() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER fired BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION run();
            """
        )
        connection.execute("CREATE SCHEMA apart; CREATE TABLE apart.people (name bytea)")
        if self.server_version(connection) >= 150000:
            connection.execute("CREATE PUBLICATION whole FOR TABLES IN SCHEMA apart")
        schema = self.schema(connection, "people")
        there, here = sorted(schema.named("people"), key=lambda relation: relation.schema)
        self.assertEqual(
            set(here.attached),
            {
                Attached("check", "people_name_check", (2,)),
                Attached("exclusion", "people_nick_excl", (3,)),
                Attached("foreign key", "people_nick_fkey", (3,)),
                Attached("reference", "later_name_fkey", (2,)),
                Attached("policy", "own", (3,)),
                Attached("statistics", "stats", (1, 2)),
                Attached("publication", "one"),
                Attached("publication", "everything"),
                Attached("rule", "rewritten"),
                Attached("trigger", "fired"),
            },
        )
        expected = {"everything"} | (
            {"whole"} if self.server_version(connection) >= 150000 else set()
        )
        self.assertEqual({attached.name for attached in there.attached}, expected)

    def test_partitions_of_another_order_and_what_stands_above(self):
        connection = self.database(
            """
            CREATE TABLE everybody (name bytea, id int) PARTITION BY LIST (id);
            CREATE TABLE people PARTITION OF everybody FOR VALUES IN (1, 2) PARTITION BY LIST (id);
            CREATE TABLE first (id int, gone int, name bytea);
            ALTER TABLE first DROP COLUMN gone;
            ALTER TABLE people ATTACH PARTITION first FOR VALUES IN (1);
            """
        )
        schema = self.schema(connection, "people")
        made = Protection(schema, protected("people.name"))
        first = self.named(schema, "first")
        self.assertEqual([a.number for a in first.attributes], [1, 3])
        self.assertEqual(made.columns(first.oid)[3].label, "people.name")
        self.assertTrue(made.unclear(self.named(schema, "everybody").oid))
        attached = self.named(schema, "people").attached
        self.assertIn(Attached("partition key", "partition key", (2,)), attached)

    def test_functions_that_reach_a_table_through_any_body(self):
        connection = self.database(
            """
            CREATE TABLE people (id int, name bytea);
            CREATE TABLE "Odd one" (name bytea);
            CREATE TABLE log (line text);
            CREATE FUNCTION direct() RETURNS void LANGUAGE sql AS 'DELETE FROM "people"';
            CREATE FUNCTION "Outer"() RETURNS void LANGUAGE plpgsql
                AS 'BEGIN PERFORM public.DIRECT(); END';
            CREATE FUNCTION odd() RETURNS void LANGUAGE plpgsql
                AS 'BEGIN EXECUTE ''DELETE FROM "Odd one"''; END';
            CREATE FUNCTION apart() RETURNS void LANGUAGE plpgsql
                AS 'BEGIN PERFORM peoples(); END';
            CREATE FUNCTION run() RETURNS trigger LANGUAGE plpgsql
                AS 'BEGIN PERFORM "Outer"(); RETURN NEW; END';
            CREATE TRIGGER fired BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION run();
            """
        )
        if self.server_version(connection) >= 140000:
            connection.execute(
                "CREATE FUNCTION modern() RETURNS bigint LANGUAGE sql"
                " BEGIN ATOMIC SELECT count(*) FROM people; END"
            )
        schema = self.schema(connection, "people", "Odd one")
        self.assertEqual(schema.functions - {"modern"}, {"direct", "Outer", "odd", "run"})
        self.assertEqual("modern" in schema.functions, self.server_version(connection) >= 140000)
        found = [(*one[:4], one.handed) for one in schema.writers]
        self.assertEqual(found, [("public", "log", "fired", "run", ())])

    def test_the_answer_is_the_same_for_anyone_under_any_settings(self):
        connection = self.database(
            r"""
            CREATE TABLE "Größe'\" (id int, name bytea DEFAULT 'x' CHECK (name <> 'y'));
            CREATE VIEW shown AS SELECT name AS "Ж" FROM "Größe'\";
            CREATE INDEX ON "Größe'\" (substr(name, 1, 33));
            CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM "Größe''\"';
            CREATE SCHEMA evil;
            CREATE FUNCTION evil.no(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT false';
            CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.no);
            CREATE FUNCTION evil.no("char", "char") RETURNS bool LANGUAGE sql AS 'SELECT false';
            CREATE OPERATOR evil.= (LEFTARG = "char", RIGHTARG = "char", FUNCTION = evil.no);
            CREATE OPERATOR evil.<> (LEFTARG = "char", RIGHTARG = "char", FUNCTION = evil.no);
            CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''''';
            CREATE FUNCTION evil.format_type(oid, int) RETURNS text LANGUAGE sql
                AS 'SELECT ''''';
            CREATE TABLE evil.pg_class (LIKE pg_catalog.pg_class);
            CREATE TABLE evil.pg_attribute (attname name);
            CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
            CREATE DOMAIN evil.name AS pg_catalog.name CHECK (false);
            """
        )
        name = connection.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'Gr%' AND relkind = 'r'"
        ).fetchone()[0]
        expected = self.schema(connection, name)
        self.assertEqual(len(expected.relations), 2)
        self.assertEqual(expected.functions, {"f"})
        database = connection.info.dbname
        self.connection.execute(f"CREATE ROLE {database}")
        self.connection.execute(f"ALTER ROLE {database} LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA evil TO public")
        other = self.connect(database, user=database, encoding="latin1")
        other.execute("SET search_path = evil, pg_catalog")
        other.execute("SET standard_conforming_strings = off")
        other.execute("SET backslash_quote = off")
        other.execute("SET bytea_output = escape")
        other.execute("SET quote_all_identifiers = on")
        self.assertEqual(self.schema(other, name), expected)

    def test_it_does_not_wait_for_a_lock_on_the_table(self):
        connection = self.database(
            "CREATE TABLE people (id int, name bytea DEFAULT 'x' CHECK (name <> 'y'));"
            "CREATE INDEX ON people (substr(name, 1, 33));"
            "CREATE VIEW shown AS SELECT name FROM people;"
            "CREATE PUBLICATION p FOR TABLE people"
        )
        expected = self.schema(connection, "people")
        other = self.connect(connection.info.dbname)
        other.execute("SET lock_timeout = 1000")
        with connection.transaction():
            connection.execute("LOCK TABLE people, shown IN ACCESS EXCLUSIVE MODE")
            self.assertEqual(self.schema(other, "people"), expected)

    def test_every_change_of_the_answer_changes_the_mark(self):
        db = self.database(
            """
            CREATE TABLE people (id int, name bytea) PARTITION BY RANGE (id);
            CREATE TABLE parts PARTITION OF people FOR VALUES FROM (0) TO (9);
            CREATE TABLE orders (id int, name bytea);
            CREATE VIEW shown AS SELECT id, name FROM people;
            CREATE DOMAIN sealed AS bytea;
            CREATE FUNCTION reads() RETURNS int LANGUAGE sql AS 'SELECT 1';
            """
        )
        names = ("people", "parts", "shown", "persons")

        def asked():
            schema = schema_question(["people", "persons"])
            [(mark,)] = db.execute(mark_question(names, oids)).fetchall()
            return mark, db.execute(schema).fetchall()

        known = "relname IN ('people', 'parts', 'shown')"
        oids = [one for (one,) in db.execute(f"SELECT oid::int8 FROM pg_class WHERE {known}")]
        mark, before = asked()
        for unrelated in (
            *("CREATE TABLE more (id int)", "CREATE TEMP TABLE now (id int)", "DROP TABLE more"),
            *("INSERT INTO people VALUES (1, 'x')", "ANALYZE people", "VACUUM people"),
            "DELETE FROM people",
        ):
            db.execute(unrelated)
            self.assertEqual(asked(), (mark, before), unrelated)
        for text in (
            "ALTER TABLE people ADD COLUMN more text",
            "ALTER TABLE people RENAME COLUMN more TO most",
            "ALTER TABLE people ALTER COLUMN most TYPE varchar(5)",
            "ALTER TABLE people ALTER COLUMN most SET DEFAULT 'x'",
            "ALTER TABLE people ALTER COLUMN most DROP DEFAULT",
            "ALTER TABLE people ALTER COLUMN most SET NOT NULL",
            "ALTER TABLE people DROP COLUMN most",
            "ALTER TABLE people ADD COLUMN kept sealed",
            "ALTER DOMAIN sealed SET DEFAULT 'x'",
            "CREATE INDEX by_name ON people (name)",
            "DROP INDEX by_name",
            "CREATE TABLE second PARTITION OF people FOR VALUES FROM (9) TO (99)",
            "ALTER TABLE people DETACH PARTITION second",
            "CREATE VIEW further AS SELECT name FROM people",
            "CREATE OR REPLACE VIEW further AS SELECT name FROM orders",
            "CREATE OR REPLACE VIEW further AS SELECT name FROM people",
            "CREATE VIEW behind AS SELECT name FROM shown",
            "CREATE OR REPLACE FUNCTION reads() RETURNS int LANGUAGE sql"
            " AS 'TABLE people; SELECT 1'",
            "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT reads()'",
            "DROP FUNCTION more()",
            "ALTER TABLE people ADD CONSTRAINT small CHECK (id < 99)",
            "ALTER TABLE orders RENAME TO persons",
            "ALTER TABLE persons RENAME TO orders",
            "CREATE TABLE persons (id int)",
            "ALTER SCHEMA public RENAME TO others; SET search_path = others",
            "CREATE PUBLICATION all_of_them FOR ALL TABLES",
            "CREATE POLICY mine ON people USING (true)",
            "CREATE STATISTICS counts ON id, name FROM people",
            "DROP TABLE parts",
        ):
            db.execute(text)
            now, after = asked()
            self.assertNotEqual(after, before, text)
            self.assertNotEqual(now, mark, text)
            mark, before = now, after

    def test_it_is_cheap_enough_not_to_be_compiled(self):
        """PostgreSQL compiles a query that it takes for dear, which takes seconds."""
        connection = self.database("CREATE TABLE people (name bytea) PARTITION BY HASH (name)")
        for number in range(60):
            connection.execute(
                f"CREATE TABLE part{number} PARTITION OF people"
                f" FOR VALUES WITH (MODULUS 60, REMAINDER {number})"
            )
            connection.execute(
                f"CREATE FUNCTION f{number}() RETURNS void LANGUAGE sql AS 'SELECT 1'"
            )
        for statement in ("SELECT 1", "ANALYZE"):
            connection.execute(statement)
            question = b"EXPLAIN (FORMAT JSON) " + schema_question(["people"])
            [plan] = self.asked(connection, question)
            self.assertLess(json.loads(plan)[0]["Plan"]["Total Cost"], 50_000)

    def test_bare_names_are_found_by_the_path(self):
        connection = self.database(
            'CREATE TABLE people (name bytea); CREATE SCHEMA "Other";'
            'CREATE TABLE "Other".people (name bytea)'
        )
        made = Protection(self.schema(connection, "people"), protected("people.name"))

        def found():
            path = catalog.read_path(self.asked(connection, path_question(made.names)))
            return resolve(made, path, "", "people")

        def oid():
            return connection.execute("SELECT 'people'::regclass::oid").fetchone()[0]

        for path in ("public", '"Other"', 'missing, "Other", public', '"$user", public'):
            connection.execute(f"SET search_path = {path}")
            self.assertEqual(found().relation.oid, oid())
        connection.execute("SET search_path = missing")
        self.assertTrue(found().unknown)
        connection.execute("SET search_path = public")
        connection.execute("CREATE TEMPORARY TABLE people (name bytea)")
        self.assertTrue(found().unknown)
        self.assertEqual(len(self.schema(connection, "people").relations), 2)
        connection.execute("DISCARD TEMP")
        self.assertEqual(found().relation.oid, oid())

    def test_the_belt_refuses_plaintext_and_finds_by_the_prefix(self):
        given = EncryptionSettings(
            [
                *protected('people.na"me').tables,
                *protected("people2.email", kind="searchable").tables,
                *protected("people3.email", kind="searchable", scoped=True).tables,
                *protected("people4.number", kind="masked").tables,
            ]
        )
        connection = self.database(
            'CREATE TABLE people ("na""me" bytea); CREATE TABLE people2 (email bytea);'
            "CREATE TABLE people3 (email bytea); CREATE TABLE people4 (number bytea);"
            "INSERT INTO people2 VALUES (NULL), ('')"
        )
        for statement in belt.script(given).splitlines():
            connection.execute(statement)
        for table, sealed in (
            ("people", container()),
            ("people2", container(b"\x7f" + bytes(32))),
            ("people3", container(b"\x80" + bytes(32))),
            ("people4", b"1234" + container()),
        ):
            insert = f"INSERT INTO {table} VALUES (%b)"
            for value in (sealed, b"", None):
                connection.execute(insert, (value,))
            for value in (b"x", b"plaintext" * 20, bytes(60), b"\x7f"):
                with self.assertRaises(psycopg.errors.CheckViolation) as caught:
                    connection.execute(insert, (value,))
                self.assertNotIn("Failing row", str(caught.exception))
        connection.execute(
            r"INSERT INTO people2 SELECT '\x7f'::bytea || sha256(n::text::bytea) || %b"
            " FROM generate_series(1, 3000) n",
            (container(),),
        )
        connection.execute("ANALYZE people2")
        plan = connection.execute(
            r"EXPLAIN SELECT * FROM people2 WHERE pg_catalog.substr(email, 1, 33) ="
            r" '\x7f'::bytea || sha256('5')"
        ).fetchall()
        self.assertIn("people2_substr_idx", str(plan))
        schema = self.schema(connection, "people", "people2", "people3", "people4")
        self.assertEqual(findings(Protection(schema, given)), [])

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NAMES, st.lists(NAMES, min_size=2, max_size=2, unique=True), st.data())
    def test_views_show_what_their_queries_describe(self, table, names, data):
        """A view shows the columns that the description of its query names."""
        schemas = self.__class__.views
        schemas.execute("DROP SCHEMA IF EXISTS tried CASCADE")
        schemas.execute("CREATE SCHEMA tried")
        schemas.execute("SET search_path = tried")
        a, b = map(sql.Identifier, names)
        where = sql.Identifier(table)
        schemas.execute(
            sql.SQL("CREATE TABLE {t} (gone int, {a} bytea, {b} bytea)").format(t=where, a=a, b=b)
        )
        schemas.execute(sql.SQL("ALTER TABLE {t} DROP COLUMN gone").format(t=where))
        below, described = where, {}
        for number in range(data.draw(st.integers(1, 3))):
            shape = data.draw(st.sampled_from(SHAPES))
            query = (
                sql.SQL(shape.replace("{", "{{").replace("}", "}}")) if False else sql.SQL(shape)
            )
            query = query.format(a=a, b=b, t=below)
            kind = data.draw(st.sampled_from(("VIEW", "MATERIALIZED VIEW")))
            view = f"view{number}"
            schemas.execute(
                sql.SQL("CREATE {} {} AS {}").format(sql.SQL(kind), sql.Identifier(view), query)
            )
            described[view] = schemas.execute(query).pgresult
            wide = described[view].nfields
            if wide < 2 or any(described[view].ftype(column) != 17 for column in range(2)):
                break
            below = sql.Identifier(view)
            a, b = (sql.Identifier(described[view].fname(column).decode()) for column in range(2))
        schema = self.schema(schemas, table)
        for view, result in described.items():
            expected = {
                column + 1: (result.ftable(column), result.ftablecol(column))
                for column in range(result.nfields)
                if result.ftable(column)
            }
            found = [dict(relation.sources) for relation in schema.named(view)]
            # A view of values alone has nothing to do with the table.
            self.assertEqual(found or [{}], [expected])


class Newest(Schemas, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.views = cls.connect("postgres")


class Debian(Schemas, unittest.TestCase):
    install = staticmethod(system)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.views = cls.connect("postgres")
