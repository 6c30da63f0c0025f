"""Reasons for the end of a session."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.farewells import encode_farewell
from acra_twisted.endreason import EndReason


class Reasons(SynchronousTestCase):
    def test_no_two_are_one(self):
        self.assertEqual(len({reason.value for reason in EndReason}), len(EndReason.__members__))

    def test_a_dialect_has_a_number_for_each(self):
        for reason in EndReason:
            self.assertIn(b"the text", encode_farewell(reason, "the text"))
