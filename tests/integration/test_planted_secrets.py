"""Values that are like no others are written to protected columns by every way there is, errors of
each kind are provoked, and then everything that anybody has written is searched for them."""

from __future__ import annotations

import asyncio
import time

import psycopg

from tests.integration.planted import PlantedCase
from tests.integration.protected import ProtectedCase, asyncpg_session, token_store
from tests.support.planted import Planting, Search, forms

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
      - {column: big, data_type: int64}
      - {column: raw}
      - {column: card, masking: xxxx, plaintext_length: 0, plaintext_side: right, data_type: str}
      - {column: struct, crypto_envelope: acrastruct, data_type: str}
      - {column: key, data_type: uuid}
      - {column: phone, token_type: str, consistent_tokenization: true}
"""
TABLE = (
    "CREATE TABLE people (id int PRIMARY KEY, name bytea, email bytea, big bytea, raw bytea,"
    " card bytea, struct bytea, key bytea, phone text, note text CHECK (note <> 'refused'))"
)
COLUMNS = ("name", "email", "big", "raw", "card", "struct", "key", "phone")
#: All that the database writes to its log it writes.
TALKATIVE = (
    "log_statement = all",
    "log_min_messages = debug1",
    "log_min_error_statement = debug1",
    "log_parameter_max_length = -1",
    "log_parameter_max_length_on_error = -1",
    "log_error_verbosity = verbose",
    "log_duration = on",
    "log_temp_files = 0",
    "debug_print_plan = on",
    "debug_print_parse = on",
    "work_mem = 64kB",
)


def literal(value) -> str:
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


def insert(row, more="") -> str:
    return (
        f"INSERT INTO people (id, {', '.join(COLUMNS)}) VALUES "
        f"({', '.join(map(literal, row))}){more}"
    )


PARAMETERS = f"INSERT INTO people (id, {', '.join(COLUMNS)}) VALUES ({{}})"
PERCENTS = PARAMETERS.format(", ".join(["%s"] * 9))
BINARIES = PARAMETERS.format(", ".join(["%b"] * 9))
NUMBERS = PARAMETERS.format(", ".join(f"${n}" for n in range(1, 10)))
COPY = f"COPY people (id, {', '.join(COLUMNS)}) FROM STDIN"


class Planted(PlantedCase, ProtectedCase):
    config = CONFIG
    table = TABLE
    database = TALKATIVE

    @classmethod
    def make_served(cls):
        sections, environment = cls.watched()
        return cls.protect(
            cls.keys, environment=environment, server={**sections, **token_store(cls.keys)}
        )

    def setUp(self):
        self.planting = Planting(COLUMNS, 4711)
        self.began = time.time()
        self.said: list[str] = []
        super().setUp()
        with self.direct() as db:
            db.execute("CREATE TABLE clear (id serial, note text, big bigint, raw bytea)")
        self.db = self.connect(self.served)
        self.addCleanup(self.db.close)

    # -- ways -------------------------------------------------------------------------------------

    def write(self):
        """Every way on which a value can come into the table."""
        planting, execute = self.planting, self.db.execute
        execute(insert(planting.row("literal")))
        first, second = planting.row("first of many"), planting.row("second of many")
        execute(insert(first) + insert(second).partition("VALUES")[2].join((", ", "")))
        row = planting.row("dollar quotes")
        execute(insert(row).replace(literal(row[1]), f"$q${row[1]}$q$"))
        row = planting.row("escapes")
        execute(insert(row).replace(literal(row[1]), f"E{literal(row[1])}"))
        execute(PERCENTS, planting.row("parameters in text"))
        row = planting.row("parameters in binary")
        execute(BINARIES, row)
        for number in range(8):
            execute(PERCENTS, planting.row(f"prepared {number}"), prepare=True)
        with self.db.pipeline():
            for number in range(3):
                execute(PERCENTS, planting.row(f"pipeline {number}"))
        self.update("update by literals", literals=True)
        self.update("update by parameters", literals=False)
        number = next(iter(planting.rows))
        changed = planting.one("conflict", "name")
        row = planting.row("conflict's row", kept=False)
        conflict = f" ON CONFLICT (id) DO UPDATE SET name = {literal(changed)}"
        execute(insert((number, *row[1:]), conflict))
        planting.rows[number]["name"] = changed
        row = planting.row("with")
        execute(f"WITH made AS ({insert(row)} RETURNING id) SELECT * FROM made")
        self.write_by_rarer_ways()
        self.copy()
        asyncio.run(self.asyncpg())

    def write_by_rarer_ways(self):
        planting, execute = self.planting, self.db.execute
        listed = ", ".join(("id", *COLUMNS))

        def literals(way):
            return ", ".join(map(literal, planting.row(way)))

        execute(f"INSERT INTO people ({listed}) SELECT {literals('selected')}")
        execute(
            "MERGE INTO people AS p USING (SELECT 1) AS one ON p.id = 0"
            f" WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({literals('merged')})"
        )
        execute("CREATE VIEW seen AS SELECT * FROM people")
        execute(f"INSERT INTO seen ({listed}) VALUES ({literals('by a view')})")
        numbers = ", ".join(f"${number}" for number in range(1, 10))
        execute(f"PREPARE made AS INSERT INTO people ({listed}) VALUES ({numbers})")
        execute(f"EXECUTE made({literals('executed by SQL')})")
        execute(f"{insert(planting.row('first text'))}; {insert(planting.row('second text'))}")
        number = next(iter(planting.rows))
        for way, column, text in (
            ("case", "name", "SET name = CASE WHEN id > 0 THEN {} ELSE name END"),
            ("coalesce", "struct", "SET struct = COALESCE({}, struct)"),
            ("row", "email", "SET (email, note) = ROW({}, 'n')"),
            ("subquery", "card", "SET card = (SELECT {})"),
            ("cast", "name", "SET name = {}::varchar(80)"),
            ("with", "raw", "SET raw = {} WHERE EXISTS (WITH w AS (SELECT 1) TABLE w) AND true"),
        ):
            value = planting.one(way, column)
            where = " AND" if "WHERE" in text else " WHERE"
            execute(f"UPDATE people {text.format(literal(value))}{where} id = {number}")
            planting.rows[number][column] = value
        value = planting.one("two roles", "email")
        for _ in range(2):
            # The second time it is found by what it is changed to.
            execute(
                "UPDATE people SET email = %(email)s WHERE id = %(id)s OR email = %(email)s",
                {"email": value, "id": number},
            )
        planting.rows[number]["email"] = value

    def update(self, way, literals):
        number, *values = self.planting.row(way)
        self.db.execute("INSERT INTO people (id) VALUES (%s)", (number,))
        if literals:
            given = ", ".join(f"{c} = {literal(v)}" for c, v in zip(COLUMNS, values, strict=True))
            self.db.execute(f"UPDATE people SET {given} WHERE id = {number}")
        else:
            given = ", ".join(f"{column} = %s" for column in COLUMNS)
            self.db.execute(f"UPDATE people SET {given} WHERE id = %s", (*values, number))

    def copy(self):
        for way, options in (("copied text", ""), ("copied csv", " WITH (FORMAT csv)")):
            number, *values = self.planting.row(way)
            cells = [str(number)]
            for value in values:
                raw = isinstance(value, bytes)
                text = f"\\x{value.hex()}" if raw else str(value)
                cells.append(text.replace("\\", "\\\\") if raw and not options else text)
            with self.db.cursor() as cursor, cursor.copy(COPY + options) as copying:
                copying.write(("," if options else "\t").join(cells) + "\n")

    async def asyncpg(self):
        async with asyncpg_session(self.served) as db:
            rows = [self.planting.row(f"asyncpg {number}") for number in range(3)]
            await db.executemany(NUMBERS, rows)
            row = self.planting.row("asyncpg's copy")
            await db.copy_records_to_table("people", records=[row], columns=["id", *COLUMNS])
            email = self.planting.one("asyncpg's search", "email")
            found = await db.fetch("SELECT id FROM people WHERE email = ANY($1)", [email])
            self.assertEqual(found, [])

    def search(self):
        """Values that are looked for, and are nowhere."""
        phone = self.planting.one("searched by its token", "phone")
        text = f"SELECT id FROM people WHERE phone = {literal(phone)}"
        self.assertEqual(self.db.execute(text).fetchall(), [])
        for way, text, parameters in (
            ("searched by a literal", "email = {}", None),
            ("searched by a parameter", "email = %s", 1),
            ("searched in a list", "email IN ({}, 'x')", None),
            ("searched in an array", "email = ANY(%s)", 2),
        ):
            email = self.planting.one(way, "email")
            text = "SELECT id FROM people WHERE " + text.format(literal(email))
            given = {None: None, 1: (email,), 2: ([email],)}[parameters]
            self.assertEqual(self.db.execute(text, given).fetchall(), [])
        email = self.planting.one("deleted", "email")
        self.db.execute(f"DELETE FROM people WHERE email = {literal(email)}")
        email = self.planting.one("explained", "email")
        self.db.execute(f"EXPLAIN SELECT * FROM people WHERE email = {literal(email)}")
        declare = f"DECLARE c CURSOR FOR SELECT * FROM people WHERE email = {literal(email)}"
        self.db.execute(f"BEGIN; {declare}; ROLLBACK")

    def refuse(self, way, text, parameters=None):
        """A statement with an error; what the client is told is kept."""
        with self.assertRaises(psycopg.Error, msg=way) as raised:
            self.db.execute(text, parameters)
        error = raised.exception
        told = {
            name: getattr(error.diag, name) for name in dir(error.diag) if not name.startswith("_")
        }
        self.said.append(f"{way}: {error!r} {told}")

    def provoke(self):
        """Errors of each kind: ours, the database's, of the statement and of the value."""
        one = self.planting.one
        for way, text in (
            ("expression", "UPDATE people SET name = upper({name})"),
            ("function", "INSERT INTO people (id, name) SELECT 1, format('%s', {name})"),
            ("pattern", "SELECT id FROM people WHERE email LIKE {email} || '%'"),
            ("order", "SELECT id FROM people WHERE name > {name}"),
            ("comparison", "SELECT id FROM people WHERE name = {name}"),
            ("unparsable", "INSERT INTO people (id, name) VALUES (1, {name}"),
            ("unscannable", "INSERT INTO people (id, name) VALUES (1, {name}, '"),
            ("other text", "INSERT INTO people (id, big) VALUES (1, {name})"),
            ("other bytes", "INSERT INTO people (id, raw) VALUES (1, 'no bytes \\x {name}')"),
            ("other key", "INSERT INTO people (id, key) VALUES (1, {name})"),
            ("too large", "INSERT INTO people (id, big) VALUES (1, 99{big})"),
            ("no such column", "UPDATE people SET name = {name}, nothing = 1"),
            ("division", "UPDATE people SET name = {name}, note = 1/0"),
            ("check", "INSERT INTO people (id, name, note) VALUES (-1, {name}, 'refused')"),
            ("code", "DO $$BEGIN UPDATE people SET name = {name}; END$$"),
            ("default", "ALTER TABLE people ALTER name SET DEFAULT {name}"),
            ("index", "CREATE INDEX ON people (id) WHERE name = {name}"),
            ("checked", "ALTER TABLE people ADD CHECK (name <> {name})"),
            ("server's file", "COPY (SELECT name FROM people WHERE name = {name}) TO '/nowhere'"),
            ("many", "SELECT 1; UPDATE people SET name = upper({name})"),
        ):
            given = {c: literal(one(way, c)) for c in COLUMNS if f"{{{c}}}" in text}
            self.refuse(way, text.format(**given))
        number, *values = self.planting.row("unique", kept=False)
        known = next(iter(self.planting.rows))
        self.refuse("unique", insert((known, *values)))
        self.refuse("unique parameters", PERCENTS, (known, *values))
        self.refuse("wrong parameter", "INSERT INTO people (id, big) VALUES (-2, %s)",
                  (one("wrong parameter", "name"),))  # fmt: skip
        self.refuse("refused parameter", "UPDATE people SET name = upper(%s)",
                  (one("refused parameter", "name"),))  # fmt: skip
        for way, text in (
            ("copied text for a number", "-3\t{name}\n"),
            ("copied row that is too long", "-4\t1\t{name}\n"),
        ):
            cells = text.format(name=one(way, "name"))
            with (
                self.assertRaises(psycopg.Error, msg=way) as raised,
                self.db.cursor() as cursor,
                cursor.copy("COPY people (id, big) FROM STDIN") as copying,
            ):
                copying.write(cells)
            self.said.append(f"{way}: {raised.exception!r}")

    # -- the search -------------------------------------------------------------------------------

    def control(self):
        """Values that nobody protects, in each form: all are found, or the search is no good."""
        planting = Planting(COLUMNS, 42)
        note, big = planting.one("control", "name"), planting.one("control", "big")
        raw = planting.one("control", "raw")
        self.db.execute("INSERT INTO clear (note, big, raw) VALUES (%s, %s, %s)", (note, big, raw))
        for value in (note, raw):
            for form in forms(value).values():
                self.db.execute("INSERT INTO clear (raw) VALUES (%b)", (form,))
        return {"note": note, "big": big, "raw": raw}

    def readable(self):
        """Everything that was written is there, and is what it was."""
        rows = self.db.execute(f"SELECT id, {', '.join(COLUMNS)} FROM people").fetchall()
        found = {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows}
        self.assertEqual(set(found), set(self.planting.rows))
        for number, row in self.planting.rows.items():
            shown = {**found[number], "key": str(found[number]["key"])}
            self.assertEqual(shown, row)
        with self.db.cursor() as cursor, cursor.copy("COPY people TO STDOUT") as copying:
            self.assertEqual(len(b"".join(copying).splitlines()), len(rows))

    def test_en1_no_value_is_written_anywhere_in_clear(self):
        planted = self.control()
        self.write()
        self.search()
        self.provoke()
        self.readable()
        self.assertGreater(len(self.planting.values), 200)
        with self.direct() as db:
            db.execute("CHECKPOINT")
            db.execute("SELECT pg_switch_wal()")
        self.assert_nowhere(Search(self.planting.values), self.postgres.folder)
        # A number in a column stands there in the machine's order, in the log in digits.
        numbers = ("as it is", "little endian")
        files = self.assert_found(planted, self.postgres.folder, numbers)
        kinds = {one.parent.name if one.parent.name == "pg_wal" else one.name for one in files}
        self.assertTrue({"pg_wal", "postgres.log"} <= kinds, kinds)
