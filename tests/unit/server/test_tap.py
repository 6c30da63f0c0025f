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
        path = self.mktemp()
        options.parseOptions(
            [*FLAGS, "--stages=query_capture", f"--stage.query_capture.filepath={path}"]
        )
        self.assertEqual(options.settings.stages["query_capture"]["filepath"], path)
        root = tap.makeService(options, MemoryReactorClock())
        (server,) = root
        self.assertEqual([stage.name for stage in server.pipeline.stages], ["query_capture"])
        server.listener._listener.close()
        self.assertIn("query_capture", tap._installed())

    def test_a_rule_file_switches_the_censor_on(self):
        values = {"stages": ("decryptor",), "acracensor_config_file": "rules.yaml"}
        self.assertEqual(tap.chosen_stages(values), ("censor", "decryptor"))
        values["stages"] = ("query_capture", "censor")
        self.assertEqual(tap.chosen_stages(values), ("query_capture", "censor"))
