"""Tables of MySQL as they were read."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.schema import Column, Schema, Table


class Defaults(SynchronousTestCase):
    def test_what_is_not_said_is_harmless(self):
        column = Column("email", "varbinary", 300)
        self.assertEqual((column.expression, column.default_in_clear), ("", False))
        schema = Schema(1, [Table("shop", "people", [column])])
        self.assertEqual((schema.folds, schema.strict, list(schema.code)), (False, True, []))
