"""The errors of protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.errors import AcraError


class ValueRefused(SynchronousTestCase):
    def test_it_has_what_a_reply_needs(self):
        error = ValueRefusedError(b"22003", "out_of_range", "the value of t.c is out of range")
        self.assertIsInstance(error, AcraError)
        self.assertEqual(
            (error.sqlstate, error.reason, str(error)),
            (b"22003", "out_of_range", "the value of t.c is out of range"),
        )
