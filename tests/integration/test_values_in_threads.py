"""Arrays and copied rows are encrypted in threads: answers keep their order, clients that go and a
server that stops leave nothing half done."""

from __future__ import annotations

import os
import signal
import socket
import threading

import psycopg

from tests.integration.base import eventually
from tests.support.people import PeopleCase

#: Elements of an array, and rows of a copy.
MANY = 2_000
STORED = (
    "INSERT INTO people (id, name, email) SELECT * FROM unnest(%s::int[], %s::text[], %s::text[])"
)


def values(first: int) -> tuple[list[int], list[str], list[str]]:
    """Numbers, names and addresses of many rows."""
    numbers = list(range(first, first + MANY))
    names = [f"Zaphodius {number}" for number in numbers]
    return numbers, names, [f"zaphodius{number}@example.com" for number in numbers]


class Threads(PeopleCase):
    def assert_well(self, server):
        """The server has no error of its own, and sessions go on."""
        shown = server.output()
        self.assertNotIn("Traceback", shown)
        self.assertNotIn("Unhandled", shown)

    def assert_whole(self):
        """All rows of each array and copy are there, or none."""
        with self.direct() as db:
            count = db.execute("SELECT count(*) FROM people").fetchone()[0]
            self.assertEqual(count % MANY, 0)
            parts = db.execute("SELECT count(*) FROM people GROUP BY id / %s", (MANY,)).fetchall()
        self.assertEqual({part for (part,) in parts} - {MANY}, set())
        if count:
            self.assert_stored(count)
        return count

    def test_answers_come_in_their_order(self):
        """Short work stands between long in one session."""
        with self.connect(self.served) as db:
            _, _, emails = values(0)
            with db.pipeline():
                wanted, found = [], []
                for turn in range(6):
                    db.execute(STORED, values(turn * MANY))
                    found.append(db.execute("SELECT %s::int, 'short'", (turn,)))
                    wanted.append([(turn, "short")])
                    one = emails[turn]
                    found.append(db.execute("SELECT id FROM people WHERE email = %s", (one,)))
                    wanted.append([(turn,)])
                    found.append(
                        db.execute(
                            "SELECT count(*)::int, min(id) FROM people WHERE email = ANY(%s)",
                            (emails[turn : turn + MANY // 2],),
                        )
                    )
                    wanted.append([(MANY // 2, turn)])
                    db.execute("UPDATE people SET note = %s WHERE id = %s", (f"turn {turn}", turn))
                self.assertEqual([each.fetchall() for each in found], wanted)
            notes = db.execute("SELECT note FROM people WHERE note IS NOT NULL ORDER BY id")
            self.assertEqual(notes.fetchall(), [(f"turn {turn}",) for turn in range(6)])
        self.assertEqual(self.assert_whole(), 6 * MANY)

    def test_sessions_do_not_wait_for_each_other(self):
        with self.connect(self.served) as short, self.connect(self.served) as long, long.pipeline():
            for turn in range(4):
                long.execute(STORED, values(turn * MANY))
            long.pgconn.flush()
            for number in range(50):
                found = short.execute("SELECT %s::int", (number,)).fetchone()
                self.assertEqual(found, (number,))
        self.assertEqual(self.assert_whole(), 4 * MANY)

    def begin(self, chain, turn):
        """Ask for much and do not wait for the answer."""
        db = self.connect(chain)
        raw = db.pgconn
        raw.nonblocking = 1
        numbers, names, emails = ("{%s}" % ",".join(map(str, each)) for each in values(turn * MANY))
        text = STORED.replace("%s", "$1", 1).replace("%s", "$2", 1).replace("%s", "$3", 1)
        raw.send_query_params(text.encode(), [each.encode() for each in (numbers, names, emails)])
        raw.flush()
        return db

    def test_clients_that_go_in_the_middle(self):
        for turn in range(20):
            db = self.begin(self.served, turn)
            if turn % 2:
                # What is on its way arrives; then it is gone.
                eventually(lambda db=db: db.pgconn.flush() == 0, "all is sent")
            with socket.socket(fileno=os.dup(db.fileno())) as taken:
                taken.shutdown(socket.SHUT_RDWR)
            db.close()
        with self.connect(self.served) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM pg_class").rowcount, 1)
        others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        others += " AND pid <> pg_backend_pid()"
        with self.direct() as db:
            eventually(lambda: db.execute(others).fetchone() == (0,), "all sessions have ended")
        self.assert_whole()
        self.assert_well(self.served.server)

    def test_a_server_that_stops_in_the_middle(self):
        chain = self.protect(self.keys, {"tokens": {"token_store": "memory"}})
        dbs = [self.begin(chain, turn) for turn in range(4)]
        ended = []

        def copy(turn):
            try:
                with self.connect(chain) as db:
                    numbers, names, emails = values(turn * MANY)
                    with db.cursor().copy("COPY people (id, name, email) FROM STDIN") as rows:
                        for row in zip(numbers, names, emails, strict=True):
                            rows.write_row(row)
            except psycopg.Error as error:
                ended.append(error)

        threads = [threading.Thread(target=copy, args=(turn,)) for turn in range(4, 8)]
        for thread in threads:
            thread.start()
        chain.server.send(signal.SIGTERM)
        self.assertEqual(chain.server.wait(30), 0)
        for thread in threads:
            thread.join(20)
            self.assertFalse(thread.is_alive())
        for db in dbs:
            db.close()
        self.assert_whole()
        self.assert_well(chain.server)
