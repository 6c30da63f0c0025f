"""The checks of each daemon; their findings are in tests/integration."""

from pathlib import Path

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.tap import Options as ConnectorOptions
from acra_twisted.doctor.examination import configuration, here
from acra_twisted.doctor.result import FAIL, OK, WARN
from acra_twisted.optionkinds import Address
from acra_twisted.server.tap import Options as ServerOptions

SERVER, CONNECTOR = ServerOptions.program, ConnectorOptions.program
PLAIN = (
    "--db_host=127.0.0.1",
    "--client_id=an application",
    "--acraconnector_transport_encryption_disable=true",
    "--stages=",
)


class Configurations(SynchronousTestCase):
    def test_what_cannot_be_read(self):
        settings, found = configuration(SERVER, ("--db_prot=1", "--db_port=x"), {})
        self.assertIsNone(settings)
        self.assertEqual([result.state for result in found], [FAIL, FAIL])

    def test_all_that_does_not_fit_is_told_and_the_rest_is_looked_at(self):
        arguments = ("--tls_cert=/nowhere.pem", "--acraconnector_tls_transport_enable=true")
        settings, found = configuration(SERVER, arguments, {})
        self.assertIsNotNone(settings)
        texts = "\n".join(result.text for result in found)
        self.assertIn("db_host: name the database's host", texts)
        self.assertIn("/nowhere.pem", texts)
        self.assertTrue(all(result.state in (FAIL, WARN) for result in found))

    def test_what_fits(self):
        settings, found = configuration(SERVER, PLAIN, {})
        self.assertEqual([result.state for result in found], [OK], found)
        self.assertEqual(settings["db_host"], "127.0.0.1")

    def test_what_a_check_of_the_configuration_warns_of(self):
        rules = Path(self.mktemp())
        rules.write_text("reports cert_san=a.example.com\n")
        _, found = configuration(SERVER, (*PLAIN, f"--client_id_map_file={rules}"), {})
        self.assertIn((WARN, True), [(one.state, "line 1: cert_san" in one.text) for one in found])

    def test_a_connector_has_no_tables_to_look_at(self):
        async def collect():
            asked = CONNECTOR.examination().schema(None, None, 0)
            return [result async for result in asked]

        [result] = self.successResultOf(ensureDeferred(collect()))
        self.assertEqual(result.state, FAIL)
        self.assertIn("acra-server", result.remedy)

    def test_what_is_here(self):
        arguments = (
            "--acraserver_connection_string=tcp://127.0.0.1:1",
            "--acraserver_transport_encryption_disable=true",
            "--client_id=an application",
        )
        for program, flags in ((SERVER, PLAIN), (CONNECTOR, arguments)):
            settings, _ = configuration(program, flags, {})
            port = settings.but(incoming_connection_string=Address("127.0.0.1", 0))
            abouts = {result.about for result in here(program, port, {})}
            self.assertIn("limits", abouts)
            self.assertNotIn("certificates", abouts)
