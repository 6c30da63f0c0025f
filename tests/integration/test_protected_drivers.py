"""Drivers of Python write, read and search protected columns as they do any others."""

from __future__ import annotations

import asyncio

import asyncpg
import pg8000.dbapi
import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER
from tests.support.people import COLUMNS, NOBODY, PROTECTED, PeopleCase, person

NAMES = ", ".join(COLUMNS)
WRITE = f"INSERT INTO people ({NAMES}) VALUES ({{}})"
READ = f"SELECT {', '.join(COLUMNS[1:])} FROM people ORDER BY id"
#: Conditions with one parameter, and values that find rows 2, or 2 and 3.
ONE = {
    "email = {}": "email",
    "age = {}": "age",
    "big = {}": "big",
    "born = {}": "born",
    "key = {}": "key",
    "phone = {}": "phone",
}


def marks(count: int = len(COLUMNS), form: str = "${}") -> str:
    """Places of parameters."""
    return ", ".join(form.format(number + 1) for number in range(count))


class Psycopg(PeopleCase):
    def test_writing_and_reading(self):
        for cursor in (psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor):
            form = "${}" if cursor is psycopg.RawCursor else "%s"
            text = WRITE.format(marks(form=form))
            with self.fresh(cursor.__name__), self.connect(self.served) as db:
                made = cursor(db)
                for number in range(1, 9):
                    made.execute(text, (number, *person(number)))
                made.execute(text, (9, *NOBODY))
                self.assert_stored(9)
                expected = [*map(person, range(1, 9)), NOBODY]
                self.assertEqual(made.execute(READ).fetchall(), expected)

    def test_binary_results(self):
        self.fill(7)
        with self.connect(self.served) as db, db.cursor(binary=True) as cursor:
            for _ in range(7):
                found = cursor.execute(f"{READ} LIMIT %s", (3,)).fetchall()
                self.assertEqual(found, [person(1), person(2), person(3)])

    def test_pipelines(self):
        text = f"{WRITE.format(marks(form='%s'))} RETURNING name, age"
        with self.connect(self.served) as db:
            with db.pipeline():
                written = [
                    db.execute(text, (number, *person(number)), prepare=number > 5)
                    for number in range(1, 11)
                ]
                read = db.execute(READ)
            self.assertEqual(
                [one.fetchone() for one in written],
                [(person(n).name, person(n).age) for n in range(1, 11)],
            )
            self.assertEqual(read.fetchall(), [person(n) for n in range(1, 11)])
            with self.assertRaises(psycopg.errors.FeatureNotSupported), db.pipeline():
                db.execute("UPDATE people SET name = name || 'x'")
            self.assertEqual(db.execute(READ).fetchone(), person(1))
        self.assert_stored(10)

    def test_executemany_with_rows(self):
        text = f"{WRITE.format(marks(form='%s'))} RETURNING id, email"
        with self.connect(self.served) as db, db.cursor() as cursor:
            rows = [(number, *person(number)) for number in range(1, 21)]
            cursor.executemany(text, rows, returning=True)
            found = [cursor.fetchone()]
            while cursor.nextset():
                found.append(cursor.fetchone())
            self.assertEqual(found, [(n, person(n).email) for n in range(1, 21)])
        self.assert_stored(20)

    def test_cursors_of_the_server(self):
        self.fill(10)
        for binary in (False, True):
            with self.connect(self.served, autocommit=False) as db:
                with db.cursor("people", binary=binary, scrollable=True) as cursor:
                    cursor.itersize = 3
                    cursor.execute(READ)
                    self.assertEqual(list(cursor), [person(n) for n in range(1, 11)])
                    cursor.scroll(1, "absolute")
                    self.assertEqual(cursor.fetchone(), person(2))
                with db.cursor("found") as cursor:
                    cursor.execute("SELECT name FROM people WHERE email = %s", (person(4).email,))
                    self.assertEqual(cursor.fetchall(), [(person(4).name,)])

    def test_searching(self):
        self.fill(4)
        for prepare in (False, True):
            with self.connect(self.served) as db:
                for condition, column in ONE.items():
                    value = getattr(person(2), column)
                    text = f"SELECT id FROM people WHERE {condition.format('%s')}"
                    found = db.execute(text, (value,), prepare=prepare).fetchall()
                    self.assertEqual(found, [(2,)], condition)
                    values = [value, getattr(person(3), column)]
                    text = f"SELECT id FROM people WHERE {column} = ANY(%s) ORDER BY id"
                    found = db.execute(text, (values,), prepare=prepare).fetchall()
                    self.assertEqual(found, [(2,), (3,)], condition)
                    text = f"SELECT id FROM people WHERE {column} IN (%s, %s) ORDER BY id"
                    found = db.execute(text, values, prepare=prepare).fetchall()
                    self.assertEqual(found, [(2,), (3,)], condition)

    def test_updating(self):
        self.fill(3)
        with self.connect(self.served) as db:
            for column in PROTECTED:
                new = getattr(person(9), column)
                text = f"UPDATE people SET {column} = %s WHERE id = %s RETURNING {column}"
                self.assertEqual(db.execute(text, (new, 2)).fetchall(), [(new,)])
            self.assertEqual(
                db.execute(f"SELECT {', '.join(PROTECTED)} FROM people WHERE id = 2").fetchone(),
                person(9)[:-1],
            )
        self.assert_stored(3)

    def test_errors_leave_the_session_and_its_transaction_usable(self):
        self.fill(1)
        with self.connect(self.served, autocommit=False) as db:
            for text, values, error in (
                ("UPDATE people SET name = name || 'x'", (), psycopg.errors.FeatureNotSupported),
                (
                    "UPDATE people SET age = %s", ("12x",),
                    psycopg.errors.InvalidTextRepresentation,
                ),
                ("UPDATE people SET age = %s", (1 << 40,), psycopg.errors.NumericValueOutOfRange),
                ("SELECT id FROM people WHERE name = %s", ("x",), psycopg.NotSupportedError),
            ):  # fmt: skip
                with self.subTest(text):
                    with self.assertRaises(error), db.transaction():
                        db.execute(text, values)
                    db.execute("UPDATE people SET note = 'kept'")
                    with db.transaction() as inner:
                        with self.assertRaises(error):
                            db.execute(text, values)
                        raise psycopg.Rollback(inner)
                    row = db.execute("SELECT name, note FROM people").fetchone()
                    self.assertEqual(row, (person(1).name, "kept"))

    def test_another_client_sees_masks(self):
        self.fill(1)
        with self.connect(self.strangers) as db:
            for binary in (False, True):
                text = "SELECT name, email, raw, card, phone FROM people"
                with db.cursor(binary=binary) as cursor:
                    row = cursor.execute(text).fetchone()
                self.assert_masked(row)
                self.assertEqual(row[3], "xxxx0001")
            text = "SELECT id FROM people WHERE email = %s"
            self.assertEqual(db.execute(text, (person(1).email,)).fetchall(), [])


