"""acra-doctor's checks of a connector; whole conversations are in tests/integration."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.connector.examination import EXAMINATION
from acra_twisted.options import defaults

SETTINGS = defaults(CONNECTOR_SECTIONS)


class Particular(SynchronousTestCase):
    def own(self, **changes):
        return EXAMINATION.certificates(SETTINGS.but(**changes))

    def test_certificates_that_are_used(self):
        self.assertEqual(self.own(), [])
        [own] = self.own(acraserver_tls_transport_enable=True)
        self.assertEqual((own.prefix, own.falls_back), ("tls_", True))
        [own] = self.own(application_tls_cert="x.pem")
        # Applications see no certificate that is the link's.
        self.assertEqual((own.prefix, own.falls_back), ("application_tls_", False))

    def test_nothing_of_its_settings_is_warned_of(self):
        self.assertEqual(EXAMINATION.insecure(SETTINGS), [])
