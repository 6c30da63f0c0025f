"""The decision to record a trace."""

from hypothesis import given
from hypothesis import strategies as st
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler, ProbabilitySampler
from opencensus.trace.span_context import SpanContext
from opencensus.trace.trace_options import TraceOptions
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.tracing import sampling
from acra_twisted.telemetry.tracing.spans import new_trace_id
from acra_twisted.wire.link.tracecontext import TraceContext


class Samplers(SynchronousTestCase):
    def setUp(self):
        self.now = 0

    def sampler(self, text):
        return sampling.make_sampler(sampling.SamplerKind().parse(text), lambda: self.now)

    def count(self, sampler, number=1000):
        return sum(sampler(new_trace_id(), None) for _ in range(number))

    def test_always_and_never(self):
        self.assertEqual(self.count(self.sampler("always")), 1000)
        self.assertEqual(self.count(self.sampler("never")), 0)

    def test_probability(self):
        sampler = self.sampler("probability:0.25")
        self.assertTrue(150 < self.count(sampler) < 350)
        trace_id = new_trace_id()
        self.assertEqual(len({sampler(trace_id, None) for _ in range(5)}), 1)
        self.assertEqual(self.count(self.sampler("probability:1")), 1000)
        self.assertEqual(self.count(self.sampler("probability:0")), 0)

    def test_rate(self):
        sampler = self.sampler("rate:10/s")
        self.assertEqual(self.count(sampler, 50), 10)
        self.now += 500_000_000
        self.assertEqual(self.count(sampler, 50), 5)

    def test_a_remote_decision_holds_within_limits(self):
        sampler = self.sampler("never")
        yes = TraceContext("1" * 32, "1" * 16, True)
        self.assertTrue(sampler(yes.trace_id, yes))
        no = TraceContext("1" * 32, "1" * 16, False)
        self.assertFalse(self.sampler("always")("", no))
        allowed = sum(sampler("", yes) for _ in range(20_000))
        self.assertEqual(allowed, sampling.REMOTE_RATE - 1)

    def test_its_decisions_are_those_of_the_library(self):
        """On any context, its own form and ours."""
        options = {False: TraceOptions("0"), True: TraceOptions("1")}

        @given(
            st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex),
            st.one_of(st.sampled_from([0.0, 1e-4, 0.5, 1.0]), st.floats(0, 1)),
            st.booleans(),
        )
        def decide(trace_id, share, enabled):
            ours = TraceContext(trace_id, "1" * 16, enabled)
            theirs = SpanContext(trace_id, "1" * 16, options[enabled])
            for text, library in (
                (f"probability:{share}", ProbabilitySampler(share)),
                ("always", AlwaysOnSampler()),
                ("never", AlwaysOffSampler()),
            ):
                expected = library.should_sample(theirs)
                if text == "never" and enabled:
                    # What a peer has decided holds: that is said of all of ours.
                    expected = True
                sampler = self.sampler(text)
                self.assertEqual(sampler.should_sample(theirs), expected, text)
                self.assertEqual(sampler.should_sample(ours), expected, text)
                self.assertEqual(sampler(trace_id, ours if enabled else None), expected, text)

        decide()

    def test_a_sampler_of_the_library_by_its_path(self):
        path = "opencensus.trace.samplers"
        self.assertEqual(self.count(self.sampler(f"{path}.AlwaysOnSampler")), 1000)
        self.assertEqual(self.count(self.sampler(f" {path}.AlwaysOffSampler")), 0)
        # A peer's decision holds, and is not asked about.
        sampler = self.sampler(f"{path}.AlwaysOffSampler")
        for sampled in (True, False):
            remote = TraceContext("1" * 32, "1" * 16, sampled)
            self.assertEqual(sampler(remote.trace_id, remote), sampled)

    def test_one_that_fails_samples_nothing_and_says_so_once(self):
        # The interface itself: it raises NotImplementedError.
        sampler = self.sampler("opencensus.trace.samplers.Sampler")
        self.assertEqual(self.count(sampler, 5), 0)
        self.assertEqual(len(self.flushLoggedErrors(NotImplementedError)), 1)

    def test_paths_that_name_no_sampler(self):
        for path in ("no.such.Thing", "opencensus.trace.samplers.NoSuch", "builtins.dict", "a.b"):
            self.assertRaises(ConfigError, self.sampler, path)

    def test_texts(self):
        for text in (
            "",
            "some.",
            ".some",
            "some.thing:1",
            "some",
            "probability:2",
            "probability:x",
            "rate:5",
            "rate:0/s",
            "always:1",
        ):
            self.assertRaises(ValueError, sampling.SamplerKind().parse, text)


class Trust(SynchronousTestCase):
    def test_texts(self):
        kind = sampling.TrustKind()
        for text, expected in (("Auto", "auto"), ("1", "true"), ("true", "true"), ("off", "false")):
            self.assertEqual(kind.render(kind.parse(text)), expected)
        self.assertRaises(ValueError, kind.parse, "some")


class ByClient(SynchronousTestCase):
    def test_pairs(self):
        kind = sampling.CLIENT_SAMPLERS
        pairs = kind.parse("ann=always, ben = probability:0 ,")
        self.assertEqual(pairs, ("ann=always", "ben = probability:0"))
        made = sampling.by_client(pairs, lambda: 0)
        self.assertTrue(made["ann"]("1" * 32, None))
        self.assertFalse(made["ben"]("1" * 32, None))
        for text in ("ann", "=always", "ann=sometimes"):
            self.assertRaises(ValueError, kind.parse, text)
