"""Characters of clients of MySQL in UTF-8, and back."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.encodings import codec_of, from_utf8, result_codec_of, to_utf8

ONE_BYTE = ("latin1", "cp1251", "cp1256", "cp866", "koi8r", "koi8u", "greek", "hebrew")


class Encodings(SynchronousTestCase):
    def test_codecs_of_character_sets(self):
        for charset in ("utf8", "utf8mb3", "utf8mb4", "binary"):
            self.assertEqual(codec_of(charset), "utf-8")
        self.assertEqual(codec_of("cp1251"), "cp1251")
        for unknown in ("", "?", "gbk", "sjis", "ucs2", "utf16", "nothing", "a'b"):
            self.assertEqual(codec_of(unknown), "")

    def test_characters_that_a_character_set_has_not(self):
        self.assertRaises(ValueRefusedError, from_utf8, "Ж".encode(), codec_of("latin1"))
        for codec in ("", codec_of("ascii")):
            self.assertEqual(from_utf8(b"e", codec), b"e")
            self.assertRaises(ValueRefusedError, from_utf8, "é".encode(), codec)
            self.assertRaises(ValueRefusedError, to_utf8, b"\xe9", codec)
        for broken in (b"\xff", b"\xc3"):
            self.assertRaises(ValueRefusedError, to_utf8, broken, codec_of("binary"))
        self.assertRaises(ValueRefusedError, to_utf8, b"\xd2", codec_of("greek"))

    def test_the_server_s_characters(self):
        for charset, sent, kept in (
            ("latin1", b"\x80 \x81", "€ \x81"),
            ("koi8u", b"\x95", "•"),
            ("cp866", b"\xfc\xfd", "ⁿ²"),
            ("greek", b"\xa1\xa2", "ʽʼ"),
            ("hebrew", b"\xaf", "‾"),
            ("binary", "é".encode(), "é"),
        ):
            self.assertEqual(to_utf8(sent, codec_of(charset)), kept.encode(), charset)
            self.assertEqual(from_utf8(kept.encode(), codec_of(charset)), sent, charset)

    def test_characters_of_results(self):
        for charset, kept, sent in (
            ("ucs2", "a€", "a€".encode("utf-16-be")),
            ("utf16", "a😀", "a😀".encode("utf-16-be")),
            ("utf16le", "12", b"1\x002\0"),
            ("utf32", "a", b"\0\0\0a"),
            ("gbk", "é\\", b"\xa8\xa6\\"),
            ("swe7", "aÄ", b"a["),
            ("euckr", "갂", b"\x81A"),
            ("sjis", "a", b"a"),
            ("big5", "中", b"\xa4\xa4"),
            ("cp1251", "Ж", b"\xc6"),
            ("dec8", "a", b"a"),
        ):
            codec = result_codec_of(charset)
            self.assertEqual(from_utf8(kept.encode(), codec), sent, charset)
            self.assertEqual(to_utf8(sent, codec), kept.encode(), charset)

    def test_characters_that_results_have_not(self):
        for charset, kept in (
            *(("ucs2", "😀"), ("swe7", "["), ("sjis", "\\"), ("sjis", "é"), ("ujis", "¥")),
            *(("big5", "\uffe3"), ("dec8", "é"), ("gbk", "😀"), ("nothing", "é"), ("", "é")),
        ):
            codec = result_codec_of(charset)
            with self.assertRaises(ValueRefusedError, msg=charset):
                from_utf8(kept.encode(), codec)

    @given(st.sampled_from(ONE_BYTE), st.binary())
    def test_what_is_read_is_told_as_it_was_sent(self, charset, sent):
        codec = codec_of(charset)
        try:
            kept = to_utf8(sent, codec)
        except ValueRefusedError:
            return
        self.assertEqual(from_utf8(kept, codec), sent)
