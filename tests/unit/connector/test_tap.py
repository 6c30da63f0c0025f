"""``twistd acra-connector``."""

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector import tap
from acra_twisted.connector.service import AcraConnector
from acra_twisted.daemon.service import MAIN


class Tap(SynchronousTestCase):
    def test_options_and_service(self):
        options = tap.Options()
        options.parseOptions(
            [
                "--acraserver_connection_string=tcp://127.0.0.1:1",
                "--acraserver_transport_encryption_disable",
                "--incoming_connection_string=tcp://127.0.0.1:0",
                "--log_to_console=false",
                "--core_dump_enable=true",
            ]
        )
        (connector,) = tap.makeService(options, MemoryReactorClock())
        self.assertIsInstance(connector, AcraConnector)
        connector.listeners[MAIN]._listener.close()
