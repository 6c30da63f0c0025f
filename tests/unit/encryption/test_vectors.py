"""Every group of the vectors is checked by a test, or belongs to nothing that is there yet."""

from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration.columns import EFFECTIVE
from acra_twisted.encryption.settings import TOKEN_TYPES
from tests.support.vectors import encryption

TESTS = Path(__file__).parents[2]
#: Groups that belong to nothing, and why.
LATER = {
    "ff1": "no kind of column keeps the format of its values by encryption: tokens do, by a store",
    "deterministic": "equal values are found by their hash, beside a container that Acra reads",
}


class Groups(SynchronousTestCase):
    def test_each_is_read_by_a_test_or_belongs_to_nothing_yet(self):
        texts = [path.read_text() for path in TESTS.rglob("*.py") if path != Path(__file__)]
        readers = [text for text in texts if "encryption()" in text]
        groups = set(encryption()) - {"about", "keys"}
        unread = {group for group in groups if not any(f'["{group}"]' in text for text in readers)}
        self.assertEqual(unread, set(LATER))

    def test_no_column_needs_those_that_belong_to_nothing(self):
        """A new kind of column or token that needs them reads them in its test."""
        self.assertEqual(set(EFFECTIVE), {"plain", "searchable", "masked", "tokenized"})
        self.assertEqual(set(TOKEN_TYPES), {"int32", "int64", "str", "bytes", "email"})

    def test_the_deterministic_one_of_the_library(self):
        vector = encryption()["deterministic"]["vectors"][0]
        key, about, plain, cipher = (
            bytes.fromhex(vector[name]) for name in ("key", "ad", "plain", "cipher")
        )
        self.assertEqual(AESSIV(key).encrypt(plain, [about]), cipher)
