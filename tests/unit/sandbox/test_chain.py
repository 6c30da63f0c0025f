"""Ini files of the chain."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.sandbox.chain import Chain
from tests.support.settings import values_of


class Files(SynchronousTestCase):
    def test_both_links(self):
        for link in ("tls", "none"):
            folder = Path(self.mktemp()).absolute()
            folder.mkdir()
            chain = Chain(("db", 1), link=link, folder=folder, server={"logging": {"d": "true"}})
            server = values_of(str(chain.server_ini), SERVER_SECTIONS)
            self.assertEqual((server["db_host"], server["d"]), ("db", True))
            values_of(str(chain.connector_ini), CONNECTOR_SECTIONS)
            expected = chain.connector_port if link == "tls" else chain.server_port
            self.assertEqual(chain.port, expected)
            self.assertEqual(chain.stop(), ())
