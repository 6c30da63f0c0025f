"""Names as MariaDB and MySQL may compare them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import mysqlnames
from acra_twisted.sql.tree import OTHER, Parsed, Table


class Fold(SynchronousTestCase):
    def test_by_the_servers_table_and_not_pythons(self):
        for name, expected in (
            ("SECRETS", "secrets"),
            ("ÄPFEL", "äpfel"),
            ("\u0130", "i"),
            ("\u212a", "k"),
            ("\u0220", "\u0220"),
            ("\u13a0", "\u13a0"),
            ("ß", "ß"),
            ("a\u0301", "a\u0301"),
        ):
            self.assertEqual(mysqlnames.fold(name), expected)

    def test_names_beyond_ascii_are_compared_so(self):
        for table, names, expected in (("t", (), False), ("ä", (), True), ("t", ("ä",), True)):
            parsed = Parsed(OTHER, None)
            parsed.tables, parsed.names = frozenset((Table("", table),)), frozenset(names)
            mysqlnames.compare(parsed)
            self.assertEqual(parsed.loose, expected)
