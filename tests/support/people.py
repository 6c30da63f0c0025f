"""A table with a protected column of every type, for drivers and ORMs that know nothing of it."""

from __future__ import annotations

import datetime
import uuid
from contextlib import contextmanager
from typing import NamedTuple

from tests.integration.protected import ProtectedCase, token_store

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: age, data_type: int32, searchable: true}
      - {column: big, data_type: int64, searchable: true}
      - {column: raw, data_type: bytes}
      - {column: flag, data_type: bool}
      - {column: born, data_type: date, searchable: true}
      - {column: key, data_type: uuid, searchable: true}
      - {column: score, data_type: float8}
      - {column: card, data_type: str, masking: xxxx, plaintext_length: 4, plaintext_side: right}
      - {column: phone, token_type: str, consistent_tokenization: true}
"""
#: Protected columns, in the order of the table; ``id`` is before them and ``note`` behind.
PROTECTED = (
    *("name", "email", "age", "big", "raw", "flag", "born", "key", "score", "card", "phone"),
)
COLUMNS = ("id", *PROTECTED, "note")
TABLE = """CREATE TABLE people (
    id serial PRIMARY KEY, name bytea, email bytea, age bytea, big bytea, raw bytea, flag bytea,
    born bytea, key bytea, score bytea, card bytea, phone text, note text)"""


class Person(NamedTuple):
    """A row as applications see it, without its number."""

    name: str | None
    email: str | None
    age: int | None
    big: int | None
    raw: bytes | None
    flag: bool | None
    born: datetime.date | None
    key: uuid.UUID | None
    score: float | None
    card: str | None
    phone: str | None
    note: str | None


def person(number: int) -> Person:
    """One of many rows; no value stands anywhere by chance."""
    return Person(
        f"Zaphodius {number}",
        f"zaphodius{number}@example.com",
        1_471_108_000 + number,
        47110815000000 + number,
        b"\0\xffTrilliania%d" % number,
        number % 2 == 0,
        datetime.date(1942, 3, 1) + datetime.timedelta(days=number),
        uuid.UUID(int=0x7A617068_6F64_6975_7300_000000000000 + number),
        0.5 + number,
        f"401288888888{number:04}",
        f"+3725550815{number:04}",
        f"note {number}",
    )


NOBODY = Person(*[None] * len(Person._fields))
#: Beginnings of the values that `person` makes.
SECRETS = (
    b"Zaphodius",
    b"zaphodius",
    b"147110800",
    b"471108150000",
    b"Trilliania",
    b"401288888888",
    b"+37255508",
)


class PeopleCase(ProtectedCase):
    """``served`` is a chain for the owner of the table's values, ``strangers`` one for another
    client, with keys of its own."""

    config = CONFIG
    client = "application"

    @classmethod
    def make_served(cls):
        stranger = cls.make_keys("stranger")
        cls.strangers = cls.protect(stranger, token_store(stranger))
        return cls.protect(cls.keys, token_store(cls.keys))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_table()

    @classmethod
    def make_table(cls):
        """Make the table anew."""
        with cls.direct() as db:
            db.execute("DROP TABLE IF EXISTS people")
            db.execute(TABLE)

    def setUp(self):
        with self.direct() as db:
            db.execute("TRUNCATE people RESTART IDENTITY")

    @contextmanager
    def fresh(self, what: str):
        """An empty table for one of several ways."""
        self.setUp()
        with self.subTest(what):
            yield

    def fill(self, count: int) -> None:
        """Rows 1 and following, written through the chain."""
        names = ", ".join(PROTECTED)
        places = ", ".join(["%s"] * len(COLUMNS))
        with self.connect(self.served) as db, db.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO people (id, {names}, note) VALUES ({places})",
                [(number, *person(number)) for number in range(1, count + 1)],
            )

    def assert_stored(self, count: int) -> None:
        """So many rows, each value encrypted, and no value in the database's log."""
        with self.direct() as db:
            rows = db.execute(f"SELECT {', '.join(PROTECTED)} FROM people").fetchall()
        self.assertEqual(len(rows), count)
        for row in rows:
            for column, value in zip(PROTECTED, row, strict=True):
                if column == "phone":
                    self.assertNotIn("+37255508", value or "")
                elif value is not None:
                    self.assertIn(b"%%%", value)
                    self.assertFalse([one for one in SECRETS if one in value[:-4]])
        log = self.log()
        self.assertIn(b"people", log)
        self.assertFalse([one for one in SECRETS if one in log])

    def assert_masked(self, row: tuple) -> None:
        """The row of a client without the keys: bytes, masks and tokens, no value."""
        text = repr(row)
        self.assertFalse([one for one in SECRETS if one.decode() in text])
        self.assertIn("xxxx", text)
