"""Records of a token store."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import tokenrecords, tokens
from acra_twisted.encryption.tokenrecords import Record, Unsealer
from acra_twisted.errors import TokenStoreError
from tests.support import vectors

GROUPS = vectors.encryption()
KEY = bytes.fromhex(GROUPS["keys"]["symmetric"])


class Records(SynchronousTestCase):
    def test_they_are_those_of_acra(self):
        for vector in GROUPS["token_metadata"]["vectors"]:
            data, written = vectors.unhex(vector, "data", "record")
            record = Record(data, vector["created"], vector["accessed"], vector["disabled"])
            self.assertEqual(tokenrecords.write(record), written)
            self.assertEqual(tokenrecords.read(written), record)

    @given(st.builds(Record, st.binary(), *[st.integers(0, (1 << 63) - 1)] * 2, st.booleans()))
    def test_they_come_back(self, record):
        self.assertEqual(tokenrecords.read(tokenrecords.write(record)), record)

    @given(st.binary(max_size=60))
    def test_any_bytes_are_a_record_or_an_error(self, data):
        for read in (tokenrecords.read, tokenrecords.unpack):
            try:
                read(data)
            except TokenStoreError:
                pass

    def test_what_is_no_record_is_refused(self):
        for data in (
            b"\x08\x01",
            b"\x12\x01a",
            b"\x22\x01a",
            b"\x0a\x05a",
            b"\x10" + b"\xff" * 9 + b"\1",
        ):
            self.assertRaises(TokenStoreError, tokenrecords.read, data)
        self.assertRaises(TokenStoreError, tokenrecords.read, bytes(tokenrecords.RECORD_MAX + 1))
        self.assertRaises(TokenStoreError, tokenrecords.unpack, b"\x08\x01")

    def test_values_are_packed_as_acra_does(self):
        seen = 0
        for vector in GROUPS["tokens"]["vectors"]:
            value, record = vectors.unhex(vector, "value_encoded", "token_record")
            self.assertEqual(tokenrecords.pack(value, vector["enum"]), record)
            self.assertEqual(tokenrecords.unpack(record), (value, vector["enum"]))
            seen += 1
        self.assertEqual(seen, 32)


class Sealing(SynchronousTestCase):
    def test_records_that_others_have_sealed_open(self):
        for vector in GROUPS["token_store"]["records"]:
            written, plain, context = vectors.unhex(vector, "record", "plain", "context")
            record = tokenrecords.read(written)
            self.assertIs(record.disabled, vector["disabled"])
            self.assertEqual(Unsealer([b"x" * 32, KEY], context).unseal(record), plain)
            self.assertIsNone(Unsealer([KEY], b"other").unseal(record))
            self.assertIsNone(Unsealer([], context).unseal(record))
            for data in (b"", record.data[:-1], record.data + b"x", record.data[:-1] + b"x"):
                self.assertIsNone(Unsealer([KEY], context).unseal(record._replace(data=data)))
            self.assertEqual(tokenrecords.write(record), written)

    def test_what_is_sealed_here_opens(self):
        plain = tokenrecords.pack(b"Anna", tokens.KINDS["str"])
        written = tokenrecords.seal(plain, KEY, b"client", bytes, 1_700_000_000)
        record = tokenrecords.read(written)
        self.assertEqual((record.created, record.accessed), (1_700_000_000, 1_700_000_000))
        self.assertFalse(record.disabled)
        self.assertEqual(Unsealer([KEY], b"client").unseal(record), plain)
        self.assertNotIn(b"Anna", written)
