"""Values that are stored and searched for, with the keys of the session's client."""

from acra_twisted import purposes
from acra_twisted.encryption.postgresql.arrays import to_array
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.exchange import ToldType
from acra_twisted.stages.columnencoding import INLINE
from acra_twisted.stages.encryptor import Encryptor
from acra_twisted.verdicts import PASS
from tests.support.containers import CLIENT
from tests.support.encryptors import EMAIL, SEARCHED, SECRET, BoundCase, EncryptorCase


class Stores(EncryptorCase):
    def test_many_values_are_a_workers(self):
        rows = ", ".join(f"({n}, 'v{n}')" for n in range(INLINE + 1))
        sent = self.sent(f"INSERT INTO people (id, name) VALUES {rows}")
        self.assertEqual(self.values(sent), [b"v%d" % n for n in range(INLINE + 1)])


class Searches(BoundCase):
    def setUp(self):
        super().setUp()
        self.stage = Encryptor(SEARCHED, self.bench.keys, self.workers, lambda: self.now)

    def prefixes(self, value=SECRET, *keys):
        return Prefixes(EMAIL, keys or [b"h" * 32]).all(value.encode())

    def test_a_literal_that_is_compared_becomes_its_prefixes(self):
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        sent = self.sent(f"SELECT id FROM people WHERE name = '{SECRET}'")
        self.assertNotIn(SECRET.encode(), sent)
        for prefix in self.prefixes(SECRET, b"n" * 32, b"h" * 32):
            self.assertIn(prefix.hex().encode(), sent)
        self.assertEqual(self.exchange.attributes["acra.columns_searched"], 1)
        self.assertNotIn("acra.search_foreign_owner", self.exchange.attributes)

    def test_a_value_is_stored_and_searched_for_at_once(self):
        sent = self.sent(f"UPDATE people SET name = 'x' WHERE name = '{SECRET}'")
        self.assertIn(self.prefixes()[0].hex().encode(), sent)
        attributes = self.exchange.attributes
        counted = [attributes[f"acra.columns_{what}"] for what in ("encrypted", "searched")]
        self.assertEqual(counted, [1, 1])

    def test_a_column_of_another_owner_is_searched_with_the_clients_own_keys(self):
        self.bench.keys.put(purposes.SEARCH_HMAC, b"o" * 32, "other")
        sent = self.sent(f"SELECT id FROM people WHERE key = '{SECRET}'")
        self.assertIn(self.prefixes()[0].hex().encode(), sent)
        self.assertNotIn(self.prefixes(SECRET, b"o" * 32)[0].hex().encode(), sent)
        self.assertEqual(self.exchange.attributes["acra.search_foreign_owner"], "people.key")

    def test_parameters_that_are_compared(self):
        statement = self.prepare(
            "SELECT id FROM people WHERE name = $1 OR name = ANY($2)", types=(1043, 0)
        )
        self.assertEqual(statement.types, [1001, 1001])
        self.assertEqual(statement.told, [ToldType(1, 25), ToldType(2, 1009)])
        sent = self.bind(statement, [SECRET.encode(), b"{a,NULL}"]).item
        self.assertEqual(sent.formats, [1, 1])
        self.assertEqual(sent.values[0], to_array(self.prefixes()))
        self.assertEqual(sent.values[1], to_array([*self.prefixes("a"), None]))

    def test_columns_are_compared_with_each_other_as_long_as_there_is_one_key(self):
        text = "SELECT a.id FROM people a JOIN people b ON a.name = b.name"
        self.assertIn(b"substr(a.name, 1, 33) = ", self.sent(text))
        prepared = self.prepare(text)
        self.assertIs(self.bind(prepared, []), PASS)
        by_sql, _ = self.judge(f"PREPARE p AS {text}")
        self.refused(by_sql)
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        verdict, _ = self.judge(text)
        self.assertIn("people.name", self.refused(verdict))
        self.refused(self.bind(prepared, []))

    def test_what_the_stored_values_cannot_answer_is_refused(self):
        for condition in ("name < 'a'", "name LIKE 'a%'", "name = note", "upper(name) = 'A'"):
            verdict, _ = self.judge(f"SELECT id FROM people WHERE {condition}")
            self.refused(verdict)
