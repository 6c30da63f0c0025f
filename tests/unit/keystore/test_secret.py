"""Secrets are overwritten when their last user lets go, and never shown (KE-8)."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.keystore.secret import Secret


class Wiping(SynchronousTestCase):
    def test_ke8_the_buffer_is_zero_afterwards(self):
        secret = Secret(b"marker-secret")
        buffer = secret.value
        user = secret
        del secret
        self.assertEqual(buffer, b"marker-secret")
        del user
        self.assertEqual(buffer, bytes(13))

    def test_not_shown(self):
        self.assertNotIn("marker", repr(Secret(b"marker")) + str(Secret(b"marker")))
