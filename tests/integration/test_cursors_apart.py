"""Cursors of protected columns that are declared or closed apart from their Bind, or never."""

from __future__ import annotations

from tests.integration.base import raw_session
from tests.integration.test_fetched_portals import AGES, NAMES, FetchedBase
from tests.support.sessions import SYNC, bind, execute, parse, query

DECLARE_NAMES, DECLARE_AGES = b"DECLARE c CURSOR FOR " + NAMES, b"DECLARE c CURSOR FOR " + AGES
FETCH = query(b"FETCH ALL FROM c")


class CursorsApart(FetchedBase):
    def begin(self, raw, *texts):
        """Begin a transaction, and prepare these statements: s0, s1 and so on."""
        self.talk(raw, query(b"ROLLBACK; DEALLOCATE ALL"))
        self.talk(raw, query(b"BEGIN"))
        self.talk(raw, *(parse(b"s%d" % n, text) for n, text in enumerate(texts)), SYNC)

    def fetched(self, raw):
        """The number of names and of ages that FETCH shows."""
        got = self.talk(raw, FETCH)
        return got.count(b"Zaphodius"), got.count(b"4711")

    def test_a_cursor_that_is_declared_apart(self):
        """Another one of its name was bound behind it."""
        for batches in (True, False):
            with raw_session(self.free.port) as raw:
                self.begin(raw, DECLARE_NAMES, DECLARE_AGES)
                steps = [bind(b"p0", b"s0"), bind(b"p1", b"s1"), execute(b"p0")]
                if batches:
                    got = self.talk(raw, *steps, SYNC)
                else:
                    got = b"".join([self.talk(raw, step, SYNC) for step in steps])
                self.assertIn(b"execute it behind that", got)

    def test_a_cursor_that_is_bound_and_not_declared(self):
        with raw_session(self.free.port) as raw:
            for first, second, found in ((b"s0", b"s1", (6, 0)), (b"s1", b"s0", (0, 6))):
                self.begin(raw, DECLARE_NAMES, DECLARE_AGES)
                self.talk(raw, bind(b"", first), execute(), SYNC)
                self.talk(raw, bind(b"p1", second), SYNC)
                self.assertEqual(self.fetched(raw), found)

    def test_a_cursor_that_is_closed_apart_or_not_at_all(self):
        with raw_session(self.free.port) as raw:
            self.begin(raw, DECLARE_AGES, b"CLOSE c")
            self.talk(raw, bind(b"", b"s0"), execute(), SYNC)
            self.talk(raw, bind(b"p1", b"s1"), SYNC)
            self.assertEqual(self.fetched(raw), (0, 6))
            self.assertIn(b"execute it behind that", self.talk(raw, execute(b"p1"), SYNC))
            self.begin(raw, DECLARE_AGES, b"CLOSE c", DECLARE_NAMES)
            for number in (b"0", b"1", b"2"):
                self.talk(raw, bind(b"", b"s" + number), execute(), SYNC)
            self.assertEqual(self.fetched(raw), (6, 0))

    def test_all_in_one_batch(self):
        with raw_session(self.free.port) as raw:
            self.begin(raw, DECLARE_AGES, b"FETCH ALL FROM c", b"CLOSE c", DECLARE_NAMES)
            steps = [bind(b"", b"s%d" % number) + execute() for number in (0, 1, 2, 3, 1)]
            got = self.talk(raw, *steps, SYNC)
            self.assertEqual((got.count(b"Zaphodius"), got.count(b"4711")), (6, 6))

    def test_who_may_not_read_everything_reads_no_cursor_of_a_union(self):
        with raw_session(self.served.port) as raw:
            for declare in (DECLARE_AGES, DECLARE_NAMES):
                self.talk(raw, query(b"ROLLBACK"))
                self.talk(raw, query(b"BEGIN"))
                self.assertIn(b"DECLARE CURSOR", self.talk(raw, query(declare)))
                self.assertIn(b"42501", self.talk(raw, FETCH))
