"""The sections that both daemons have."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import common
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS


class Common(SynchronousTestCase):
    def test_both_have_them(self):
        for sections in (SERVER_SECTIONS, CONNECTOR_SECTIONS):
            names = {section.name for section in sections}
            shared = (common.KEYSTORE, common.LOGGING, common.TRACING, common.METRICS)
            self.assertLessEqual({section.name for section in shared}, names)
