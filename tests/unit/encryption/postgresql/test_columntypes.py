"""Types that definitions give to protected columns."""

import pgparse
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import columntypes
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting

NAME = ColumnSetting("", "people", "name")
NUMBER = ColumnSetting("", "people", "number", kind=TOKENIZED, token_type="int32")


def type_name(text):
    [statement] = pgparse.parse(f"SELECT NULL::{text}")
    target = statement["stmt"]["SelectStmt"]["targetList"][0]["ResTarget"]["val"]
    return target["TypeCast"]["typeName"]


class Types(SynchronousTestCase):
    def test_types_that_can_hold_what_is_stored(self):
        for setting, fit, unfit in (
            (NAME, ("bytea", "pg_catalog.bytea"), ("text", "bytea[]", "other.bytea", "varchar(9)")),
            (NUMBER, ("int", "bigint", "int8"), ("smallint", "text", "bytea", "int[]")),
        ):
            for text in fit:
                self.assertTrue(columntypes.is_fit(type_name(text), setting), text)
            for text in unfit:
                self.assertFalse(columntypes.is_fit(type_name(text), setting), text)
        self.assertFalse(columntypes.is_fit({}, NAME))

    def test_a_refusal_says_which_type_can(self):
        for setting, wanted in ((NAME, "bytea"), (NUMBER, "int4")):
            refusal = columntypes.refusal(setting)
            self.assertEqual((refusal.reason, refusal.column), ("schema_mismatch", setting.label))
            self.assertIn(wanted, refusal.hint)
