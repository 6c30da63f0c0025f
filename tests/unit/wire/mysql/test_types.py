"""Numbers of types and of character sets."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.mysqltokens import UNSAFE_CHARSETS
from acra_twisted.wire.mysql import types
from acra_twisted.wire.mysql.types import character_set


class CharacterSets(SynchronousTestCase):
    def test_those_that_clients_log_in_with(self):
        for number, name in (
            (45, b"utf8mb4"),
            (46, b"utf8mb4"),
            (224, b"utf8mb4"),
            (33, b"utf8mb3"),
            (83, b"utf8mb3"),
            (192, b"utf8mb3"),
            (8, b"latin1"),
            (48, b"latin1"),
            (63, b"binary"),
        ):
            self.assertEqual(character_set(number, mariadb=True), name)
            self.assertEqual(character_set(number, mariadb=False), name)

    def test_those_with_a_backslash_in_a_character_are_told_apart(self):
        named = {28: "gbk", 87: "gbk", 13: "sjis", 95: "cp932", 1: "big5", 84: "big5"}
        for number, name in named.items():
            self.assertIn(name, UNSAFE_CHARSETS)
            self.assertEqual(character_set(number, mariadb=True), name.encode())
        self.assertEqual(character_set(248, mariadb=False), b"gb18030")

    def test_a_number_of_the_other_server_is_not_known(self):
        """In its place MariaDB takes its default, whatever that is."""
        self.assertEqual(character_set(255, mariadb=False), b"utf8mb4")
        for number in (0, 248, 255):
            self.assertEqual(character_set(number, mariadb=True), b"")

    def test_two_bytes_a_character_are_no_client_s(self):
        for number in (35, 54, 60, 101, 159, 183):
            self.assertEqual(character_set(number, mariadb=True), b"")


class Types(SynchronousTestCase):
    def test_each_type_has_one_form(self):
        forms = [set(types.WIDTHS), types.DATES, types.STRINGS]
        self.assertEqual(sum(map(len, forms)), len(set().union(*forms)))

    def test_numbers_and_dates_hold_nothing_else(self):
        self.assertLessEqual(types.DATES | set(types.WIDTHS), types.PLAIN)
        for kind in (types.JSON, types.VARCHAR, types.BLOB, types.VAR_STRING, types.STRING, 255):
            self.assertNotIn(kind, types.PLAIN)
