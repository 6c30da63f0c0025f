"""Clients that check every reply, and connect again when a connection is lost."""

from __future__ import annotations

import random
import threading
import time

import psycopg

#: Seconds in which any single thing a client does must have ended, well or not.
PATIENCE = 15.0


class Client(threading.Thread):
    """Talks until ``until``; ``wrong`` are replies that were not what was asked for."""

    def __init__(self, port: int, number: int, until: float) -> None:
        super().__init__(daemon=True)
        self._port, self._number, self._until = port, number, until
        self._random = random.Random(number)
        self.wrong: list[str] = []
        self.replies = self.sessions = self.losses = 0
        self.longest = 0.0
        self._asked = 0

    def run(self) -> None:
        while time.monotonic() < self._until:
            began = time.monotonic()
            try:
                self._session()
            except (psycopg.OperationalError, psycopg.InterfaceError, ConnectionResetError):
                self.losses += 1
            except Exception as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
            self.longest = max(self.longest, time.monotonic() - began)

    def _connect(self, **options) -> psycopg.Connection:
        db = psycopg.connect(
            f"host=127.0.0.1 port={self._port} user=postgres dbname=postgres sslmode=disable "
            f"connect_timeout={int(PATIENCE)}",
            autocommit=True,
            **options,
        )
        self.sessions += 1
        return db

    def _session(self) -> None:
        with self._connect(prepare_threshold=2) as db:
            for _ in range(self._random.randrange(1, 12)):
                if time.monotonic() > self._until:
                    return
                self._random.choice(
                    (self._simple, self._prepared, self._rows, self._error, self._pipeline)
                )(db)

    def _expect(self, got, expected) -> None:
        self.replies += 1
        if got != expected:
            self.wrong.append(f"{got!r} instead of {expected!r}")

    def _unique(self) -> int:
        self._asked += 1
        return self._number * 1_000_000 + self._asked

    def _simple(self, db) -> None:
        number = self._unique()
        self._expect(db.execute(f"SELECT {number}").fetchall(), [(number,)])

    def _prepared(self, db) -> None:
        number = self._unique()
        self._expect(db.execute("SELECT %s::int + 1", (number,)).fetchall(), [(number + 1,)])

    def _rows(self, db) -> None:
        number, count = self._unique(), self._random.choice((0, 1, 300, 5000))
        rows = db.execute(
            f"SELECT {number}, n, repeat('x', 40) FROM generate_series(1, {count}) n"
        ).fetchall()
        self._expect(rows, [(number, n + 1, "x" * 40) for n in range(count)])

    def _error(self, db) -> None:
        try:
            db.execute("SELECT 1 / 0")
        except psycopg.errors.DivisionByZero:
            self._expect("refused", "refused")
        else:
            self._expect("answered", "refused")

    def _pipeline(self, db) -> None:
        numbers = [self._unique() for _ in range(5)]
        with db.pipeline():
            cursors = [db.execute("SELECT %s::int", (number,)) for number in numbers]
            self._expect([c.fetchall() for c in cursors], [[(number,)] for number in numbers])


class Lasting(Client):
    """Has numbers that no client before it had: what it writes may stay."""

    def _unique(self) -> int:
        return int(self._until * 1000) * 100_000_000 + super()._unique()


def run(port: int, clients: int, seconds: float) -> list[Client]:
    """So many clients for so long; all of them have ended when this returns."""
    until = time.monotonic() + seconds
    threads = [Client(port, number, until) for number in range(1, clients + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 4 * PATIENCE)
        assert not thread.is_alive(), "a client hangs"
    return threads
