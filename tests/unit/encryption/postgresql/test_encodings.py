"""Characters in the encodings of clients."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql.encodings import from_utf8, to_utf8


class Encodings(SynchronousTestCase):
    def refused(self, function, *arguments):
        with self.assertRaises(ValueRefusedError) as caught:
            function(*arguments)
        return caught.exception.sqlstate

    def test_characters_are_kept_as_utf8(self):
        self.assertEqual(to_utf8("Żó".encode("iso8859_2"), "LATIN2"), "Żó".encode())
        self.assertEqual(from_utf8("Żó".encode(), "LATIN2"), "Żó".encode("iso8859_2"))
        self.assertEqual(to_utf8("€".encode("cp1252"), "WIN1252"), "€".encode())
        for encoding in ("UTF8", "SQL_ASCII"):
            self.assertEqual(to_utf8("Żó".encode(), encoding), "Żó".encode())
            self.assertEqual(from_utf8("Żó".encode(), encoding), "Żó".encode())

    def test_bytes_that_are_no_characters(self):
        for encoding in ("UTF8", "SQL_ASCII"):
            for text in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"):
                self.assertEqual(self.refused(to_utf8, text, encoding), b"22021")
        self.assertEqual(self.refused(to_utf8, b"\x81", "WIN1252"), b"22021")
        self.assertEqual(self.refused(to_utf8, b"a\0", "UTF8"), b"22021")

    def test_characters_that_the_client_has_not(self):
        self.assertEqual(self.refused(from_utf8, "Ż".encode(), "LATIN1"), b"22P05")

    def test_an_encoding_that_is_not_understood_passes_ascii_alone(self):
        self.assertEqual(to_utf8(b"abc", "SJIS"), b"abc")
        self.assertEqual(from_utf8(b"abc", "SJIS"), b"abc")
        self.assertEqual(self.refused(to_utf8, b"\x83\x5c", "SJIS"), b"0A000")
        self.assertEqual(self.refused(from_utf8, "Ż".encode(), "SJIS"), b"0A000")

    @given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
    def test_utf8_goes_through(self, text):
        self.assertEqual(from_utf8(to_utf8(text.encode(), "UTF8"), "UTF8"), text.encode())
