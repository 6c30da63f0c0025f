"""Makers of stored values, and what becomes of values."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import fates, making
from acra_twisted.encryption.finding import ColumnSearcher
from acra_twisted.encryption.issuing import FoundTokens, IssuedTokens
from acra_twisted.encryption.sealing import ColumnSealer


class Making(SynchronousTestCase):
    def test_values_that_are_written_and_read_are_counted_apart(self):
        """They are labels of one metric."""
        written = {making.ENCRYPTED, making.PASSED, making.REPLACED, making.SEARCHED}
        read = {fates.OPENED, fates.DETOKENIZED, fates.MASKED, fates.PLAINTEXT, fates.FAILED}
        self.assertEqual((len(written), len(read), written & read), (4, 5, set()))

    def test_makers(self):
        for kind, names in (
            (ColumnSealer, ("store",)),
            (IssuedTokens, ("store",)),
            (ColumnSearcher, ("forms", "width")),
            (FoundTokens, ("forms", "width")),
        ):
            for name in names:
                self.assertTrue(hasattr(kind, name), (kind, name))
