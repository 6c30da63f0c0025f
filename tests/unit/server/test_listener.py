"""Several listeners of one AcraServer: each has its own database, stages and rules."""

from types import SimpleNamespace

from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.listeners import each
from acra_twisted.config.reading import load
from acra_twisted.daemon.service import MAIN
from acra_twisted.optionkinds import Address
from acra_twisted.server.service import AcraServer
from acra_twisted.server.tap import Options
from tests.unit.server.test_service import close

TEXT = """
[server]
acraconnector_transport_encryption_disable = true
incoming_connection_string = tcp://127.0.0.1:0
client_id = an application
[database]
db_host = 127.0.0.1
[tls]
tls_auth = 0
[logging]
log_to_console = false
[pipeline]
stages =
[metrics]
incoming_connection_zpages_string = tcp://127.0.0.1:0
[listener:second]
incoming_connection_string = tcp://127.0.0.1:0
db_port = 6000
client_id = another application
session_idle_timeout = 7
acracensor_config_file = {}
"""
RULES = "version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [{}]\n"


class Base(SynchronousTestCase):
    def setUp(self):
        self.rules = self.mktemp()
        self.write("first")
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(TEXT.format(self.rules))
        self.settings, _ = load(Options.program, [f"--config_file={path}"], {})
        self.reactor = MemoryReactorClock()
        self.server = AcraServer(self.reactor, self.settings)
        self.addCleanup(close, self.server)
        self.first, self.second = self.server.accepting.values()

    def write(self, table):
        with open(self.rules, "w") as file:
            file.write(RULES.format(table))

    def opened(self, listener):
        """A connection to it whose first byte is there."""
        connection = listener.accept("10.0.0.1")
        connection.makeConnection(StringTransport())
        connection.peer_authenticated(None)
        connection.dataReceived(b"\0\0\0\x08\0\0\0\0")
        return connection


class Listeners(Base):
    def test_each_has_its_database_stages_and_limits(self):
        self.assertEqual(self.first.context.database.address, Address("127.0.0.1", 5432))
        self.assertEqual(self.second.context.database.address, Address("127.0.0.1", 6000))
        stages = [
            [stage.name for stage in each.pipeline.stages] for each in (self.first, self.second)
        ]
        self.assertEqual(stages, [[], ["censor"]])
        self.assertEqual(self.second.context.limits.idle, 7.0)
        self.assertEqual(self.first.context.limits.idle, 0.0)

    def test_each_listens(self):
        marks = [mark + MAIN for mark, _ in each(self.settings)]
        self.assertEqual(list(self.server.listeners), marks)
        ports = {listener.port_number for listener in self.server.listeners.values()}
        self.assertEqual(len(ports), 2)

    def test_connections_are_its_own_and_counted_together(self):
        connections = [self.opened(listener) for listener in (self.first, self.second)]
        self.assertEqual([one.listener for one in connections], ["", "second"])
        self.assertEqual([one.number for one in connections], [1, 2])
        self.assertEqual(
            [one.client_id for one in connections], ["an application", "another application"]
        )
        self.assertEqual(len(self.server.connections), 2)
        named = [dict(one.span.attributes).get("acra.listener") for one in connections]
        self.assertEqual(named, [None, "second"])

    def test_a_reload_reaches_all(self):
        [censor] = self.second.pipeline.stages
        self.assertIn(censor, self.server.reloadable())
        asked = []
        self.second.pipeline = SimpleNamespace(forget_plans=lambda: asked.append(1))
        self.server.reloaded()
        self.assertEqual(len(asked), 1)

    def test_the_line_at_the_start_names_them(self):
        told = self.server.facts()["listeners"]
        self.assertRegex(told, r"^second \(.*127\.0\.0\.1:0.* to .*127\.0\.0\.1:6000.*\)$")

    def test_observers_of_all_catch_up(self):
        for listener in (self.first, self.second):
            self.assertIn(listener.context.observers, self.server.telemetry._told)
