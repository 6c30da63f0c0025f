"""AcraConnector as a service: what it makes of its settings for its connections."""

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.connector.service import AcraConnector
from acra_twisted.daemon.service import API, MAIN
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.transport import peers
from acra_twisted.wire.link import tracecontext


class Made(SynchronousTestCase):
    def make(self, **changes):
        settings = defaults(CONNECTOR_SECTIONS).but(
            **{
                "acraserver_connection_string": Address("127.0.0.1", 1),
                "acraserver_transport_encryption_disable": True,
                MAIN: Address("127.0.0.1", 0),
                API: Address("127.0.0.1", 0),
                **changes,
            }
        )
        made = AcraConnector(MemoryReactorClock(), settings)
        for child in (*made.listeners.values(), *made.telemetry):
            self.addCleanup(child._listener.close)
        return made

    def test_requests_are_followed_where_they_are_to_be_traced(self):
        for scope, follows in (("connection", False), ("request", True)):
            context = self.make(tracing_scope=scope).context
            self.assertEqual(bool(context.mark & tracecontext.FOLLOWS), follows)
            self.assertEqual(context.observers is not None, follows)
            self.assertTrue(context.mark & tracecontext.DECIDES)

    def test_the_api_is_served_where_it_is_on(self):
        self.assertEqual(list(self.make().listeners), [MAIN])
        more = {"acraserver_api_connection_string": Address("127.0.0.1", 2)}
        made = self.make(http_api_enable=True, **more)
        self.assertEqual(list(made.listeners), [MAIN, API])
        self.assertIn("the API of", made.api.party.role.name)

    def test_who_else_may_connect_is_said(self):
        self.assertEqual(self.make().insecure(), [])
        outside = {MAIN: Address("0.0.0.0", 0), API: Address("0.0.0.0", 0)}
        self.assertEqual(len(self.make(**outside).insecure()), 1)
        more = {"acraserver_api_connection_string": Address("127.0.0.1", 2)}
        [first, second] = self.make(**outside, **more, http_api_enable=True).insecure()
        self.assertIn("applications may connect", first)
        self.assertIn("commands in clear", second)

    def test_facts(self):
        facts = self.make().facts()
        self.assertEqual(facts["link"], peers.LINK_PLAIN)
        self.assertEqual(facts["server"], "127.0.0.1:1")
