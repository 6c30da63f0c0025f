"""Search prefixes."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.searching import SIZE, Prefixes, is_prefixed, normalized
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting
from tests.support.vectors import encryption, unhex

EMAIL = ColumnSetting("", "people", "email", SEARCHABLE)
NAME = ColumnSetting("", "people", "name", SEARCHABLE)
OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def scoped(setting):
    return setting._replace(scoped=True)


class Shared(SynchronousTestCase):
    def test_the_vectors(self):
        """The original's own."""
        (key,) = unhex(encryption()["keys"], "hmac")
        vectors = encryption()["search_hash"]["vectors"]
        self.assertEqual(len(vectors), 8)
        prefixes = Prefixes(EMAIL, [key])
        for vector in vectors:
            value, prefix = unhex(vector, "value", "prefix")
            if value:
                self.assertEqual(prefixes.newest(value), prefix)
            else:
                expected = b"\x7f" + hmac.digest(key, b"", "sha256")
                self.assertEqual(prefix, expected)

    def test_a_search_has_every_key_and_a_write_the_newest(self):
        prefixes = Prefixes(EMAIL, [NEW, OLD])
        every = prefixes.all(b"anna")
        self.assertEqual(
            every, [b"\x7f" + hmac.digest(key, b"anna", hashlib.sha256) for key in (NEW, OLD)]
        )
        self.assertEqual(prefixes.newest(b"anna"), every[0])
        for prefix in every:
            self.assertTrue(prefixes.fit(prefix, b"anna"))
            self.assertFalse(prefixes.fit(prefix, b"Anna"))
            self.assertFalse(prefixes.fit(prefix[:-1], b"anna"))

    def test_the_empty_value_is_searched_for_as_it_is_stored(self):
        self.assertEqual(Prefixes(EMAIL, [NEW, OLD]).all(b""), [b""])

    def test_without_a_key(self):
        prefixes = Prefixes(EMAIL, [])
        for call in (prefixes.newest, prefixes.all):
            with self.assertRaises(ValueRefusedError) as caught:
                call(b"anna")
            self.assertEqual(caught.exception.reason, "no_key")
        self.assertFalse(prefixes.fit(b"\x7f" + bytes(32), b"anna"))

    def test_the_keys_may_be_overwritten(self):
        key = bytearray(NEW)
        prefixes = Prefixes(EMAIL, [key])
        key[:] = bytes(32)
        self.assertEqual(prefixes.newest(b"anna"), Prefixes(EMAIL, [NEW]).newest(b"anna"))

    def test_the_form_of_a_prefix(self):
        prefix = Prefixes(EMAIL, [NEW]).newest(b"anna")
        self.assertEqual(len(prefix), SIZE)
        self.assertTrue(is_prefixed(prefix + b"x"))
        self.assertFalse(is_prefixed(prefix))
        self.assertFalse(is_prefixed(b"x" * 50))


class Scoped(SynchronousTestCase):
    def test_en7_equal_values_of_two_columns_differ(self):
        one, other = Prefixes(scoped(EMAIL), [NEW]), Prefixes(scoped(NAME), [NEW])
        self.assertNotEqual(one.newest(b"anna"), other.newest(b"anna"))
        self.assertFalse(other.fit(one.newest(b"anna"), b"anna"))
        self.assertFalse(Prefixes(EMAIL, [NEW]).fit(one.newest(b"anna"), b"anna"))

    def test_en7_equal_values_of_two_clients_differ(self):
        for setting in (EMAIL, scoped(EMAIL)):
            one, other = Prefixes(setting, [NEW]), Prefixes(setting, [OLD])
            self.assertNotEqual(one.newest(b"anna"), other.newest(b"anna"))

    def test_the_name_is_counted(self):
        """No name and value run into another name and value."""
        name = b"people.email"
        expected = hmac.digest(NEW, b"\0\x0c" + name + b"anna", "sha256")
        self.assertEqual(Prefixes(scoped(EMAIL), [NEW]).newest(b"anna"), b"\x80" + expected)


class Normalized(SynchronousTestCase):
    def test_forms(self):
        composed, apart = "Zażółć".encode(), "Zaz\u0307o\u0301łc\u0301".encode()
        for normalize, one, other, same in (
            (("lower",), b"Anna@Example.COM", b"anna@example.com", True),
            (("nfc",), composed, apart, True),
            (("nfc",), composed.lower(), composed.upper(), False),
            (("lower", "nfc"), composed, apart.upper(), True),
            ((), b"Anna", b"anna", False),
        ):
            prefixes = Prefixes(EMAIL._replace(normalize=frozenset(normalize)), [NEW])
            self.assertEqual(prefixes.newest(one) == prefixes.newest(other), same, normalize)

    def test_there_is_one_zero(self):
        setting = EMAIL._replace(data_type="float8")
        prefixes = Prefixes(setting, [NEW])
        self.assertEqual(prefixes.newest(b"-0"), prefixes.newest(b"0"))
        self.assertTrue(prefixes.fit(prefixes.newest(b"0"), b"-0"))
        self.assertNotEqual(prefixes.newest(b"-1"), prefixes.newest(b"1"))
        text = Prefixes(EMAIL, [NEW])
        self.assertNotEqual(text.newest(b"-0"), text.newest(b"0"))

    def test_bytes_that_are_no_characters_stay(self):
        self.assertEqual(normalized(frozenset(("lower",)), b"A\xff"), b"A\xff")

    @given(st.text(), st.sampled_from((("lower",), ("nfc",), ("lower", "nfc"))))
    def test_a_form_has_itself_for_its_form(self, text, names):
        names = frozenset(names)
        once = normalized(names, text.encode())
        self.assertEqual(normalized(names, once), once)
