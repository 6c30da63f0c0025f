"""Protected columns in a soak run: what is configured, what clients do, and what may be stored.

The databases refuse plaintext by themselves, by the definitions that ``acra-explain --ddl`` prints;
a client that sees such a refusal reports it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from acra_twisted.encryption.mysql import belt as mysql_belt
from acra_twisted.encryption.postgresql import belt
from acra_twisted.stages.columnsource import read_column_source

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email, age, raw, card, hidden, ident, nick, note]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: age, data_type: int32}
      - {column: raw}
      - {column: card, data_type: str, masking: "xxxx", plaintext_length: 4, plaintext_side: right}
      - {column: hidden, data_type: str, masking: "xxxx", plaintext_length: 4,
         plaintext_side: right, client_id: another}
      - {column: ident, token_type: int32, consistent_tokenization: true}
      - {column: nick, token_type: str, consistent_tokenization: true}
"""
#: Who owns the column `hidden`: the clients see its mask.
ANOTHER = "another"
NAMES = ("id", "name", "email", "age", "raw", "card", "hidden", "ident", "nick", "note")
#: The columns in which no value may be read.
SEALED = ("name", "email", "raw", "card", "hidden", "nick")
#: What each value of them has, and nothing else that is stored.
MARK = b"plainly"
ALL = ", ".join(NAMES)
_PLACES = ", ".join(["%s"] * len(NAMES))
INSERT = f"INSERT INTO people ({ALL}) VALUES ({_PLACES})"
#: Different values of the columns with tokens: the store of these does not grow for ever.
_TOKENS = 200
#: One row in so many stays, of each client.
_STAYING = 7


def row(number: int) -> tuple[Any, ...]:
    """Return what a client writes as row ``number``."""
    last = f"{number:015d}"
    return (
        number,
        f"plainly it's {number} \u017c\u00f3\u0142\u0107",
        f"plainly{number}@example.com",
        number % 1_000_003,
        b"plainly \0\xff'%d" % number,
        f"plainly{last}",
        f"plainly{last}",
        number % _TOKENS,
        f"plainly {number % _TOKENS}",
        f"note {number}",
    )


def shown(number: int) -> tuple[Any, ...]:
    """Return what the client reads of the row ``number``."""
    values = list(row(number))
    values[6] = f"xxxx{values[6][-4:]}"
    return tuple(values)


def literals(number: int, data: Callable[[bytes], str]) -> str:
    """Return the row as it is written in SQL; ``data`` is the database's way to write bytes."""
    return ", ".join(
        str(value)
        if isinstance(value, int)
        else data(value)
        if isinstance(value, bytes)
        else "'" + value.replace("'", "''") + "'"
        for value in row(number)
    )


def postgresql(path: Path) -> str:
    """Return the script that makes the table, with the columns that the file at ``path`` names."""
    settings = read_column_source(str(path), (), time.time())
    types = {"id": "bigint PRIMARY KEY", "ident": "int", "nick": "text", "note": "text"}
    table = ", ".join(f"{name} {types.get(name, 'bytea')}" for name in NAMES)
    indexes = [one.replace(" CONCURRENTLY", "") for one in belt.indexes(settings)]
    return "\n".join(
        (*belt.domains(settings), f"CREATE TABLE people ({table});", *belt.columns(settings))
        + tuple(indexes)
    )


def mysql(path: Path) -> str:
    """Return the same for MariaDB."""
    settings = read_column_source(str(path), (), time.time())
    types = {"id": "bigint PRIMARY KEY", "ident": "int", "note": "text"}
    table = ", ".join(f"{name} {types.get(name, 'varbinary(500)')}" for name in NAMES)
    return f"CREATE TABLE people ({table}) CHARACTER SET utf8mb4;\n{mysql_belt.script(settings)}"


