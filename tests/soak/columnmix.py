"""Clients of a soak run that use protected columns of PostgreSQL."""

from __future__ import annotations

import time
from io import BytesIO
from typing import Any

import asyncpg

from tests.soak import columns, mix
from tests.support import loads

_COPIED = 40


class Columns(columns.Talk, loads.Lasting):
    """psycopg: simple queries, parameters, prepared statements, COPY, cursors, pipelines."""

    def _session(self) -> None:
        with self._connect(prepare_threshold=self._random.choice((0, 2, None))) as db:
            for _ in range(self._random.randrange(1, 12)):
                if time.monotonic() > self._until:
                    return
                own = (self._copied, self._fetched, self._piped)
                self._random.choice((self._columns, self._columns, self._random.choice(own)))(db)

    def _rows_of(self, db, text, values=()) -> list[Any]:
        cursor = db.execute(text, values or None, binary=self._random.random() < 0.3)
        return cursor.fetchall() if cursor.description else []

    def _data(self, value: bytes) -> str:
        return f"'\\x{value.hex()}'"

    def _is_refusal(self, error: Exception) -> bool:
        return columns.is_refused(error)

    def _copied(self, db) -> None:
        """Rows come by COPY and go by it."""
        numbers = [self._unique() for _ in range(_COPIED)]
        with db.cursor() as cursor, cursor.copy(f"COPY people ({columns.ALL}) FROM STDIN") as copy:
            for number in numbers:
                copy.write_row(columns.row(number))
        between = f"WHERE id BETWEEN {numbers[0]} AND {numbers[-1]}"
        with db.cursor().copy(
            f"COPY (SELECT id, name, card FROM people {between}) TO STDOUT"
        ) as to:
            found = sorted(to.rows(), key=lambda one: int(one[0]))
        expected = [(str(n), columns.row(n)[1], columns.row(n)[5]) for n in numbers]
        self._expect(found, expected)
        db.execute(f"DELETE FROM people {between}")

    def _fetched(self, db) -> None:
        """Rows come through a cursor of the server."""
        numbers = self._made(db, 4)
        with db.transaction(), db.cursor("fetched") as cursor:
            cursor.itersize = 2
            text = f"SELECT {columns.ALL} FROM people WHERE id BETWEEN %s AND %s ORDER BY id"
            cursor.execute(text, (numbers[0], numbers[-1]))
            found = [columns.as_written(one) for one in cursor]
        self._expect(found, [columns.shown(number) for number in numbers])
        self._gone(db, *numbers)

    def _piped(self, db) -> None:
        """Several requests are on their way at once."""
        numbers = [self._unique() for _ in range(5)]
        with db.pipeline():
            for number in numbers:
                db.execute(columns.INSERT, columns.row(number))
            read = [
                db.execute("SELECT name, email FROM people WHERE id = %s", (number,))
                for number in numbers
            ]
            found = [cursor.fetchall() for cursor in read]
        self._expect(found, [[columns.row(number)[1:3]] for number in numbers])
        self._gone(db, *numbers)


class AsyncColumns(mix.Asyncpg, loads.Lasting):
    """asyncpg: statements that it prepares, values in binary form, COPY in binary form."""

    async def _exchange(self, db: asyncpg.Connection) -> None:
        numbers = [self._unique() for _ in range(4)]
        rows = [columns.row(number) for number in numbers]
        places = ", ".join(f"${place}" for place in range(1, len(columns.NAMES) + 1))
        insert = f"INSERT INTO people ({columns.ALL}) VALUES ({places})"
        await db.executemany(insert, rows)
        select = f"SELECT {columns.ALL} FROM people WHERE id BETWEEN $1 AND $2 ORDER BY id"
        found = await db.fetch(select, numbers[0], numbers[-1])
        self._expect([tuple(one) for one in found], [columns.shown(number) for number in numbers])
        found = await db.fetch("SELECT id FROM people WHERE email = $1", rows[0][2])
        self._expect([tuple(one) for one in found], [(numbers[0],)])
        to = BytesIO()
        query = "SELECT name FROM people WHERE id = $1"
        await db.copy_from_query(query, numbers[0], output=to)
        self._expect(to.getvalue().decode().rstrip("\n"), rows[0][1])
        await db.execute("DELETE FROM people WHERE id BETWEEN $1 AND $2", numbers[0], numbers[-1])


def kinds() -> tuple[type[loads.Client], ...]:
    """Each kind of client."""
    return Columns, AsyncColumns
