"""Capabilities and what they mean for a session."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.mysql import capabilities
from acra_twisted.wire.mysql.capabilities import InForce

BASIC = {
    "deprecate_eof": 0x1000000,
    "tracks": 0x800000,
    "query_attributes": 0x8000000,
    "connect_attrs": 0x100000,
    "local_files": 0x80,
    "plugin_auth": 0x80000,
}
EXTENDED = {"extended_metadata": 8, "cache_metadata": 0x10}


class Agreement(SynchronousTestCase):
    def test_each_bit_alone(self):
        for bits, others, made in ((BASIC, EXTENDED, InForce), (EXTENDED, BASIC, self.extended)):
            for name, bit in bits.items():
                found = made(bit)
                for other in (*bits, *others):
                    self.assertIs(getattr(found, other), other == name, (name, other))

    def extended(self, bits):
        return InForce(0, bits)

    def test_what_is_kept_beside(self):
        found = InForce(3, 4, mariadb=True, tracked_for_us=True)
        self.assertEqual((found.capabilities, found.extended), (3, 4))
        self.assertTrue(found.mariadb and found.tracked_for_us)

    def test_the_database_tracks_for_the_client_or_for_us(self):
        for bits, for_us in ((0x800000, False), (0, True)):
            self.assertIs(InForce(bits, tracked_for_us=for_us).tracks, True)
        self.assertIs(InForce(0x800000 ^ 0xFFFFFFFF).tracks, False)

    def test_what_may_not_pass(self):
        """Compression, results without columns, and bits that nobody knows yet."""
        self.assertEqual(capabilities.REFUSED, 0x26000020)
        self.assertEqual(capabilities.PASSING_EXTENDED, 0x1C)
