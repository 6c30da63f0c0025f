"""Searches in encrypted columns find the rows that the same searches find in clear ones."""

from __future__ import annotations

import asyncio
import shutil

import pg8000.dbapi
import psycopg

from acra_twisted import purposes
from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.protected import ProtectedCase, asyncpg_session

CONFIG = """
schemas:
  - table: people
    encrypted:
      - column: email
        searchable: true
        data_type: str
      - column: age
        searchable: true
        data_type: int32
      - column: raw
        searchable: true
        data_type: bytes
      - column: name
        data_type: str
      - column: nick
        searchable: true
        data_type: str
        normalize: lower
        search_keys: column
      - column: theirs
        searchable: true
        data_type: str
        client_id: somebody else
      - column: held
        searchable: true
        data_type: str
        read: [somebody else]
"""
TABLE = (
    "CREATE TABLE people (id int, email bytea, age bytea, raw bytea, name bytea, nick bytea,"
    " theirs bytea, held bytea)"
)
TWIN = "CREATE TABLE twin (id int, email text, age int, raw bytea, name text, nick text)"
ROWS = (
    (1, "zaphod@example.com", 42, b"\0\xff", "Zaphod"),
    (2, "arthur@example.com", -7, b"x", "Arthur"),
    (3, "", 0, b"", ""),
    (4, None, None, None, None),
    (5, "it's \\ a Żółć", 42, b"\\", "it's"),
    (6, "zaphod@example.com", 2147483647, b"\0\xff", "Zaphod"),
)
#: Conditions, and values for their parameters; {t} is the table.
CONDITIONS = (
    ("email = 'zaphod@example.com'",),
    ("'zaphod@example.com' = email",),
    ("email <> 'zaphod@example.com'",),
    ("NOT email = 'nobody'",),
    ("email = ''",),
    ("email <> ''",),
    ("email = NULL",),
    ("email IS NULL",),
    ("email = $$it's \\ a Żółć$$",),
    (r"email = E'it\'s \\ a Żółć'",),
    (r"email = U&'it''s \005c a \017B\00F3\0142\0107'",),
    ("email::text = 'zaphod@example.com'::text",),
    ("email IN ('zaphod@example.com', '', 'nobody')",),
    ("email NOT IN ('zaphod@example.com', 'nobody')",),
    ("email = ANY('{zaphod@example.com,\"\"}')",),
    ("email = ANY(ARRAY['arthur@example.com', 'nobody'])",),
    ("email = ANY(ARRAY['arthur@example.com', 'nobody']::text[])",),
    ("email <> ALL(ARRAY['arthur@example.com', '']::varchar[])",),
    ("email = ANY(ARRAY[]::text[])",),
    ("age = ANY(ARRAY[0, -7]::bigint[])",),
    ("email <> ALL('{zaphod@example.com,nobody}')",),
    ("email <> ALL('{zaphod@example.com,NULL}')",),
    ("email IS DISTINCT FROM 'zaphod@example.com'",),
    ("email IS NOT DISTINCT FROM NULL",),
    ("email LIKE 'arthur@example.com'",),
    ("age = 42",),
    ("age = -7",),
    ("42 <> age",),
    ("age IN (0, 42, 7)",),
    ("age = ANY('{0,-7}')",),
    ("raw = '\\x00ff'",),
    ("raw = '\\x'",),
    ("email = %s", "zaphod@example.com"),
    ("email = %s", ""),
    ("email = %s", None),
    ("%s <> email", "zaphod@example.com"),
    ("email = %s AND id <> %s", "zaphod@example.com", 1),
    ("email IN (%s, %s)", "zaphod@example.com", ""),
    ("email = ANY(%s)", ["zaphod@example.com", "", "nobody"]),
    ("email = ANY(%s)", []),
    ("email <> ALL(%s)", ["zaphod@example.com"]),
    ("email <> ALL(%s)", ["zaphod@example.com", None]),
    ("email IS DISTINCT FROM %s", "zaphod@example.com"),
    ("age = %s", 42),
    ("age = %s", 2147483647),
    ("age = ANY(%s)", [42, -7]),
    ("raw = %s", b"\0\xff"),
    ("lower(nick) = lower('ZAPHOD')",),
    ("nick ILIKE 'zaphoD'",),
    ("UPPER(nick::text) = UPPER(%s)", "zaphod"),
    ("lower(nick) = lower(%s)", "IT'S"),
    ("nick IN (%s, 'Arthur')", "Zaphod"),
    ("CASE email WHEN %s THEN age = 42 ELSE id = 2 END", "zaphod@example.com"),
)
#: Those that compare stored values with each other.
JOINS = (
    "EXISTS (SELECT 1 FROM {t} p WHERE p.email = {t}.email AND p.id <> {t}.id)",
    "email IN (SELECT p.email FROM {t} p WHERE p.id < 3)",
    "id IN (SELECT a.id FROM {t} a JOIN {t} b ON a.email = b.email AND a.id < b.id)",
)
#: Queries that put rows together by equal values.
GROUPS = (
    "SELECT email, count(*), max(id) FROM {t} GROUP BY email",
    "SELECT p.email AS e, age FROM {t} p GROUP BY e, p.age",
    "SELECT age, count(email) FROM {t} GROUP BY 1 HAVING age <> 42 OR age IN (42) AND count(*) > 1",
    "SELECT count(*) FROM {t} GROUP BY email HAVING email = 'zaphod@example.com'",
    "SELECT count(DISTINCT email), count(DISTINCT age), count(DISTINCT raw) FROM {t}",
    "SELECT DISTINCT email FROM {t}",
    "SELECT DISTINCT age, email, id < 3 AS small FROM {t} ORDER BY small",
    "SELECT count(*) FROM (SELECT DISTINCT raw, id > 4 FROM {t}) q",
    "SELECT count(*) FROM (SELECT DISTINCT ON (email) id FROM {t}) q",
    "SELECT id, count(*) OVER (PARTITION BY email) AS n FROM {t}",
    "SELECT id, row_number() OVER w AS n FROM {t} WINDOW w AS (PARTITION BY age ORDER BY id)",
    "SELECT id FROM {t} WHERE email IN (SELECT email FROM {t} GROUP BY email HAVING count(*) > 1)",
    "SELECT q.email, id FROM (SELECT email, min(id) AS id FROM {t} GROUP BY email) q"
    " WHERE q.email = 'arthur@example.com'",
    "WITH q AS (SELECT DISTINCT email FROM {t}) SELECT q.email, p.id FROM q JOIN {t} p"
    " ON q.email = p.email",
)


