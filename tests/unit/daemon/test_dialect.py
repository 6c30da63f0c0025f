"""The daemons' dialect, made from their settings."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.daemon import dialect as chosen
from acra_twisted.dialectinterfaces import IDatabaseDialect, IServerDialect
from acra_twisted.endreason import EndReason
from acra_twisted.options import defaults


class Chosen(SynchronousTestCase):
    def make(self, **changes):
        settings = defaults(SERVER_SECTIONS).but(**changes)
        return chosen.server_dialect(settings, lambda exchange: None, lambda exchange: None)

    def test_both_keep_the_contract(self):
        connector = chosen.connector_dialect(defaults(CONNECTOR_SECTIONS), lambda exchange: None)
        for dialect in (self.make(), connector):
            verifyObject(IDatabaseDialect, dialect)
            verifyObject(IServerDialect, dialect)

    def test_trace_ids_in_errors_where_they_are_asked_for(self):
        for shown in (False, True):
            dialect = self.make(tracing_trace_id_in_errors=shown)
            farewell = dialect.encode_farewell(EndReason.SHUTDOWN, "bye", "7" * 32)
            self.assertEqual(b"7" * 32 in farewell, shown)

    def test_what_clients_may_ask_for(self):
        for asked, offers, expected in (
            ("allow", False, "disable"),
            ("require", False, "disable"),
            ("allow", True, "allow"),
            ("require", True, "require"),
        ):
            settings = defaults(SERVER_SECTIONS).but(
                client_tls=asked, allowed_startup_parameters=["TimeZone"], replication_enable=True
            )
            policy = chosen.login_policy(
                settings, None, offers_tls=offers, password_without_tls=False
            )
            self.assertEqual(policy.startup.tls, expected)
            self.assertEqual(policy.startup.parameters, {"timezone"})
            self.assertTrue(policy.startup.replication)
            self.assertFalse(policy.password_without_tls)
