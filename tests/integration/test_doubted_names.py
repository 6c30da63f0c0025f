"""Pipelined statements whose names may still be those of others.

A Bind that is sent before the answer to a Parse means what had the name before, if the Parse fails.
"""

from __future__ import annotations

from tests.integration.base import raw_session
from tests.integration.protected import ProtectedCase
from tests.support.sessions import SYNC, bind, close, execute, messages, parse, query

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
"""
TABLE = "CREATE TABLE people (id int, name bytea, note text)"
SECRET = "Zaphodius"
NAME = b"INSERT INTO people (name) VALUES ($1)"
NOTE = b"INSERT INTO people (note) VALUES ($1)"
#: It is no statement.
WRONG = parse(b"", b"SELEC")
#: AcraServer refuses it.
REFUSED = parse(b"", b"UPDATE people SET name = name || 'a'")
RUN = bind(b"", b"s", [SECRET.encode()]) + execute() + SYNC


class Doubted(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = (SECRET,)

    def talk(self, raw, *requests: bytes) -> list[tuple[str, bytes]]:
        """Send each once all before it are answered; the messages of all replies."""
        replies = b""
        for number, request in enumerate(requests):
            raw.sendall(request)
            kinds = [kind for kind, _ in messages(request)]
            awaited = sum(kind in "QS" for kind in kinds)
            got = b""
            while got.count(b"Z\0\0\0\5") < awaited:
                more = raw.recv(1 << 16)
                assert more, f"the session ends behind request {number}"
                got += more
            replies += got
        return messages(replies)

    def names(self) -> list[bytes | None]:
        with self.direct() as db:
            return [name for (name,) in db.execute("SELECT name FROM people")]

    def test_values_for_what_a_name_may_still_mean(self):
        named, unnamed = parse(b"s", NAME) + SYNC, parse(b"", NAME) + SYNC
        again = parse(b"s", NOTE) + SYNC
        run = bind(b"", b"", [SECRET.encode()]) + execute() + SYNC
        known, failed = query(b"SELECT note FROM people"), query(b"BEGIN") + query(b"SELECT 1 / 0")
        for requests in (
            (named, again + RUN),
            (named + again + RUN,),
            (named, WRONG + close(b"S", b"s") + again + RUN),
            (unnamed, WRONG + parse(b"", NOTE) + SYNC + run),
            (query(b"PREPARE s AS " + NAME) + again + RUN,),
            (known, named + parse(b"s", b"SELECT 1") + REFUSED + SYNC + again + RUN),
            (known, named, failed, query(b"ROLLBACK") + parse(b"s", b"COMMIT") + SYNC + RUN),
        ):
            with raw_session(self.served.port) as raw:
                replies = self.talk(raw, *requests)
                self.assertEqual(replies[-2][0], "E", requests)
                self.assertIn(b"C0A000\0", replies[-2][1])
                # The session goes on.
                once_more = parse(b"t", NAME) + bind(b"", b"t", [b"x"]) + execute() + SYNC
                self.assertEqual(self.talk(raw, once_more)[-2], ("C", b"INSERT 0 1\0"))
        self.assertEqual(len(self.names()), 7)
        self.assert_encrypted("name")
        self.assert_not_logged(SECRET, SECRET.encode().hex())

    def test_values_for_what_a_name_certainly_means(self):
        named, again = parse(b"s", NAME) + SYNC, close(b"S", b"s") + parse(b"s", NAME) + SYNC
        for number, requests in enumerate(
            (
                (named + RUN,),
                (named + again + RUN,),
                (query(b"PREPARE p AS SELECT 1") + named + RUN,),
                (parse(b"", NOTE) + SYNC + parse(b"s", NAME) + RUN,),
            ),
            1,
        ):
            with raw_session(self.served.port) as raw:
                self.assertEqual(self.talk(raw, *requests)[-2], ("C", b"INSERT 0 1\0"), requests)
            self.assert_encrypted("name", rows=number)

    def test_prepared_ends_of_transactions_go_on_after_other_names_were_given(self):
        texts = (b"BEGIN", b"COMMIT", b"ROLLBACK")
        made = b"".join(parse(text, text) for text in texts) + SYNC
        begin, commit, rollback = (bind(b"", text) + execute() + SYNC for text in texts)
        put = query(b"INSERT INTO people (name) VALUES ('Zaphodius')")
        wrong = query(b"SELECT 1 / 0")
        with raw_session(self.served.port) as raw:
            for requests in (
                (begin, put, commit),
                (begin, put, wrong, rollback),
                (begin, rollback),
            ):
                self.talk(raw, query(b"DEALLOCATE ALL"), made, query(b"PREPARE p AS SELECT 1"))
                last = self.talk(raw, *requests)
                self.assertIn(last[-2], [("C", b"COMMIT\0"), ("C", b"ROLLBACK\0")])
                self.assertEqual(last[-1], ("Z", b"I"))
        self.assert_encrypted("name", rows=1)
