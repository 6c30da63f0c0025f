"""Files that clients load into tables with protected columns."""

from zope.interface.verify import verifyObject

from acra_twisted.interfaces import ILoad
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.mysql.filerows import split
from tests.unit.stages.test_mysqlencryptor import Case

TEXT = "LOAD DATA LOCAL INFILE 'f' INTO TABLE people CHARACTER SET utf8mb4 (id, name, age)"


class Loading(Case):
    def load(self, text=TEXT):
        verdict, statement, exchange = self.judge(text)
        self.assertIsInstance(verdict, Replace)
        self.exchange = exchange
        load = statement.copies.load(exchange)
        verifyObject(ILoad, load)
        self.failing = statement.copies.failing
        return load

    def fed(self, load, *pieces):
        made = b""
        for piece in pieces:
            made += self.settled(load.feed(piece, self.exchange)).item
        return made + self.settled(load.finish(b"", self.exchange)).item

    def test_values_are_encrypted(self):
        made = self.fed(self.load(), b"1\tZaphod\t42\n2\tFo", b"rd\t-7\n3\t\\N\t\\N")
        rows = [split(row + b"\n") for row in made.splitlines()]
        self.assertEqual([row[0] for row in rows], [b"1", b"2", b"3"])
        self.assertEqual(rows[2], [b"3", b"\\N", b"\\N"])
        for row in rows[:2]:
            stored = bytes.fromhex(row[1].decode())
            self.assertTrue(stored.startswith(b"%%%"), stored)
            int(row[2])
        self.assertNotIn(b"Zaphod".hex().encode(), made)
        self.assertNotEqual(rows[0][2], b"42")
        self.assertEqual(self.exchange.session.observer.values("encrypted"), 2)
        self.assertEqual(self.exchange.session.observer.values("tokenized"), 2)

    def test_the_statement_is_another(self):
        _, statement, _ = self.judge(TEXT)
        self.assertIn(b"(id, @acra_load_2, @acra_load_3) SET name = ", statement.text)
        self.assertEqual(self.load() and self.failing, b"\\N\t(\t(\n")

    def test_the_database_is_asked_for_the_character_set_of_a_file_without_one(self):
        text = TEXT.replace(" CHARACTER SET utf8mb4", "")
        self.bench.charset = "latin1"
        load = self.load(text)
        self.assertIn(b"@@character_set_database", self.bench.asked[-1])
        self.assertIsInstance(self.settled(load.feed(b"1\t\xe9\t2\n", self.exchange)), Replace)
        self.bench.charset = "utf8mb4"
        load = self.load(text)
        verdict = self.settled(load.feed(b"1\t\xe9\t2\n", self.exchange))
        self.assert_denied(verdict, 1366)

    def test_character_sets_that_are_not_read(self):
        for name in ("gbk", "sjis"):
            self.assert_denied(self.judge(TEXT.replace("utf8mb4", name))[0])
            self.bench.charset = name
            self.assert_denied(self.judge(TEXT.replace(" CHARACTER SET utf8mb4", ""))[0])
        self.bench.refuses = (self.bench.asked[-1],)
        self.assert_denied(self.judge(TEXT.replace(" CHARACTER SET utf8mb4", ""))[0])

    def test_it_is_not_prepared(self):
        self.assert_denied(self.judge(TEXT, prepared=True)[0])

    def test_values_and_rows_that_are_refused(self):
        for data, number in ((b"1\tZaphod\tForty\n", 1366), (b"1\tZaphod\n", 1366)):
            verdict = self.settled(self.load().feed(data, self.exchange))
            self.assertIsInstance(verdict, Deny)
            self.assertEqual(verdict.errno, number)
            self.assertNotIn("Zaphod", verdict.text)
            self.assertNotIn("Forty", verdict.text)

    def test_columns_that_are_not_protected_pass(self):
        for table in ("people (id, note)", "orders"):
            _, statement, _ = self.judge(f"LOAD DATA LOCAL INFILE 'f' INTO TABLE {table}")
            self.assertIsNone(statement.copies)
