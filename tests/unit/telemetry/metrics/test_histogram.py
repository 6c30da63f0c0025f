"""Histograms made here say what prometheus-client's own would."""

import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.buckets import PROCESSING_BUCKETS
from acra_twisted.telemetry.figures.runs import Run, StageSeries
from acra_twisted.telemetry.metrics.histogram import DurationsBy

BOUNDS = (1e-6, 0.001, 0.5, 1, 10)


def ours(registry, bounds=BOUNDS):
    return DurationsBy(registry, "times_seconds", "Times", ["db", "stage"], bounds)


class Times(SynchronousTestCase):
    @given(
        st.lists(
            st.one_of(
                st.sampled_from([round(bound * 1e9) for bound in PROCESSING_BUCKETS]),
                st.integers(0, 20 * 10**9),
            ),
            max_size=30,
        ),
        st.booleans(),
    )
    def test_as_the_library_has_it(self, values, at_once):
        registries = CollectorRegistry(), CollectorRegistry()
        theirs = Histogram(
            "times_seconds",
            "Times",
            ["db", "stage"],
            buckets=PROCESSING_BUCKETS,
            registry=registries[1],
        )
        kept = ours(registries[0], PROCESSING_BUCKETS).labels("pg", "censor")
        known, run = theirs.labels("pg", "censor"), Run()
        stage = StageSeries([kept.counts])
        for value in values:
            if at_once:
                kept.count(value)
            else:
                stage.add(value, run)
            known.observe(value / 1e9)
        run.count()
        told = []
        sums = []
        for registry in registries:
            lines = generate_latest(registry).decode().splitlines()
            told.append([line for line in lines if "_created" not in line and "_sum{" not in line])
            sums += [float(line.split()[-1]) for line in lines if "_sum{" in line]
        self.assertEqual(*told)
        # Whole numbers are added here, fractions there.
        self.assertAlmostEqual(*sums)

    def test_many_of_one_bucket(self):
        registry = CollectorRegistry()
        series = ours(registry).labels("pg", "")
        for number in range(1000):
            series.count(2_000_000 if number % 10 else 0)
        text = generate_latest(registry).decode()
        for line in ('le="1e-06",stage=""} 100.0', 'le="0.5",stage=""} 1000.0'):
            self.assertIn(line, text)

    def test_a_sum_of_centuries(self):
        registry = CollectorRegistry()
        counted = ours(registry).labels("pg", "censor")
        for _ in range(5):
            counted.count(1 << 60)
        (told,) = re.findall(r"times_seconds_sum\S* (\S+)", generate_latest(registry).decode())
        self.assertEqual(float(told), 5 * (1 << 60) / 1e9)

    def test_none_lasts_less_than_nothing(self):
        registry = CollectorRegistry()
        ours(registry).labels("pg", "censor").count(-5)
        text = generate_latest(registry).decode()
        self.assertIn('times_seconds_count{db="pg",stage="censor"} 1.0', text)
        self.assertIn('times_seconds_sum{db="pg",stage="censor"} 0.0', text)

    def test_a_run_counts_each_series_once(self):
        registry, run = CollectorRegistry(), Run()
        histogram = ours(registry, PROCESSING_BUCKETS)
        series = {name: StageSeries([histogram.labels("pg", name).counts]) for name in "ab"}
        for name, duration in (("a", 5), ("b", 6), ("b", -1)):
            series[name].add(duration, run)
        run.count()
        run.count()
        text = generate_latest(registry).decode()
        for name in "ab":
            self.assertIn(f'times_seconds_count{{db="pg",stage="{name}"}} 1.0', text)

    def test_the_last_exemplar_of_a_bucket(self):
        registry = CollectorRegistry()
        series = ours(registry).labels("pg", "")
        for number in (1, 2):
            series.count(200_000_000)
            series.note(200_000_000, (str(number) * 32, "a" * 16))
        text = openmetrics(registry).decode()
        self.assertIn('trace_id="' + "2" * 32, text)
        self.assertNotIn("1" * 32, text)

    def test_series_are_kept(self):
        histogram = ours(CollectorRegistry())
        self.assertIs(histogram.labels("a", "b"), histogram.labels("a", "b"))

    def test_two_of_one_name_are_refused(self):
        registry = CollectorRegistry()
        ours(registry)
        self.assertRaises(ValueError, ours, registry)
