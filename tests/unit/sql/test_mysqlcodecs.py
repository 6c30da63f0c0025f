"""Codecs of character sets for which Python has none that is the same."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.mysqlcodecs import NAMES


class Codecs(SynchronousTestCase):
    def test_each_character_is_of_one_byte(self):
        for name in NAMES.values():
            characters = []
            for byte in range(256):
                sent = bytes([byte])
                try:
                    characters.append(sent.decode(name))
                except UnicodeDecodeError:
                    continue
                self.assertEqual(characters[-1].encode(name), sent)
            self.assertEqual(len(set(characters)), len(characters))
            self.assertEqual(characters[:128], [chr(byte) for byte in range(128)])

    def test_characters_of_the_server(self):
        self.assertEqual(b"\x80\x81".decode(NAMES["latin1"]), "\u20ac\x81")
        self.assertRaises(UnicodeDecodeError, b"\xd2".decode, NAMES["greek"])
        self.assertRaises(UnicodeEncodeError, "\ufffe".encode, "mysql_cp1256")
        self.assertRaises(LookupError, "a".encode, "mysql_nothing")