class Search(ProtectedCase):
    config = CONFIG
    table = f"""DROP TABLE IF EXISTS twin; {TABLE}; {TWIN};
        CREATE INDEX found ON people (substr(email, 1, 33))"""

    @classmethod
    def make_served(cls):
        keys = cls.keys
        keys.writer.generate(purposes.STORAGE_SYMMETRIC, "somebody else")
        keys.writer.generate(purposes.SEARCH_HMAC, "somebody else")
        before = cls.folder / "keys of before"
        shutil.copytree(keys.path, before)
        served = cls.protect(keys, {"keystore": keys.ini(before)})
        keys.writer.generate(purposes.SEARCH_HMAC, keys.client_id)
        cls.rotated = cls.protect(keys)
        return served

    def fill(self, *services):
        """Both tables have all rows; those of people are written by the services in turn."""
        for at, values in enumerate(ROWS):
            with self.connect(services[at % len(services)]) as db:
                for table in ("people", "twin"):
                    db.execute(
                        f"INSERT INTO {table} (id, email, age, raw, name, nick)"
                        " VALUES (%s, %s, %s, %s, %s, %s)",
                        (*values, values[-1]),
                    )

    def found(self, cursor, table, condition, values=()):
        condition = condition.format(t=table) if "{t}" in condition else condition
        cursor.execute(f"SELECT id FROM {table} WHERE {condition}", values or None)
        return sorted(cursor.fetchall())

    def compare(self, service, conditions=CONDITIONS, **options):
        with self.connect(service) as db, db.cursor(**options) as cursor:
            for condition, *values in conditions:
                expected = self.found(cursor, "twin", condition, values)
                self.assertEqual(
                    self.found(cursor, "people", condition, values), expected, condition
                )

    def test_the_rows_are_those_of_a_column_in_clear(self):
        self.fill(self.served)
        self.compare(self.served)
        self.compare(self.served, binary=True)
        self.compare(self.served, [(join,) for join in JOINS])

    def test_rows_are_put_together_as_those_in_clear_are(self):
        self.fill(self.served)
        for binary in (False, True):
            with self.connect(self.served) as db, db.cursor(binary=binary) as cursor:
                for text in GROUPS:
                    found = []
                    for table in ("twin", "people"):
                        cursor.execute(text.format(t=table))
                        names = [(one.name, one.type_code) for one in cursor.description]
                        found.append((names, sorted(cursor.fetchall(), key=repr)))
                    self.assertEqual(found[1], found[0], text)
        with self.connect(self.rotated) as db:
            for text in GROUPS:
                with self.assertRaises(psycopg.Error, msg=text) as caught:
                    db.execute(text.format(t="people"))
                self.assertEqual(caught.exception.sqlstate, "0A000")

    def test_conflicts_are_those_of_equal_values(self):
        with self.connect(self.served) as db:
            for index in (
                "people (substr(email, 1, 33), age)",
                "people (substr(raw, 1, 33))",
                "people (substr(email, 1, 33))",
                "twin (email)",
                "twin (raw)",
            ):
                db.execute(f"CREATE UNIQUE INDEX ON {index}")
            db.commit()
            for table in ("twin", "people"):
                for text, *values in (
                    ("VALUES (1, 'a', %s) ON CONFLICT (email) DO NOTHING", b"1"),
                    ("VALUES (2, %s, '2') ON CONFLICT (email) DO NOTHING RETURNING id", "a"),
                    ("VALUES (3, 'b', '3'), (4, 'c', '4') ON CONFLICT (raw) DO NOTHING",),
                    (
                        "VALUES (5, 'a', '5') ON CONFLICT (email) DO UPDATE SET"
                        " raw = excluded.raw, id = excluded.id",
                    ),
                    (
                        "VALUES (6, 'd', '5') ON CONFLICT (raw) DO UPDATE SET email = %s"
                        f" WHERE {table}.email = 'a'",
                        "e",
                    ),
                    ("VALUES (7, '', ''), (8, NULL, NULL) ON CONFLICT (email) DO NOTHING",),
                    ("VALUES (9, '', NULL), (10, NULL, NULL) ON CONFLICT (email) DO NOTHING",),
                ):
                    db.execute(f"INSERT INTO {table} (id, email, raw) {text}", values)
            rows = [
                db.execute(f"SELECT id, email, raw FROM {table} ORDER BY id").fetchall()
                for table in ("twin", "people")
            ]
            self.assertEqual(rows[1], rows[0])
            self.assertEqual([row[0] for row in rows[0]], [3, 4, 5, 7, 8, 10])
            with self.assertRaises(psycopg.Error) as caught:
                db.execute("INSERT INTO people (age) VALUES (5) ON CONFLICT (age) DO NOTHING")
            self.assertEqual(caught.exception.sqlstate, "0A000")

    def test_values_in_a_text(self):
        self.fill(self.served)
        with self.connect(self.served) as db, psycopg.ClientCursor(db) as cursor:
            for condition, *values in CONDITIONS:
                expected = self.found(cursor, "twin", condition, values)
                self.assertEqual(self.found(cursor, "people", condition, values), expected)

    def test_a_client_with_an_older_search_key(self):
        # A value of each key; a daemon that was begun earlier writes with the older one.
        self.fill(self.served, self.rotated)
        self.compare(self.rotated)
        self.compare(self.rotated, binary=True)
        with self.connect(self.rotated) as db:
            for join in JOINS:
                with self.assertRaises(psycopg.Error) as caught:
                    self.found(db.cursor(), "people", join)
                self.assertEqual(caught.exception.sqlstate, "0A000")

    def test_changes_hit_the_same_rows(self):
        self.fill(self.served)
        with self.connect(self.served) as db:
            for table in ("people", "twin"):
                for text, values in (
                    ("UPDATE {} SET name = %s WHERE email = %s", ("Trillian", ROWS[0][1])),
                    ("UPDATE {} SET email = 'new' WHERE age = -7", None),
                    ("UPDATE {} SET email = %s WHERE email = %s", ("it", ROWS[4][1])),
                    ("DELETE FROM {} WHERE email IN ('', %s)", ("nobody",)),
                ):
                    db.execute(text.format(table), values)
            rows = [
                db.execute(f"SELECT id, email, age, raw, name FROM {table} ORDER BY id").fetchall()
                for table in ("people", "twin")
            ]
            self.assertEqual(rows[0], rows[1])
            self.assertEqual([row[1] for row in rows[0][:3]], [ROWS[0][1], "new", None])
            text = "UPDATE people SET age = age WHERE email = 'new' RETURNING email, id"
            self.assertEqual(db.execute(text).fetchall(), [("new", 2)])

    def test_asyncpg(self):
        self.fill(self.served)

        async def talk():
            async with asyncpg_session(self.served) as db:
                for condition, value in (
                    ("email = $1", ROWS[0][1]),
                    ("email <> $1", ""),
                    ("email = ANY($1)", [ROWS[0][1], None]),
                    ("age = $1", 42),
                    ("age = ANY($1)", [42, -7]),
                    ("raw = $1", b"\0\xff"),
                    ("email IS NOT DISTINCT FROM $1", None),
                ):
                    texts = [
                        f"SELECT id FROM {table} WHERE {condition} ORDER BY id"
                        for table in ("people", "twin")
                    ]
                    found, expected = [await db.fetch(text, value) for text in texts]
                    self.assertEqual(found, expected, condition)

        asyncio.run(talk())

    def test_pg8000(self):
        self.fill(self.served)
        db = pg8000.dbapi.connect(
            host="127.0.0.1", port=self.served.port, user=SUPERUSER, database="postgres"
        )
        try:
            cursor = db.cursor()
            for condition, *values in (
                ("email = %s", ROWS[0][1]),
                ("email IN (%s, %s)", ROWS[1][1], ""),
                ("email = ANY(%s)", [ROWS[0][1], "nobody"]),
                ("age = %s", 42),
                ("raw = %s", b"\0\xff"),
            ):
                expected = self.found(cursor, "twin", condition, values)
                self.assertTrue(expected)
                self.assertEqual(
                    self.found(cursor, "people", condition, values), expected, condition
                )
        finally:
            db.close()

    def test_where_backslashes_escape(self):
        self.fill(self.served)
        with self.connect(self.served) as db:
            db.execute("SET standard_conforming_strings = off")
            for condition in ("email = 'zaphod@example.com'", "email IN ('', 'it''s')", "age = 42"):
                self.assertEqual(
                    self.found(db.cursor(), "people", condition),
                    self.found(db.cursor(), "twin", condition),
                )
            db.execute("UPDATE people SET name = 'Ford', age = 7 WHERE email = ''")
            rows = db.execute("SELECT id, name, age FROM people WHERE age = 7").fetchall()
            self.assertEqual(rows, [(3, "Ford", 7)])
            for literal in (r"'it\'s'", r"E'it\'s'", r"U&'it\0027s'"):
                for text in (
                    f"SELECT id FROM people WHERE email = {literal}",
                    f"UPDATE people SET name = {literal}",
                ):
                    with self.assertRaises(psycopg.Error) as caught:
                        db.execute(text)
                    self.assertEqual(caught.exception.sqlstate, "0A000")

    def test_a_container_finds_its_value(self):
        """It does so for a client that may read all columns."""
        self.fill(self.served)
        with self.direct() as db:
            (stored,) = db.execute("SELECT raw FROM people WHERE id = 1").fetchone()
        for readers, found in (("somebody else", None), (f"somebody else, {self.client}", [1, 6])):
            file = self.folder / f"{len(readers)}.yaml"
            file.write_text(self.config.replace("read: [somebody else]", f"read: [{readers}]"))
            settings = {"encryptor": {"encryptor_config_file": str(file)}}
            with self.connect(self.protect(self.keys, settings)) as db:
                asked = "SELECT id FROM people WHERE raw = %s ORDER BY id"
                if found is None:
                    with self.assertRaises(psycopg.errors.InsufficientPrivilege):
                        db.execute(asked, (stored,))
                else:
                    self.assertEqual([n for (n,) in db.execute(asked, (stored,))], found)

    def test_a_column_of_another_owner_has_nothing_to_find(self):
        with self.connect(self.served) as db:
            db.execute("INSERT INTO people (id, theirs) VALUES (1, 'a'), (2, 'b')")
            for condition in ("theirs = 'a'", "theirs IN ('a', 'b')"):
                self.assertEqual(self.found(db.cursor(), "people", condition), [])

    def test_what_cannot_be_answered_is_refused(self):
        self.fill(self.served)
        with self.connect(self.served) as db:
            for condition in (
                "name = 'Zaphod'",
                "email < 'Zaphod'",
                "email LIKE 'Zaphod%'",
                "email = name",
                "email = theirs",
                "lower(email) = 'Zaphod'",
                "email = lower('Zaphod')",
            ):
                with self.assertRaises(psycopg.Error, msg=condition) as caught:
                    self.found(db.cursor(), "people", condition)
                self.assertEqual(caught.exception.sqlstate, "0A000", condition)
                self.assertNotIn("Zaphod", str(caught.exception))
            for condition in ("age = 'Zaphod'", "age = ANY('{Zaphod}')", "email = ANY('Zaphod')"):
                with self.assertRaises(psycopg.Error, msg=condition) as caught:
                    self.found(db.cursor(), "people", condition)
                self.assertEqual(caught.exception.sqlstate, "22P02", condition)
                self.assertNotIn("Zaphod", str(caught.exception))

    def test_rows_of_arrays(self):
        columns = "(id, email, age, raw, name)"
        emails = ["it's", 'a "b", \\ {c}', None, "", "Żółć"]
        ages = [5, -7, 0, None, 2147483647]
        with self.connect(self.served) as db:
            for table in ("people", "twin"):
                db.execute(
                    f"INSERT INTO {table} {columns} SELECT * FROM unnest("
                    "(%s)::int[], (%s)::text[], (%s)::integer[], (%s)::bytea[],"
                    " '{a,b}'::varchar[])",
                    ([1, 2, 3, 4, 5], emails, ages, [b"\\", b"", None, b"x", b"\0"]),
                )
                with psycopg.ClientCursor(db) as cursor:
                    cursor.execute(
                        f"INSERT INTO {table} (id, email) SELECT a, b::varchar(3)"
                        " FROM unnest((%s)::int[], (%s)::text[]) AS u(a, b) WHERE a > 6",
                        ([6, 7, 8], ["six", "seven", "it's"]),
                    )
            rows = [
                db.execute(f"SELECT id, email, age, raw, name FROM {table} ORDER BY id").fetchall()
                for table in ("twin", "people")
            ]
            self.assertEqual(rows[1], rows[0])
            self.assertEqual([row[1] for row in rows[0]], [*emails, "sev", "it'"])
            found = db.execute("SELECT id FROM people WHERE email = %s", (emails[1],)).fetchall()
            self.assertEqual(found, [(2,)])
        with self.direct() as db:
            kept = db.execute("SELECT string_agg(people::text, '') FROM people").fetchone()[0]
            self.assertNotIn(b"seven".hex(), kept)

    def test_nothing_is_told_of_values_that_the_client_may_not_read(self):
        with self.connect(self.served) as db:
            db.execute("INSERT INTO people (id, held) VALUES (1, 'Zaphod'), (2, NULL)")
            for text, *values in (
                ("SELECT id FROM people WHERE held = 'Zaphod'",),
                ("SELECT id FROM people WHERE held = ANY(%s)", ["Zaphod"]),
                ("SELECT 1 FROM people a JOIN people b ON a.held = b.held",),
                ("SELECT count(DISTINCT held) FROM people",),
                ("SELECT DISTINCT held FROM people",),
                ("SELECT count(*) FROM people GROUP BY held",),
                ("DELETE FROM people WHERE held <> %s RETURNING id", "Arthur"),
            ):
                with self.assertRaises(psycopg.Error, msg=text) as caught:
                    db.execute(text, values)
                self.assertEqual(caught.exception.sqlstate, "42501", text)
                self.assertNotIn("Zaphod", str(caught.exception))
            rows = db.execute("SELECT id FROM people WHERE held IS NOT NULL").fetchall()
            self.assertEqual(rows, [(1,)])

    def test_no_way_round_shows_what_a_client_may_not_read(self):
        with self.direct() as db:
            db.execute(
                "DROP TABLE IF EXISTS copied; DROP FUNCTION IF EXISTS dynamic;"
                " CREATE FUNCTION dynamic(text) RETURNS SETOF bytea LANGUAGE plpgsql"
                " AS $$ BEGIN RETURN QUERY EXECUTE $1; END $$"
            )
        with self.connect(self.served) as db:
            db.execute("INSERT INTO people (id, held, email) VALUES (1, 'Zaphod', 'seen')")
            db.execute("CREATE TABLE copied AS SELECT held FROM people")
            shown = []
            for text in (
                "SELECT held FROM copied",
                "SELECT * FROM dynamic('SELECT held FROM peo' || 'ple')",
            ):
                shown += (bytes(cell) for (cell,) in db.execute(text).fetchall())
            for text in ("COPY copied TO STDOUT", "COPY copied TO STDOUT (FORMAT binary)"):
                with db.cursor().copy(text) as copy:
                    shown.append(b"".join(map(bytes, copy)))
            self.assertEqual(len(shown), 4)
            for value in shown:
                self.assertTrue(b"%%%" in value or b"252525" in value, value)
                self.assertNotIn(b"Zaphod", value)
                self.assertNotIn(b"Zaphod".hex().encode(), value)
            self.assertEqual(db.execute("SELECT email FROM people").fetchall(), [("seen",)])

    def test_the_index_is_used_and_no_value_is_seen(self):
        self.fill(self.served)
        with self.direct() as db:
            db.execute(
                "INSERT INTO people (id, email) SELECT n, sha512(n::text::bytea)"
                " FROM generate_series(10, 20000) n; ANALYZE people"
            )
        with self.connect(self.served) as db:
            for condition, *values in (
                ("email = 'seekerofvalues'",),
                ("email IN ('seekerofvalues', 'other')",),
                ("email = %s", "seekerofvalues"),
                ("email = ANY(%s)", ["seekerofvalues"]),
            ):
                rows = db.execute(f"EXPLAIN SELECT id FROM people WHERE {condition}", values)
                self.assertIn(" found", "\n".join(line for (line,) in rows), condition)
        log = self.log()
        self.assertIn(b"EXPLAIN SELECT id", log)
        self.assertNotIn(b"seekerofvalues", log)