def clear(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return the columns of `SEALED` that have something in clear, and how many rows."""
    found: dict[str, int] = {}
    for values in rows:
        for name, value in zip(SEALED, values, strict=True):
            stored = value.encode() if isinstance(value, str) else bytes(value or b"")
            if MARK in stored:
                found[name] = found.get(name, 0) + 1
    return [f"{name} is stored in clear in {count} rows" for name, count in found.items()]


class Talk:
    """Statements about protected columns that both databases know; for a client of `loads`.

    Each makes rows of its own, checks what it reads of them, and deletes nearly all.  The client
    runs a statement with ``_rows_of``, writes bytes in SQL with ``_data``, and tells with
    ``_is_refusal`` whether AcraServer has refused one.
    """

    def _columns(self, db: Any) -> None:
        """One of the statements."""
        chosen = (
            *(self._literal, self._parameters, self._several, self._updated, self._searched),
            *(self._tokens, self._undone, self._refused, self._temporary),
        )
        self._random.choice(chosen)(db)

    def _made(self, db: Any, count: int = 1) -> list[int]:
        """So many new rows, by parameters."""
        numbers = [self._unique() for _ in range(count)]
        for number in numbers:
            self._rows_of(db, INSERT, row(number))
        return numbers

    def _gone(self, db: Any, *numbers: int) -> None:
        for number in numbers:
            if number % _STAYING:
                self._rows_of(db, "DELETE FROM people WHERE id = %s", (number,))

    def _read_back(self, db: Any, number: int) -> None:
        found = self._rows_of(db, f"SELECT {ALL} FROM people WHERE id = %s", (number,))
        self._expect([as_written(one) for one in found], [shown(number)])

    def _literal(self, db: Any) -> None:
        number = self._unique()
        self._rows_of(db, f"INSERT INTO people ({ALL}) VALUES ({literals(number, self._data)})")
        found = self._rows_of(db, f"SELECT * FROM people WHERE id = {number}")
        self._expect([as_written(one) for one in found], [shown(number)])
        self._gone(db, number)

    def _parameters(self, db: Any) -> None:
        for number in self._made(db, 3):
            self._read_back(db, number)
            self._gone(db, number)

    def _several(self, db: Any) -> None:
        """Several rows in one statement."""
        numbers = [self._unique() for _ in range(self._random.choice((2, 10, 60)))]
        rows = ", ".join(f"({literals(number, self._data)})" for number in numbers)
        self._rows_of(db, f"INSERT INTO people ({ALL}) VALUES {rows}")
        found = self._rows_of(
            db,
            f"SELECT {ALL} FROM people WHERE id BETWEEN %s AND %s ORDER BY id",
            (numbers[0], numbers[-1]),
        )
        self._expect([as_written(one) for one in found], [shown(number) for number in numbers])
        self._gone(db, *numbers)

    def _updated(self, db: Any) -> None:
        (number,) = self._made(db)
        # Of a number that nobody gets.
        other = row(number + 50_000_000)
        self._rows_of(
            db,
            "UPDATE people SET name = %s, email = %s, age = %s, nick = %s WHERE id = %s",
            (other[1], other[2], other[3], other[8], number),
        )
        found = self._rows_of(
            db, "SELECT name, email, age, nick, card FROM people WHERE id = %s", (number,)
        )
        expected = (other[1], other[2], other[3], other[8], shown(number)[5])
        self._expect([as_written(one) for one in found], [expected])
        self._gone(db, number)

    def _searched(self, db: Any) -> None:
        number, other = self._made(db, 2)
        email = row(number)[2]
        found = self._rows_of(db, "SELECT id, name FROM people WHERE email = %s", (email,))
        self._expect([as_written(one) for one in found], [(number, row(number)[1])])
        text = f"SELECT id FROM people WHERE email IN ('{email}', 'plainly nobody')"
        self._expect([tuple(one) for one in self._rows_of(db, text)], [(number,)])
        self._gone(db, number, other)

    def _tokens(self, db: Any) -> None:
        (number,) = self._made(db)
        found = self._rows_of(
            db,
            "SELECT id, nick, ident FROM people WHERE nick = %s AND ident = %s AND id = %s",
            (row(number)[8], row(number)[7], number),
        )
        expected = (number, row(number)[8], row(number)[7])
        self._expect([as_written(one) for one in found], [expected])
        self._gone(db, number)

    def _undone(self, db: Any) -> None:
        """A transaction that is rolled back."""
        self._rows_of(db, "BEGIN")
        (number,) = self._made(db)
        self._read_back(db, number)
        self._rows_of(db, "ROLLBACK")
        found = self._rows_of(db, "SELECT name FROM people WHERE id = %s", (number,))
        self._expect(list(found), [])

    def _refused(self, db: Any) -> None:
        """Statements that cannot be protected are refused, and do nothing."""
        number = self._unique()
        text = self._random.choice(
            (
                "INSERT INTO people (id, name) VALUES ({}, upper('plainly refused'))",
                "UPDATE people SET name = concat(name, 'plainly') WHERE id = {}",
                "SELECT id FROM people WHERE name = 'plainly {}'",
                "SELECT id FROM people WHERE id < {} ORDER BY email",
            )
        ).format(number)
        try:
            self._rows_of(db, text)
        except Exception as error:
            if not self._is_refusal(error):
                raise
            self._expect("refused", "refused")
        else:
            self._expect("answered", "refused")
        found = self._rows_of(db, "SELECT id FROM people WHERE id = %s", (number,))
        self._expect(list(found), [])

    def _temporary(self, db: Any) -> None:
        """Another table for a moment, after which names may mean others."""
        name = f"apart_{self._number}"
        self._rows_of(db, f"CREATE TEMPORARY TABLE {name} (id int)")
        (number,) = self._made(db)
        self._read_back(db, number)
        self._rows_of(db, f"DROP TABLE {name}")
        self._gone(db, number)


def as_written(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of a row as `row` has them, whatever a driver makes of bytes."""
    return tuple(bytes(one) if isinstance(one, bytearray | memoryview) else one for one in values)


def is_refused(error: Exception) -> bool:
    """Tell whether PostgreSQL's client was refused a statement for its protected columns."""
    return isinstance(error, psycopg.Error) and error.sqlstate == "0A000"
