"""The sites of a daemon."""

from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.telemetry.console.site.asking import AT_ONCE
from acra_twisted.telemetry.metrics.families import ServerMetrics
from acra_twisted.telemetry.service import TelemetryService
from acra_twisted.telemetry.sites import METRICS, PAGES, make_guard

NOWHERE = Address("127.0.0.1", 0)
EVERYWHERE = Address("0.0.0.0", 0)  # noqa: S104 - refused


class Sites(SynchronousTestCase):
    def make(self, system="", **changes):
        """The sites of a daemon."""
        settings = defaults(SERVER_SECTIONS).but(**changes)
        metrics = ServerMetrics()
        service = TelemetryService(
            Clock(), "acra-server", settings, metrics, lambda: [], system=system
        )
        found = [part for part in service if part is not service.history]
        for listener in found:
            listener._listener.close()
        if service.history is not None:
            self.successResultOf(service.history.stopService())
        return found, service

    def test_an_address_that_is_not_set_is_not_served(self):
        self.assertEqual(self.make()[0], [])

    def test_one_site_for_one_address(self):
        self.assertEqual(len(self.make(**{METRICS: NOWHERE, PAGES: NOWHERE})[0]), 1)
        other = Address("localhost", 0)
        self.assertEqual(len(self.make(**{METRICS: NOWHERE, PAGES: other})[0]), 2)

    def test_the_console_is_where_requests_are_counted(self):
        for system, expected in (("", False), ("toydb", True)):
            (listener,), _ = self.make(system, **{PAGES: NOWHERE})
            root = listener._factory.resource
            self.assertEqual(b"console" in root.children, expected)

    def test_questions_to_other_servers_are_counted(self):
        for peers, expected in (((), None), (("127.0.0.1:1",), 0.0)):
            _, service = self.make("toydb", console_peers=peers, **{PAGES: NOWHERE})
            name = "acra_console_peer_questions_total"
            found = service.metrics.registry.get_sample_value(name, {"result": "answered"})
            self.assertEqual(found, expected)
            bounded = service.metrics.pools().get("questions to other servers")
            self.assertEqual(bounded, (0, AT_ONCE) if peers else None)

    def test_pages_ask_the_history(self):
        path = str(Path(self.mktemp()))
        _, service = self.make(trace_store_file=path, **{PAGES: NOWHERE})
        self.assertIsNotNone(service._pages.kept.past)
        self.assertIsNone(self.make(**{PAGES: NOWHERE})[1]._pages.kept.past)

    def test_what_others_can_reach_is_guarded(self):
        settings = defaults(SERVER_SECTIONS).but(**{PAGES: EVERYWHERE})
        self.assertRaises(ConfigError, make_guard, settings, "tls_")
        settings = defaults(SERVER_SECTIONS).but(**{PAGES: NOWHERE})
        guard, context = make_guard(settings, "tls_")
        self.assertIsNone(context)
        self.assertTrue(guard.admits(""))
