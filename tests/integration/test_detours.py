"""Detours to values that a client has no key for: none shows one, in rows, errors or notices."""

from __future__ import annotations

import base64
from collections import Counter

import psycopg

from tests.support.people import PROTECTED, SECRETS, PeopleCase

#: Columns in the place of ``{c}``.
EACH = (
    "SELECT {c} FROM people",
    "SELECT {c}::text FROM people",
    "SELECT {c} || '' FROM people",
    "SELECT {c}::int FROM people",
    "SELECT {c}::text::date FROM people",
    "SELECT encode({c}::bytea, 'escape') FROM people",
    "SELECT max({c}::text) FROM people",
    "SELECT string_agg({c}::text, ',') FROM people",
    "SELECT array_agg({c}) FROM people",
    "SELECT substr({c}::text, 1, 5) FROM people",
    "SELECT CASE WHEN {c}::text LIKE 'Z%' THEN 1 / 0 END FROM people",
    "SELECT id FROM people WHERE {c}::text LIKE '%a%'",
    "SELECT id FROM people WHERE {c}::text ~ 'Z'",
    "SELECT id FROM people ORDER BY {c}",
    "SELECT {c} FROM people UNION ALL SELECT {c} FROM people",
    "SELECT q.x FROM (SELECT {c} AS x FROM people) AS q",
    "WITH w AS (SELECT {c} AS x FROM people) SELECT x FROM w",
    "WITH w AS (UPDATE people SET note = 'w' RETURNING {c}) SELECT * FROM w",
    "UPDATE people SET note = {c}::text RETURNING note",
    "UPDATE people SET note = 'w' RETURNING {c}, {c} AS other",
    "UPDATE people SET {c} = {c} RETURNING {c}",
    "DELETE FROM people RETURNING {c}",
    "INSERT INTO elsewhere SELECT {c}::text FROM people RETURNING *",
    "INSERT INTO people (id, {c}) SELECT id + 100, {c} FROM people RETURNING {c}",
    "INSERT INTO people (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET note = 'c' RETURNING {c}",
    "MERGE INTO elsewhere e USING people p ON false"
    " WHEN NOT MATCHED THEN INSERT VALUES ({c}::text)",
    "CREATE TABLE made AS SELECT {c} FROM people; SELECT * FROM made",
    "CREATE VIEW seen AS SELECT {c} AS x FROM people; SELECT x FROM seen",
    "CREATE VIEW seen AS SELECT {c}::text AS x FROM people; SELECT x FROM seen",
    "CREATE MATERIALIZED VIEW kept AS SELECT {c} AS x FROM people; SELECT x FROM kept",
    "CREATE INDEX ON people ((1 / length({c}::text)))",
    "ALTER TABLE people ALTER COLUMN {c} TYPE text USING {c}::text; SELECT {c} FROM people",
    "ALTER TABLE people ADD CHECK ({c}::text = 'x')",
    "ALTER TABLE people RENAME COLUMN {c} TO y; SELECT y FROM people",
    "DECLARE c CURSOR FOR SELECT {c} FROM people; FETCH ALL FROM c",
    "PREPARE q AS SELECT {c} FROM people; EXECUTE q",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT {c} FROM people WHERE {c} IS NOT NULL",
    "COPY people ({c}) TO STDOUT",
    "COPY people ({c}) TO STDOUT (FORMAT binary)",
    "COPY (SELECT {c}::text FROM people) TO STDOUT",
    "ANALYZE people; SELECT most_common_vals, histogram_bounds FROM pg_stats"
    " WHERE tablename = 'people'",
)
WHOLE = (
    "SELECT people FROM people",
    "SELECT people::text FROM people",
    "SELECT (people).* FROM people",
    "TABLE people",
    "SELECT row_to_json(people) FROM people",
    "SELECT to_jsonb(p) - 'id' FROM people AS p",
    "SELECT p.* FROM people AS p NATURAL JOIN people AS q",
    "SELECT hstore FROM (SELECT people::text AS hstore FROM people) AS q",
    "SELECT json_agg(people) FROM people",
    "SELECT xmlforest(name) FROM people",
    "SELECT query_to_xml('SELECT * FROM people', true, false, '')",
    "SELECT table_to_xml('people', true, false, '')",
    "SELECT lag(name) OVER (ORDER BY id) FROM people",
    "SELECT * FROM told()",
    "SELECT told()",
    "CALL raised()",
    "DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(people::text, '') FROM people); END $$",
    "COPY people TO STDOUT",
    "COPY people TO STDOUT (FORMAT csv, HEADER)",
)
_OBJECTS = """
CREATE TABLE elsewhere (word text);
CREATE FUNCTION told() RETURNS SETOF people LANGUAGE sql AS 'SELECT * FROM people';
CREATE PROCEDURE raised() LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '%', (SELECT string_agg(people::text, '') FROM people); END $$;
"""


