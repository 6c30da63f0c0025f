"""Several listeners of one AcraConnector: each has its own server, database and TLS."""

from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.reading import load
from acra_twisted.connector.service import AcraConnector
from acra_twisted.connector.tap import Options
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address

TEXT = """
[connector]
incoming_connection_string = tcp://127.0.0.1:0
[acraserver]
acraserver_connection_string = tcp://127.0.0.1:1
acraserver_transport_encryption_disable = true
client_id = an application
[logging]
log_to_console = false
[listener:second]
incoming_connection_string = tcp://127.0.0.1:0
acraserver_connection_string = tcp://127.0.0.1:2
mysql_enable = true
application_tls = refuse
client_id = another
"""


class Base(SynchronousTestCase):
    def settings(self, text=TEXT):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(text)
        found, _ = load(Options.program, [f"--config_file={path}"], {})
        return found

    def make(self, text=TEXT):
        reactor = MemoryReactorClock()
        connector = AcraConnector(reactor, self.settings(text))
        for child in connector.listeners.values():
            self.addCleanup(child._listener.close)
        return connector


class Listeners(Base):
    def setUp(self):
        self.connector = self.make()
        self.first, self.second = self.connector.accepting.values()

    def test_each_has_its_server_and_its_dialect(self):
        first, second = self.first.context, self.second.context
        self.assertEqual((first.server.where, second.server.where), ("127.0.0.1:1", "127.0.0.1:2"))
        self.assertEqual((first.dialect.name, second.dialect.name), ("postgresql", "mysql"))
        self.assertEqual((first.application_tls, second.application_tls), ("decline", "refuse"))
        self.assertEqual((first.client_id, second.client_id), ("an application", "another"))

    def test_all_share_the_limits_of_connections(self):
        self.assertIs(self.first.context.connections, self.second.context.connections)
        self.assertIs(self.first.context.metrics, self.second.context.metrics)

    def test_spans_name_the_listener(self):
        named = []
        for one in (self.first, self.second):
            connection = one.accept()
            connection.makeConnection(StringTransport())
            named.append(connection.span.attributes.get("acra.listener"))
            connection.cut()
        self.assertEqual(named, [None, "second"])

    def test_each_listens_at_its_address(self):
        self.assertEqual(
            list(self.connector.listeners),
            ["incoming_connection_string", "[listener:second] incoming_connection_string"],
        )
        self.assertEqual(self.connector.facts()["listeners"], "second (127.0.0.1:0 to 127.0.0.1:2)")

    def test_without_any_nothing_is_said_of_them(self):
        alone = self.make(TEXT.partition("[listener:second]")[0])
        self.assertNotIn("listeners", alone.facts())
        self.assertEqual(list(alone.accepting), [""])

    def test_each_that_others_can_reach_is_said(self):
        text = TEXT.replace("tcp://127.0.0.1:0\nacraserver", "tcp://0.0.0.0:0\nacraserver")
        (said,) = self.make(text).insecure()
        self.assertTrue(said.startswith("[listener:second] applications may connect"), said)


class Mistakes(Base):
    def refused(self, *changes):
        text = TEXT
        for old, new in changes:
            text = text.replace(old, new)
        return str(self.assertRaises(ConfigError, self.settings, text))

    def test_one_address_for_two(self):
        ports = ("tcp://127.0.0.1:0", "tcp://127.0.0.1:7777")
        self.assertIn("[connector] listens on tcp://127.0.0.1:7777 already", self.refused(ports))

    def test_a_server_that_is_another_listener(self):
        """Or the same one."""
        self.assertEqual(self.settings()["acraserver_connection_string"], Address("127.0.0.1", 1))
        text = self.refused(
            ("[listener:second]\nincoming_connection_string = tcp://127.0.0.1:0", LEADS),
        )
        self.assertIn("would connect to itself without end", text)

    def test_what_concerns_all_of_them(self):
        text = self.refused(("application_tls = refuse", "acraserver_tls_transport_enable = true"))
        self.assertIn("acraserver_tls_transport_enable", text)

    def test_what_is_wrong_with_one_names_it(self):
        text = self.refused(("application_tls = refuse", "application_tls = require"))
        self.assertIn("[listener:second] application_tls = require", text)


LEADS = "[listener:second]\nincoming_connection_string = tcp://127.0.0.1:1"
