"""Columns out of definitions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.descriptions import Descriptions
from acra_twisted.dialects.mysql.values import VALUES
from acra_twisted.errors import WireError
from acra_twisted.wire.mysql.columndefinitions import ColumnDefinition, encode
from tests.support.mysqlreplies import numbered


def definition(name, kind=253, table=b"t", extended=None):
    """A column of a table, or an expression's if its table is empty."""
    original = name if table else b""
    return encode(
        ColumnDefinition(
            b"shop", table and b"alias", table, name, original, extended, 45, 80, kind, 0, 0
        )
    )


class Columns(SynchronousTestCase):
    def test_a_column_has_its_table_and_its_type(self):
        said = numbered([definition(b"a"), definition(b"b", 3, b"")], 2)
        found = Descriptions(False).columns(said)
        self.assertEqual(list(found.names), [b"a", b"b"])
        self.assertEqual(list(found.tables), [(b"shop", b"t"), 0])
        self.assertEqual(list(found.attributes), [b"a", 0])
        self.assertEqual(list(found.types), [253, 3])
        self.assertEqual(list(found.sizes), [80, 80])
        self.assertIs(found.values, VALUES)

    def test_the_same_definitions_make_the_same_columns(self):
        known = Descriptions(False)
        first, second = numbered([definition(b"a")], 2), numbered([definition(b"b")], 2)
        columns = known.columns(first)
        self.assertIs(known.columns(first), columns)
        known.columns(second)
        self.assertIs(known.columns(bytes(bytearray(first))), columns)

    def test_extended_metadata_is_read_where_it_is_in_force(self):
        said = numbered([definition(b"a", extended=b"\1\4json")], 2)
        self.assertEqual(list(Descriptions(True).columns(said).names), [b"a"])
        self.assertRaises(WireError, Descriptions(False).columns, said)
