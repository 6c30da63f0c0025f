"""Clients of a soak run, beside `tests.support.loads`: each checks every reply it gets."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Mapping, Sequence

import asyncpg
import psycopg

from tests.support import loads

SECRETS = 200


def secret(number: int) -> bytes:
    """Return the content of row ``number`` of the table ``secrets``, in clear."""
    return b"secret %d " % number * 3


class Protected(loads.Client):
    """Reads what is encrypted, and is refused what is forbidden."""

    def _session(self) -> None:
        with self._connect() as db:
            for _ in range(20):
                if time.monotonic() > self._until:
                    return
                self._random.choice((self._read, self._read, self._denied, self._aborted))(db)

    def _read(self, db) -> None:
        number, binary = self._random.randrange(SECRETS), self._random.random() < 0.5
        cursor = db.cursor(binary=binary)
        rows = cursor.execute(
            "SELECT id, data FROM secrets WHERE id BETWEEN %s AND %s ORDER BY id",
            (number, number + 5),
        ).fetchall()
        wanted = range(number, min(number + 6, SECRETS))
        self._expect(rows, [(n, secret(n)) for n in wanted])

    def _denied(self, db) -> None:
        try:
            db.execute("SELECT * FROM forbidden")
        except psycopg.errors.SyntaxErrorOrAccessRuleViolation:
            self._expect("refused", "refused")
        else:
            self._expect("answered", "refused")

    def _aborted(self, db) -> None:
        """A refusal in a transaction leaves it aborted, and nothing of it done."""
        number = self._unique()
        try:
            with db.transaction():
                db.execute("INSERT INTO written VALUES (%s)", (number,))
                db.execute("SELECT * FROM forbidden")
        except psycopg.errors.SyntaxErrorOrAccessRuleViolation:
            pass
        found = db.execute("SELECT count(*) FROM written WHERE id = %s", (number,)).fetchone()
        self._expect(found, (0,))


class Cancelling(loads.Client):
    """Has its own statements cancelled."""

    def _session(self) -> None:
        with self._connect() as db:
            # Not db.cancel(): it keeps the interpreter until it has been answered.
            canceller = threading.Timer(0.1, self._cancel, (db,))
            canceller.start()
            try:
                db.execute("SELECT pg_sleep(10)")
            except psycopg.errors.QueryCanceled:
                self._expect("cancelled", "cancelled")
            finally:
                canceller.join()
            self._simple(db)

    @staticmethod
    def _cancel(db) -> None:
        try:
            db.cancel_safe(timeout=loads.PATIENCE)
        except psycopg.Error:
            pass  # The connection is gone, which the other thread finds out.


#: Errors by which a database ends a session, or does not begin one.
_LOST = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)


class Asyncpg(loads.Client):
    """Another driver: binary results, statements prepared by default."""

    def _session(self) -> None:
        try:
            asyncio.run(self._talk())
        except (OSError, *_LOST, asyncpg.InterfaceError, TimeoutError) as error:
            raise psycopg.OperationalError(type(error).__name__) from None
        except asyncpg.InternalClientError as error:
            # The end of a session that was told between two statements (57P01): the driver is
            # still at it when it is asked for the next.  Whatever else it finds is wrong.
            if "another operation (2) is in progress" not in str(error):
                raise
            raise psycopg.OperationalError("told of its end") from None

    async def _talk(self) -> None:
        db = await asyncpg.connect(
            host="127.0.0.1",
            port=self._port,
            user="postgres",
            database="postgres",
            ssl=False,
            timeout=loads.PATIENCE,
            command_timeout=loads.PATIENCE,
        )
        try:
            self.sessions += 1
            for _ in range(20):
                if time.monotonic() > self._until:
                    return
                await self._exchange(db)
            await db.close(timeout=loads.PATIENCE)
        finally:
            # Nothing is left to do where it was closed; one that was lost cannot say goodbye.
            db.terminate()

    async def _exchange(self, db: asyncpg.Connection) -> None:
        number = self._unique()
        self._expect(await db.fetchval("SELECT $1::int + 1", number), number + 1)
        rows = await db.fetch("SELECT generate_series($1::int, $2)", number, number + 20)
        self._expect([row[0] for row in rows], list(range(number, number + 21)))


#: The kinds of clients of PostgreSQL.
KINDS: tuple[type[loads.Client], ...] = (loads.Client, Protected, Cancelling, Asyncpg)


def start(
    ports: Mapping[int, Sequence[type[loads.Client]]], seconds: float, each: int = 2
) -> list[loads.Client]:
    """``each`` of every kind, by the port that it talks to, for so long."""
    until = time.monotonic() + seconds
    kinds = [(port, kind) for port, chosen in ports.items() for kind in chosen]
    found = [
        kind(port, 1 + place * 10 + number, until)
        for place, (port, kind) in enumerate(kinds)
        for number in range(each)
    ]
    random.Random(1).shuffle(found)
    for one in found:
        one.start()
    return found
