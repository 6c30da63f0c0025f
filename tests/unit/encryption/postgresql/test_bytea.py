"""Bytes in text, as PostgreSQL reads and writes them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import bytea
from acra_twisted.encryption.postgresql.encodings import to_utf8
from tests.support.vectors import encryption


def read(text):
    """The bytes of a text of a client, None if it is refused."""
    try:
        return bytea.decode(to_utf8(text, "UTF8"))
    except ValueRefusedError:
        return None


class Bytea(SynchronousTestCase):
    def test_the_vectors(self):
        """PostgreSQL's own answers."""
        vectors = encryption()["bytea_text"]["vectors"]
        self.assertEqual(len(vectors), 22)
        for vector in vectors:
            expected = vector["postgresql"]
            self.assertEqual(
                read(bytes.fromhex(vector["in"])),
                None if expected is None else bytes.fromhex(expected),
                vector,
            )

    def test_blanks_stand_between_pairs_alone(self):
        self.assertEqual(bytea.decode(b"\\x 41\n6e\t\r 61 "), b"Ana")
        for text in (b"\\x4 1", b"\\x41\v6e", b"\\x41 6"):
            self.assertRaises(ValueRefusedError, bytea.decode, text)

    def test_the_codes_are_the_databases(self):
        for text, state in ((b"\\xzz", b"22023"), (b"\\x4", b"22023"), (b"a\\b", b"22P02")):
            with self.assertRaises(ValueRefusedError) as caught:
                bytea.decode(text)
            self.assertEqual(caught.exception.sqlstate, state)
            self.assertEqual(caught.exception.reason, "value_not_bytea")

    @given(st.binary())
    def test_what_is_written_is_read(self, data):
        self.assertEqual(bytea.decode(bytea.encode(data)), data)
        escaped = b"".join(
            b"\\\\" if byte == 92 else b"%c" % byte if 32 <= byte < 127 else b"\\%03o" % byte
            for byte in data
        )
        if escaped[:2] != b"\\x":
            self.assertEqual(bytea.decode(escaped), data)

    def test_constant_calls(self):
        for form, text, data in (
            ("hex", b"416E 61", b"Ana"),
            ("hex", b"", b""),
            ("base64", b"QW5u\nYQ==", b"Anna"),
            ("base64", b"", b""),
            ("escape", b"a\\\\\\377\\x", None),
            ("escape", b"\\\\x\\377", b"\\x\xff"),
            ("escape", b"\\x41", None),
            ("characters", b"\\x41", b"\\x41"),
            ("hex", b"4", None),
            ("hex", b"\\x41", None),
            ("base64", b"QW5uYQ=", None),
            ("base64", b"Q", None),
            ("base64", b"QQ==QQ==", None),
            ("base64", b"QQ*=", None),
        ):
            if data is None:
                self.assertRaises(ValueRefusedError, bytea.decode_as, form, text)
            else:
                self.assertEqual(bytea.decode_as(form, text), data)

    @given(st.text(alphabet="\\x0147 afz\n", max_size=12))
    def test_any_text_is_read_or_refused(self, text):
        found = read(text.encode())
        if found is not None:
            self.assertLessEqual(len(found), len(text.encode()))
