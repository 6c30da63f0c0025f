"""Columns that can hold containers, and where these stand in a value."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import cells
from acra_twisted.dialects.mysql.values import ANYTHING, VALUES
from acra_twisted.results import Columns
from acra_twisted.wire.mysql import types
from tests.support.containers import Workbench


def columns(*kinds):
    return Columns([b""] * len(kinds), [0] * len(kinds), kinds, [1] * len(kinds), values=VALUES)


class Values(SynchronousTestCase):
    def test_numbers_and_dates_hold_nothing(self):
        plain = (types.LONG, types.NEWDECIMAL, types.DATETIME, types.BIT, types.YEAR, types.DOUBLE)
        self.assertFalse(VALUES.can_hold(columns(*plain)))
        for kind in (types.VARCHAR, types.BLOB, types.VAR_STRING, types.STRING, types.JSON, 255):
            self.assertTrue(VALUES.can_hold(columns(types.LONG, kind)))

    def test_a_container_is_found_as_it_was_stored(self):
        container = Workbench().block()
        value = b"before" + container + b"after"
        (found,) = VALUES.find(columns(types.BLOB), 0, value)
        self.assertEqual((found.start, found.end, found.form), (6, 6 + len(container), cells.RAW))

    def test_digits_are_digits(self):
        value = b"\\x" + Workbench().block().hex().encode()
        self.assertEqual(list(VALUES.find(columns(types.VAR_STRING), 0, value)), [])

    def test_nothing_is_changed_in_an_error(self):
        (found,) = VALUES.find(ANYTHING, 0, b"Duplicate entry '" + Workbench().block() + b"'")
        self.assertEqual(found.form, cells.UNUSUAL)

    def test_nothing_is_taken_apart(self):
        self.assertFalse(VALUES.is_laborious(columns(types.BLOB)))
