"""Rows that clients copy into tables with protected columns, and out of them."""

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from acra_twisted.exchange import Unload
from acra_twisted.interfaces import ILoad
from acra_twisted.verdicts import PASS, Deny
from tests.support.encryptors import SECRET, EncryptorCase


class Loading(EncryptorCase):
    def load(self, text="COPY people (id, name, age) FROM STDIN"):
        verdict, statement = self.judge(text)
        self.assertIs(verdict, PASS)
        load = statement.copies.load(self.exchange)
        verifyObject(ILoad, load)
        return load

    def fed(self, load, *pieces):
        found = b""
        for piece in (*pieces, None):
            if piece is None:
                verdict = load.finish(b"", self.exchange)
            else:
                verdict = load.feed(piece, self.exchange)
            found += self.settled(verdict).item
        return found

    def secrets(self, data, column):
        return [
            self.opened(bytes.fromhex(row.split(b"\t")[column][3:].decode()))
            for row in data.splitlines()
        ]

    def test_values_are_encrypted(self):
        made = self.fed(self.load(), b"1\tAnna\t42\n2\tBe", b"rta\t7")
        self.assertEqual(self.secrets(made, 1), [b"Anna", b"Berta"])
        self.assertEqual(self.secrets(made, 2), [b"42", b"7"])
        self.assertEqual([row[:2] for row in made.splitlines()], [b"1\t", b"2\t"])
        self.assertEqual(self.session.observer.values("encrypted"), 4)

    def test_many_rows_are_encrypted_in_turns_of_the_reactor(self):
        load = self.load()
        data = b"".join(b"%d\tname %d\t%d\n" % (n, n, n) for n in range(400))
        verdict = load.feed(data, self.exchange)
        self.assertIsInstance(verdict, Deferred)
        turns = 0
        while self.workers.turns:
            turns += 1
            self.workers.step()
        made = self.successResultOf(verdict).item
        self.assertEqual(self.secrets(made, 1), [b"name %d" % n for n in range(400)])
        self.assertEqual(self.workers.waiting, [])
        # No more than 42 values in one.
        self.assertGreater(turns * 42, 800)

    def test_rows_of_which_one_may_be_long_are_encrypted_by_a_worker(self):
        load = self.load()
        name = b"x" * 300_000
        verdict = load.feed(b"1\t%b\t2\n" % name, self.exchange)
        self.assertEqual((len(self.workers.waiting), self.workers.turns), (1, []))
        self.assertEqual(self.secrets(self.settled(verdict).item, 1), [name])

    def test_a_value_that_its_column_does_not_have(self):
        verdict = self.load().feed(f"1\ta\t{SECRET}\n".encode(), self.exchange)
        self.assertIn("people.age", self.refused(verdict, b"22P02"))

    def test_rows_that_are_none(self):
        load = self.load()
        self.refused(self.settled(load.feed(b"1\t2\n", self.exchange)), b"22P04")
        load = self.load("COPY people (name) FROM STDIN (FORMAT binary)")
        self.settled(load.feed(b"PGCOPY\n", self.exchange))
        self.refused(self.settled(load.finish(b"", self.exchange)), b"22P04")

    def test_an_owner_without_a_key(self):
        load = self.load("COPY people (key) FROM STDIN")
        self.refused(self.settled(load.feed(b"x\n", self.exchange)))

    def test_an_encoding_that_has_become_another(self):
        load = self.load()
        self.session.parameters = {b"client_encoding": b"SJIS"}
        verdict = self.settled(load.feed(b"1\ta\t2\n", self.exchange))
        self.assertIs(type(verdict), Deny)

    def test_columns_that_are_not_protected_pass(self):
        for text in (
            "COPY people (id, note) FROM STDIN",
            "COPY people (id) TO STDOUT",
            "COPY t FROM STDIN",
            "SELECT name FROM people",
        ):
            self.assertIsNone(self.judge(text)[1].copies)

    def test_with_a_prepared_statement(self):
        _, statement = self.judge("COPY people (name) FROM STDIN", b"s", ())
        self.assertIsNotNone(statement.copies.load)

    def test_what_is_copied_out_is_read_value_by_value(self):
        text = (
            "SELECT 1; COPY people (id, name) TO STDOUT; COPY (SELECT name n FROM people) TO STDOUT"
        )
        verdict, statement = self.judge(text)
        self.assertIs(verdict, PASS)
        self.assertIsNone(statement.copies.load)
        self.assertEqual(
            statement.copies.unloads,
            [None, Unload({}, ("id", "name"), (0, 17)), Unload({}, ("n",), (17,))],
        )
        meaning = statement.meanings[1]
        self.assertEqual(
            [one.setting and one.setting.name for one in meaning.results], [None, "name"]
        )
