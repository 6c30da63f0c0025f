"""acra-rollback; tests/integration/test_rotating.py has a real database."""

import io
import os

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.crypto import acrablock, acrastruct
from acra_twisted.encryption.postgresql import bytea
from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC
from acra_twisted.tools import operatorconnection, rollback
from tests.support.selected import Selected
from tests.unit.tools.base import ToolCase

INSERT = "--insert=INSERT INTO clear VALUES ($1, 7);"


def run(ask):
    results = []
    Deferred.fromCoroutine(ask(None)).addBoth(results.append)
    if isinstance(results[0], Failure):
        results[0].raiseException()


class Rollback(ToolCase):
    def setUp(self):
        super().setUp()
        self.make_keys("--client_id=some client")
        self.warned = io.StringIO()
        self.patch(rollback, "ERRORS", self.warned)
        self.path = os.path.abspath(self.mktemp())

    def main(self, arguments, environment, output):
        rollback.main(arguments, environment, output, run)

    def block(self, text):
        [secret] = self.store.keys(STORAGE_SYMMETRIC, "some client")
        return bytea.encode(acrablock.create(text, secret.value, b"", os.urandom))

    def struct(self, text):
        public = self.store.public_key(STORAGE, "some client")
        return bytea.encode(acrastruct.create(text, public, b"", os.urandom))

    def flags(self, *words):
        return (
            *("--client_id=some client", f"--keys_dir={self.folder}"),
            *("--select=SELECT data FROM t", INSERT, *words),
        )

    def roll_back(self, client, *words):
        self.patch(operatorconnection, "DatabaseClient", client)
        return self.call(*self.flags(*words))

    def test_values_are_inserted_in_one_transaction(self):
        client = Selected([self.block(b"one")], [None], [self.struct(b"two")])
        self.assertEqual(self.roll_back(client, "--execute"), "2 values decrypted\n")
        self.assertEqual([values for _, values, _, _ in client.written], [(b"one",), (b"two",)])
        self.assertEqual(client.written[0][0], "INSERT INTO clear VALUES ($1, 7)")
        self.assertTrue(client.committed and client.closed)
        self.assertEqual(client.asked.count("COMMIT"), 1)
        self.assertEqual(self.warned.getvalue(), "")

    def test_columns_of_characters_get_characters(self):
        client = Selected([self.block(b"Ann")], [self.block(b"\0")], parameters=(25,))
        self.patch(operatorconnection, "DatabaseClient", client)
        self.refused(
            "row 2: the container cannot be opened: its value has", *self.flags("--execute")
        )
        [(_, values, types, formats)] = client.written
        self.assertEqual((values, types, formats), ((b"Ann",), (25,), (0,)))

    def test_a_file_has_the_statements(self):
        rows = [self.block(b"it's \\ \xff")], [self.block(b"$1")]
        self.roll_back(Selected(*rows), f"--output_file={self.path}")
        with open(self.path) as file:
            self.assertEqual(
                file.read(),
                "INSERT INTO clear VALUES ('\\x697427"
                "73205c20ff', 7);\n"
                "INSERT INTO clear VALUES ('\\x2431', 7);\n",
            )
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        self.assertIn("has values in clear", self.warned.getvalue())
        again = self.path + ".escaped"
        self.roll_back(Selected(*rows), f"--output_file={again}", "--escape")
        with open(again) as file:
            self.assertIn("VALUES ('it\\047s \\134 \\377', 7);\n", file.read())

    def test_a_file_that_is_there_is_never_overwritten(self):
        with open(self.path, "w") as file:
            file.write("kept")
        self.patch(operatorconnection, "DatabaseClient", Selected([self.block(b"one")]))
        self.assertRaises(OSError, self.call, *self.flags(f"--output_file={self.path}"))
        with open(self.path) as file:
            self.assertEqual(file.read(), "kept")

    def test_values_that_do_not_open_are_told_and_do_not_hinder_others(self):
        other = bytea.encode(acrablock.create(b"x", bytes(32), b"", os.urandom))
        client = Selected([other], [self.block(b"two")], [b"plain secret"])
        self.patch(operatorconnection, "DatabaseClient", client)
        self.refused("2 values do not open", *self.flags("--execute"))
        self.assertEqual(len(client.written), 1)
        self.assertTrue(client.committed)

    def test_an_error_of_the_database_undoes_all(self):
        client = Selected([self.block(b"one")])
        client.fails = True
        self.patch(operatorconnection, "DatabaseClient", client)
        self.refused("the database says 23505", *self.flags("--execute"))
        self.assertFalse(client.committed)
        self.assertTrue(client.closed)

    def test_mistakes(self):
        select = "--select=SELECT data FROM t"
        client = "--client_id=some client"
        self.refused(
            "doesn't contain any placeholders", client, select, "--insert=INSERT", "--execute"
        )
        self.refused(
            "doesn't contain any placeholders", client, select, "--insert=x $10", "--execute"
        )
        self.refused("nothing to do", client, select, INSERT)
        self.refused("not one of MySQL", client, select, INSERT, "--execute", "--mysql_enable")
        self.refused("zones", client, select, INSERT, "--execute", "--zonemode_enable")
        self.patch(operatorconnection, "DatabaseClient", Selected([b"1", b"2"]))
        self.refused("expected one column", *self.flags("--execute"))
        self.patch(operatorconnection, "DatabaseClient", Selected(parameters=(17, 17)))
        self.refused("expected one placeholder", *self.flags("--execute"))

    def test_options_of_acra_that_change_nothing(self):
        acra = ("--postgresql_enable", "--zonemode_enable=false", "--mysql_enable=false")
        told = self.roll_back(Selected([self.block(b"one")]), "--execute", *acra)
        self.assertEqual(told, "1 values decrypted\n")
