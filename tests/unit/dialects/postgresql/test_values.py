"""PostgreSQL's types tell where a container may stand."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import cells
from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.results import LINES, STREAM, TUPLES, Columns
from tests.support.containers import BYTEA, INT4, TEXT, Workbench, columns, hexed

JSON, TEXT_ARRAY, OF_A_USER = 114, 1009, 70_000


class Types(SynchronousTestCase):
    def setUp(self):
        self.block = Workbench().block()

    def copied(self, layout):
        return Columns([b""], [0], [0], [0], layout, values=VALUES)

    def forms(self, described, value):
        return [sighting.form for sighting in VALUES.find(described, 0, value)]

    def test_numbers_and_dates_hold_none(self):
        self.assertFalse(VALUES.can_hold(columns(INT4, 1114, 2950)))
        for kind in (TEXT, BYTEA, JSON, OF_A_USER, 0):
            self.assertTrue(VALUES.can_hold(columns(INT4, kind)))

    def test_binary_values_that_may_hold_others_take_long(self):
        for described, laborious in (
            (columns(TEXT, INT4, formats=[1, 1]), False),
            (columns(TEXT_ARRAY, formats=[0]), False),
            (columns(TEXT_ARRAY, formats=[1]), True),
            (columns(OF_A_USER, formats=[1]), True),
            (self.copied(LINES), False),
            (self.copied(STREAM), False),
            (self.copied(TUPLES), True),
        ):
            self.assertEqual(VALUES.is_laborious(described), laborious)

    def test_digits_may_stand_anywhere_and_bytes_where_lengths_are_known(self):
        digits = hexed(self.block)
        self.assertEqual(self.forms(columns(BYTEA), digits), [cells.HEX])
        self.assertEqual(self.forms(columns(OF_A_USER), b"(" + digits + b")"), [cells.HEX])
        self.assertEqual(self.forms(self.copied(LINES), b"1\t" + digits), [cells.HEX])
        self.assertEqual(self.forms(self.copied(STREAM), self.block), [cells.UNUSUAL])
        self.assertEqual(self.forms(columns(BYTEA, formats=[1]), self.block), [cells.RAW])
        # The length in front of it is not understood.
        held = b"\0\0\0\1" + self.block
        self.assertEqual(self.forms(columns(OF_A_USER, formats=[1]), held), [cells.UNUSUAL])