class Asyncpg(PeopleCase):
    def use(self, chain, talk):
        async def use():
            db = await asyncpg.connect(
                host="127.0.0.1", port=chain.port, user=SUPERUSER, database="postgres", ssl=False
            )
            try:
                return await talk(db)
            finally:
                await db.close()

        return asyncio.run(use())

    def test_everything(self):
        self.use(self.served, self.talk)
        self.assert_stored(33)
        self.use(self.strangers, self.talk_as_stranger)

    async def talk(self, db):
        text = WRITE.format(marks())
        await db.execute(text, 1, *person(1))
        await db.executemany(text, [(n, *person(n)) for n in range(2, 21)])
        statement = await db.prepare(f"{text} RETURNING name, age, born, key")
        self.assertEqual(
            [one.name for one in statement.get_parameters()],
            [
                *("int4", "text", "text", "int4", "int8", "bytea", "bool", "date", "uuid"),
                *("float8", "text", "text", "text"),
            ],
        )
        for number in range(21, 31):
            new = person(number)
            found = await statement.fetchrow(number, *new)
            self.assertEqual(tuple(found), (new.name, new.age, new.born, new.key))
        await db.copy_records_to_table(
            "people", records=[(n, *person(n)) for n in (31, 32)], columns=COLUMNS
        )
        await db.execute(text, 33, *NOBODY)
        expected = [*map(person, range(1, 33)), NOBODY]
        self.assertEqual([tuple(one) for one in await db.fetch(READ)], expected)
        async with db.transaction():
            rows = [tuple(one) async for one in db.cursor(READ, prefetch=7)]
            self.assertEqual(rows, expected)
            cursor = await db.cursor(f"{READ} LIMIT $1", 20)
            await cursor.forward(4)
            self.assertEqual(tuple(await cursor.fetchrow()), person(5))
        for condition, column in ONE.items():
            values = [getattr(person(n), column) for n in (2, 3)]
            text = f"SELECT id FROM people WHERE {condition.format('$1')}"
            self.assertEqual(await db.fetchval(text, values[0]), 2)
            text = f"SELECT id FROM people WHERE {column} = ANY($1) ORDER BY id"
            self.assertEqual([one["id"] for one in await db.fetch(text, values)], [2, 3])
            text = f"SELECT id FROM people WHERE {column} IN ($1, $2) ORDER BY id"
            self.assertEqual([one["id"] for one in await db.fetch(text, *values)], [2, 3])
        for column in PROTECTED:
            new = getattr(person(8), column)
            text = f"UPDATE people SET {column} = $1 WHERE id = $2 RETURNING {column}"
            self.assertEqual(await db.fetchval(text, new, 3), new)
        await self.fail_in(db)

    async def fail_in(self, db):
        for text, error in (
            ("UPDATE people SET name = name || 'x'", asyncpg.FeatureNotSupportedError),
            ("UPDATE people SET age = 'x12'", asyncpg.InvalidTextRepresentationError),
            ("SELECT id FROM people WHERE name = 'x'", asyncpg.FeatureNotSupportedError),
            ("SELECT 1/0 FROM people WHERE age > 0", asyncpg.FeatureNotSupportedError),
        ):
            for block in (False, True):
                transaction = db.transaction()
                await transaction.start()
                if block:
                    inner = db.transaction()
                    await inner.start()
                    with self.assertRaises(error):
                        await db.fetch(text)
                    await inner.rollback()
                    self.assertEqual(await db.fetchval("SELECT name FROM people"), person(1).name)
                else:
                    with self.assertRaises(error):
                        await db.fetch(text)
                await transaction.rollback()
                row = await db.fetchrow("SELECT id, name FROM people ORDER BY id")
                self.assertEqual(tuple(row), (1, person(1).name))
        with self.assertRaises(asyncpg.DataError):
            await db.fetch("UPDATE people SET age = $1", "twelve")

    async def talk_as_stranger(self, db):
        row = tuple(
            await db.fetchrow("SELECT name, email, raw, card, phone FROM people ORDER BY id")
        )
        self.assert_masked(row)
        self.assertEqual(row[3], "xxxx0001")
        text = "SELECT id FROM people WHERE email = $1"
        self.assertEqual(await db.fetch(text, person(1).email), [])