class Detours(PeopleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.direct() as db:
            db.execute(_OBJECTS)

    def setUp(self):
        super().setUp()
        self.fill(3)
        self.said = []

    def session(self, chain):
        db = self.connect(chain, autocommit=False)
        self.addCleanup(db.close)
        db.add_notice_handler(lambda told: self.said.append(repr(told.message_primary)))
        return db

    def test_en8_none_shows_a_value(self):
        texts = [text.replace("{c}", column) for text in EACH for column in PROTECTED]
        outcomes = Counter()
        db = self.session(self.strangers)
        for text in (*texts, *WHOLE):
            for prepare in (False, True):
                with self.subTest(text, prepare=prepare):
                    outcome, shown = self.seen(db, text, prepare)
                    outcomes[outcome] += 1
                    self.assertEqual(secrets_in(shown), [])
        # Not everything is refused: what is stored may be read.
        self.assertGreater(min(outcomes.values()), 100, outcomes)
        with self.connect(self.served) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM people").fetchone(), (3,))
        self.assert_stored(3)

    def test_those_of_the_owner_would_be_noticed(self):
        db = self.session(self.served)
        for text in ("TABLE people", "COPY people TO STDOUT", "SELECT raw FROM people"):
            for prepare in (False, True):
                self.assertNotEqual(secrets_in(self.seen(db, text, prepare)[1]), [])
        for encode in (bytes.hex, lambda value: base64.b64encode(value).decode()):
            for before in ("", "x", "xy"):
                text = encode(f"{before}Zaphodius 1".encode())
                self.assertIn(b"Zaphodius", secrets_in(text))

    def seen(self, db, text, prepare):
        """All that a session sees, whose transaction is taken back."""
        said = self.said = []
        try:
            if text.startswith("COPY"):
                with db.cursor().copy(text) as copy:
                    said += (bytes(part).decode("latin-1") for part in copy)
            elif prepare and ";" not in text:
                said.append(repr(db.execute(text, (), prepare=True, binary=True).fetchall()))
            else:
                found = db.cursor()
                found.execute(text.encode(), prepare=False)
                said.append(repr(found.fetchall() if found.description else ()))
                while found.nextset():
                    said.append(repr(found.fetchall() if found.description else ()))
            outcome = "answered"
        except psycopg.Error as error:
            diag = error.diag
            said += map(str, (error, diag.message_detail, diag.context, diag.message_hint))
            outcome = "refused"
        db.rollback()
        return outcome, "\n".join(said)


def secrets_in(shown: str) -> list[bytes]:
    """The values that stand in a text: as they are, as hexadecimal digits, or in base64."""
    return [
        secret
        for secret in SECRETS
        if secret.decode() in shown
        or secret.hex() in shown
        or any(one in shown for one in in_base64(secret))
    ]


def in_base64(secret: bytes) -> list[str]:
    """The letters that are there wherever a value begins in the whole."""
    found = []
    for start in range(3):
        part = secret[start:]
        found.append(base64.b64encode(part[: len(part) // 3 * 3]).decode())
    return found
