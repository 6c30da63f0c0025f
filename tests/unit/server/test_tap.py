"""``twistd acra-server``."""

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.server import tap

FLAGS = [
    "--db_host=127.0.0.1",
    "--client_id=an application",
    "--tls_auth=0",
    "--acraconnector_transport_encryption_disable",
    "--log_to_console=false",
    "--incoming_connection_string=tcp://127.0.0.1:0",
]


class Tap(SynchronousTestCase):
    def test_options_and_service(self):
        options = tap.Options()
        options.parseOptions([*FLAGS, "--stages=deny_table", "--stage.deny_table.tables=a,b"])
        self.assertEqual(options.settings.stages["deny_table"]["tables"], ("a", "b"))
        root = tap.makeService(options, MemoryReactorClock())
        (server,) = root
        self.assertEqual([stage.name for stage in server.pipeline.stages], ["deny_table"])
        server.listener._listener.close()
        self.assertIn("query_capture", tap._installed())