class Pg8000(PeopleCase):
    def connect_by(self, chain):
        db = pg8000.dbapi.connect(
            host="127.0.0.1", port=chain.port, user=SUPERUSER, database="postgres"
        )
        self.addCleanup(db.close)
        return db

    def test_everything(self):
        db = self.connect_by(self.served)
        cursor = db.cursor()
        text = WRITE.format(marks(form="%s"))
        for number in (1, 2):
            cursor.execute(text, (number, *person(number)))
        cursor.executemany(text, [(n, *person(n)) for n in (3, 4)])
        cursor.execute(text, (5, *NOBODY))
        db.commit()
        self.assert_stored(5)
        cursor.execute(READ)
        self.assertEqual(
            [tuple(row) for row in cursor.fetchall()], [*map(person, range(1, 5)), NOBODY]
        )
        for condition, column in ONE.items():
            value = getattr(person(2), column)
            cursor.execute(f"SELECT id FROM people WHERE {condition.format('%s')}", (value,))
            self.assertEqual(list(map(list, cursor.fetchall())), [[2]], condition)
            values = [value, getattr(person(3), column)]
            text = f"SELECT id FROM people WHERE {column} = ANY(%s) ORDER BY id"
            cursor.execute(text, (values,))
            self.assertEqual([row[0] for row in cursor.fetchall()], [2, 3], condition)
        with self.assertRaises(pg8000.dbapi.DatabaseError) as caught:
            cursor.execute("UPDATE people SET name = name || 'x'")
        self.assertEqual(caught.exception.args[0]["C"], "0A000")
        db.rollback()
        cursor.execute("SELECT name FROM people WHERE id = 1")
        self.assertEqual(tuple(cursor.fetchone()), (person(1).name,))
        other = self.connect_by(self.strangers).cursor()
        other.execute("SELECT name, email, card, phone FROM people ORDER BY id")
        self.assert_masked(tuple(other.fetchone()))
