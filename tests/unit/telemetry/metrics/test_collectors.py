"""Collectors that are read when somebody scrapes, and the label of listeners."""

from prometheus_client import CollectorRegistry, Counter, generate_latest
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.metrics.collectors import Counts, CountsBy, ListenerLabel, child


class Labels(SynchronousTestCase):
    def test_only_a_daemon_with_sections_has_one(self):
        alone = ListenerLabel()
        self.assertEqual((alone.names, alone.label, alone.value("")), (("",), (), ()))
        several = ListenerLabel(["shop", "x"])
        self.assertEqual(several.names, ("", "shop", "x"))
        self.assertEqual(
            (several.label, several.value("shop"), several.value("")),
            (("listener",), ("shop",), ("",)),
        )

    def test_the_child_of_a_metric_without_labels_is_itself(self):
        plain, labelled = Counter("a", "x", registry=None), Counter("b", "x", ["y"], registry=None)
        self.assertIs(child(plain), plain)
        self.assertIs(child(labelled, "1"), labelled.labels("1"))


class Counters(SynchronousTestCase):
    def setUp(self):
        self.registry = CollectorRegistry()

    def text(self):
        return generate_latest(self.registry).decode()

    def test_counts_are_read_at_each_scrape(self):
        counts = {"a": 1}
        self.registry.register(Counts(("x", "y"), "kind", lambda: counts))
        self.assertIn('x_total{kind="a"} 1.0', self.text())
        counts["a"] = 2
        self.assertIn('x_total{kind="a"} 2.0', self.text())

    def test_counts_of_this_and_of_others(self):
        counts, watched = CountsBy(self.registry, ("x", "y"), ["a", "b"]), [5]
        counts.expose("1", "2")
        counts.watch(lambda: watched[0], "3", "4")
        for number in (0, 1):
            self.assertIn(f'x_total{{a="1",b="2"}} {number}.0', self.text())
            self.assertIn('x_total{a="3",b="4"} 5.0', self.text())
            counts.count("1", "2")

    def test_without_labels(self):
        CountsBy(self.registry, ("x", "y"), ()).watch(lambda: 7)
        self.assertIn("x_total 7.0", self.text())
