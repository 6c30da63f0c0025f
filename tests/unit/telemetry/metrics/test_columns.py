"""Metrics of protected columns."""

from prometheus_client import CollectorRegistry, generate_latest
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting
from acra_twisted.telemetry.metrics.collectors import ListenerLabel
from acra_twisted.telemetry.metrics.columns import ColumnMetrics
from acra_twisted.verdicts import Deny

NAME = ColumnSetting("", "people", "name", envelope="acrastruct")
EMAIL = ColumnSetting("hr", "people", "email", kind=SEARCHABLE)
CARD = ColumnSetting("", "people", "card", token_type="int64")


class Columns(SynchronousTestCase):
    def setUp(self):
        self.registry = CollectorRegistry()
        self.metrics = ColumnMetrics(self.registry, ListenerLabel()).of("")

    def value(self, name, **labels):
        return self.registry.get_sample_value(name, labels)

    def test_values_by_column_and_by_what_became_of_them(self):
        for _ in range(2):
            self.metrics.values({(NAME, "encrypted"): 3, (EMAIL, "searched"): 1})
        found = "acra_column_values_total"
        self.assertEqual(self.value(found, column="people.name", action="encrypted"), 6)
        self.assertEqual(self.value(found, column="hr.people.email", action="searched"), 2)

    def test_acras_names_for_the_same(self):
        counts = {(NAME, "encrypted"): 3, (EMAIL, "encrypted"): 2, (EMAIL, "opened"): 9}
        self.metrics.values({**counts, (CARD, "tokenized"): 4, (CARD, "detokenized"): 5})
        for name, kind, number in (
            ("encryptions", {"type": "acrastruct"}, 3),
            ("encryptions", {"type": "acrablock_searchable"}, 2),
            ("tokenizations", {"token_type": "int64"}, 4),
            ("detokenizations", {"token_type": "int64"}, 5),
        ):
            self.assertEqual(self.value(f"acra_{name}_total", status="success", **kind), number)

    def test_refusals_and_bypasses(self):
        self.assertTrue(self.metrics.refused(Deny(rule="expression", column="people.name")))
        self.assertTrue(self.metrics.refused(Deny(rule="schema_unknown", column="")))
        self.assertFalse(self.metrics.refused(Deny(rule="deny.names")))
        self.metrics.event(events.COLUMN_BYPASSED, {"rule": "clean-up"})
        self.metrics.event(events.POISON_RECORD, {"rule": "clean-up"})
        found = "acra_column_refusals_total"
        self.assertEqual(self.value(found, column="people.name", reason="expression"), 1)
        self.assertEqual(self.value(found, column="", reason="schema_unknown"), 1)
        self.assertEqual(self.value("acra_column_bypasses_total", bypass="clean-up"), 1)

    def test_listeners_with_columns_of_the_same_name(self):
        """Acra's counters, and those of a server without further listeners, tell none apart."""
        registry = self.registry = CollectorRegistry()
        metrics = ColumnMetrics(registry, ListenerLabel(["reports"]))
        for listener, number in (("", 2), ("reports", 3)):
            one = metrics.of(listener)
            self.assertIs(metrics.of(listener), one)
            one.values({(NAME, "encrypted"): number})
            for _ in range(number):
                one.refused(Deny(rule="expression", column="people.name"))
                one.event(events.COLUMN_BYPASSED, {"rule": "clean-up"})
        for name, labels in (
            ("values", {"column": "people.name", "action": "encrypted"}),
            ("refusals", {"column": "people.name", "reason": "expression"}),
            ("bypasses", {"bypass": "clean-up"}),
        ):
            for listener, number in (("", 2), ("reports", 3)):
                found = self.value(f"acra_column_{name}_total", listener=listener, **labels)
                self.assertEqual(found, number, name)
        acras = self.value("acra_encryptions_total", status="success", type="acrastruct")
        self.assertEqual(acras, 5)

    def test_nothing_is_there_before_it_has_happened(self):
        self.assertNotIn(b"{", generate_latest(self.registry))
