"""Samples are bounded and slow ones stay."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing import latencies, store
from acra_twisted.telemetry.tracing.recorded import Recorder
from acra_twisted.telemetry.tracing.spans import Span, new_trace_id
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.recordings import record


def _span(name, recorded, end, status=0):
    """A span of the trace of an exchange."""
    made = Span(name, recorded.span.trace_id, "", 1, end, True)
    made.end, made.status = end, status
    return made


class Store(SynchronousTestCase):
    def setUp(self):
        self.now = 10**18
        self.store = SpanStore()

    def add(self, name="x", took=0, status=0, trace_id=None):
        span = Span(name, trace_id or new_trace_id(), "", 1, self.now - took, True)
        span.end, span.status = self.now, status
        self.store.add(span)
        return span

    def test_buckets(self):
        for took in latencies.BOUNDS:
            self.add(took=took)
        self.add(status=2)
        (row,) = self.store.summary()
        self.assertEqual((row.latency, row.errors, row.seen), ((1,) * 9, 1, 10))
        self.assertEqual(len(self.store.samples("x", latencies.ERRORS)), 1)
        self.assertEqual(self.store.samples("x", 99), [])
        self.assertEqual(self.store.samples("y", 0), [])

    def test_one_a_second_and_ten_in_all(self):
        self.add()
        self.add()
        self.assertEqual(len(self.store.samples("x", 0)), 1)
        for _ in range(20):
            self.now += 10**9
            last = self.add()
        self.assertEqual(len(self.store.samples("x", 0)), 10)
        self.assertIs(self.store.samples("x", 0)[0], last)

    def test_samples_are_wanted_once_a_second_and_bucket(self):
        self.assertTrue(self.store.wants(0, self.now))
        self.assertFalse(self.store.wants(1, self.now))
        self.assertTrue(self.store.wants(10**9, self.now))
        self.now += 10**9
        self.assertTrue(self.store.wants(0, self.now))

    def test_the_trace_of_a_sample_outlives_many_others(self):
        slow, refused = self.add(took=10**8), self.add(status=7)
        fast = [self.add() for _ in range(1000)]
        for span in (slow, refused, fast[0], fast[-1]):
            self.assertEqual(list(self.store.trace(span.trace_id).spans()), [span])
        self.assertEqual(len(self.store.trace(fast[1].trace_id)), 0)
        for _ in range(2 * store.TRACES_MAX):
            self.now += 10**9
            self.add()
        self.assertEqual(len(self.store.trace(slow.trace_id)), 0)
        self.assertLessEqual(len(self.store), store.TRACES_MAX)

    def test_exchanges_as_they_were_recorded(self):
        for n in range(3):
            recorded = record(1, start=self.now + n, took=4_000_000)
            self.store.add_recorded(recorded)
        # The first is a sample, and spans therefore; the others are not before they are asked for.
        self.assertEqual(recorded._made, [])
        names = ["SELECT t", "postgresql SELECT t", "stage censor"]
        self.assertEqual([row.name for row in self.store.summary()], names)
        self.assertEqual([row.seen for row in self.store.summary()], [3, 3, 3])
        self.assertEqual([len(self.store.samples(name, 3)) for name in names], [1, 1, 0])
        self.assertEqual(len(self.store.samples("stage censor", 0)), 1)
        kept = self.store.trace(recorded.span.trace_id)
        [newest, *_] = self.store.traces()
        self.assertEqual((newest.trace_id, len(newest)), (recorded.span.trace_id, 3))
        # To say how many there are none is made.
        self.assertEqual(recorded._made, [])
        self.assertEqual({span.name for span in kept.spans()}, set(names))
        self.now += 10**9
        self.store.add_recorded(record(1, start=self.now, took=4_000_000))
        self.assertEqual(len(self.store.samples("SELECT t", 3)), 2)

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 3),
                st.booleans(),
                st.sampled_from((300, 50_000, 2_000_000, 20_000_000, 10**10)),
                st.sampled_from((0, 1, 10**9)),
            ),
            max_size=12,
        )
    )
    def test_recorded_or_made_the_pages_show_the_same(self, exchanges):
        recorded, made, now = SpanStore(), SpanStore(), 10**18
        for stages, sent, took, later in exchanges:
            now += later
            exchange = record(stages, start=now, took=took, sent=100 if sent else 0)
            recorded.add_recorded(exchange)
            for span in exchange.spans():
                made.add(span)
        self.assertEqual(recorded.summary(), made.summary())
        sizes = [{one.trace_id: len(one) for one in kept.traces()} for kept in (recorded, made)]
        self.assertEqual(*sizes)
        found = [list(one.spans()) for one in recorded.traces()]
        self.assertEqual(list(map(len, found)), [len(one) for one in recorded.traces()])
        # Those that have ended at the same time are in any order.
        ends = [one[-1].end for one in found]
        self.assertEqual(ends, sorted(ends, reverse=True))

    def test_traces_of_samples_are_searched_without_their_spans(self):
        for number in range(1, 20):
            self.store.add_recorded(record(1, start=self.now + number * 10**9))
        self.assertEqual(len(self.store.samples("SELECT t", 3)), 10)
        found = self.store.traces()
        self.assertEqual(len(found), 19)
        self.assertEqual([len(kept.plain() or ()) for kept in found], [1] * 19)

    def test_plain_requests_and_others(self):
        plain, failed, lone = record(1), record(1, outcome="error"), record(1)
        self.store.add_recorded(plain)
        self.store.add_recorded(failed)
        self.store.add_recorded(lone)
        self.store.add(_span("handleConnection", lone, self.now))
        alone, others = self.store.parted()
        self.assertEqual(alone, [plain])
        found = {one.trace_id: len(one) for one in others}
        self.assertEqual(found, {failed.span.trace_id: 3, lone.span.trace_id: 4})

    def test_some_of_them(self):
        self.busy()
        ids = [one.trace_id for one in self.store.traces()]
        wanted = [*ids[::7], "9" * 32]
        found = self.store.some(wanted)
        self.assertEqual(list(found), wanted)
        self.assertEqual({one: len(kept) for one, kept in found.items()}.pop("9" * 32), 0)
        for one in ids[::7]:
            self.assertEqual(list(found[one].spans()), list(self.store.trace(one).spans()))
            self.assertEqual({span.trace_id for span in found[one].spans()}, {one})

    def test_a_trace_of_recorded_exchanges_is_bounded(self):
        for _ in range(600):
            recorded = record(1, start=self.now)
            recorded.span.trace_id, recorded.span.parent_id = "1" * 32, "2" * 16
            self.store.add_recorded(recorded)
        kept = self.store.trace("1" * 32)
        self.assertEqual((len(kept), len(list(kept.spans()))), (512, 512))

    def test_ob3_names_and_traces_are_bounded(self):
        for number in range(300):
            self.add(name=str(number))
        names = [row.name for row in self.store.summary()]
        self.assertEqual(len(names), 201)
        self.assertIn(store.OTHER, names)
        self.assertEqual(len(self.store.traces()), len(self.store))
        self.assertLessEqual(len(self.store), store.TRACES_MAX)
        for _ in range(300):
            self.add(name="0")
        self.assertEqual(len(self.store), 201 + 256)
        for _ in range(600):
            span = self.add(trace_id="1" * 32)
        self.assertEqual(len(self.store.trace(span.trace_id)), 512)

    def long(self, trace_id=None, size=4 << 20, **given):
        """Keep a span that takes so many bytes."""
        span = Span("x", trace_id or new_trace_id(), "", 1, self.now, True)
        span.end, span.status = self.now, given.get("status", 0)
        span.attributes = {"db.query.text": "x" * size}
        if given.get("received"):
            self.store.add_received(span)
        else:
            self.store.add(span)
        return span.trace_id

    def whole(self):
        kept = [span for one in self.store.traces() for span in one.spans()]
        return sum(len(span.attributes.get("db.query.text", "")) for span in kept)

    def test_ob3_the_bytes_of_traces_are_bounded(self):
        """A connection's trace may have hundreds of requests (tracing_scope = connection)."""
        for number in range(40):
            self.now += 2 * 10**9 * (number % 2)
            last = self.long(received=number % 3 == 0, status=number % 3)
            self.assertLessEqual(self.whole(), store.BYTES_MAX)
            self.assertLessEqual(self.whole(), self.store.bytes)
        self.assertEqual(len(self.store.trace(last)), 1)
        self.assertGreater(self.whole(), store.BYTES_MAX // 2)
        # A trace alone may be too much, and what comes behind it is kept.
        for _ in range(40):
            self.long(trace_id="1" * 32)
            self.assertLessEqual(self.whole(), self.store.bytes)
            self.assertLessEqual(self.store.bytes, store.BYTES_MAX)
        for _ in range(2_000):
            self.now += 2 * 10**9
            self.add(took=10)
        self.assertLessEqual(self.store.bytes, 2_000 * 1024)
        self.assertEqual(len(self.store.traces()), len(self.store))

    def test_the_oldest_of_those_that_take_more_are_given_up(self):
        samples = [self.long(status=2)]
        for _ in range(3):
            self.now += 2 * 10**9
            samples.append(self.long(status=2))
        recent = [self.long(received=True) for _ in range(16)]
        kept = [one for one in samples + recent if len(self.store.trace(one))]
        self.assertEqual(kept, samples + recent[-11:])

    def test_what_is_too_long_is_not_among_the_newest(self):
        self.busy(300)
        short = self.long(size=100, received=True)
        long = self.long(size=1 << 20, received=True)
        self.assertEqual([len(self.store.trace(one)) for one in (short, long)], [1, 0])

    def test_a_busy_daemons_requests_are_kept_for_some_seconds_and_the_newest_of_them(self):
        ids = []
        for number in range(4_000):
            recorded = record(1, start=self.now + number * 1_250_000)
            ids.append(recorded.span.trace_id)
            self.store.add_recorded(recorded)
        found = {kept.trace_id: len(kept) for kept in self.store.traces()}
        self.assertEqual(len(found), len(self.store))
        self.assertLessEqual(len(found), store.TRACES_MAX)
        # Five seconds: the newest ones without a gap, and some of the two seconds before.
        self.assertEqual([found[one] for one in ids[-256:]], [3] * 256)
        self.assertGreater(sum(one in found for one in ids[-1_600:-800]), 50)
        self.assertEqual(len(list(self.store.trace(ids[-1]).spans())), 3)
        self.assertEqual(max(row.seen for row in self.store.summary()), 4_000)

    def test_the_newest_of_a_very_busy_daemon_are_some_of_all(self):
        """Each that is kept costs the end of another one."""
        ids = []
        for number in range(20_000):
            recorded = record(1, start=self.now + number * 50_000)
            ids.append(recorded.span.trace_id)
            self.store.add_recorded(recorded)
        found = {kept.trace_id for kept in self.store.traces()}
        # Twenty times as many come as are kept.
        self.assertGreaterEqual(sum(one in found for one in ids[-10_000:]), 256)
        self.assertLess(sum(one in found for one in ids[-256:]), 32)
        self.assertTrue(found & set(ids[-100:]))
        self.assertEqual(max(row.seen for row in self.store.summary()), 20_000)

    def test_what_comes_for_one_of_the_newest_is_with_it(self):
        self.busy()
        recorded, refused = record(1, start=self.now), record(1, start=self.now)
        for one in (recorded, refused):
            self.store.add_recorded(one)
        self.store.add_received(_span("handleConnection", recorded, self.now))
        self.store.add(_span("handleConnection", refused, self.now, status=7))
        for _ in range(300):
            self.store.add_recorded(record(1, start=self.now))
        # The other one is no sample.
        self.assertEqual(len(self.store.trace(recorded.span.trace_id)), 0)
        names = {span.name for span in self.store.trace(refused.span.trace_id).spans()}
        self.assertEqual(
            names, {"SELECT t", "postgresql SELECT t", "stage censor", "handleConnection"}
        )
        self.assertEqual(len(self.store.traces()), len(self.store))

    def test_a_request_is_with_the_span_that_a_stage_has_opened_below_it(self):
        self.busy()
        recorded = record(1, start=self.now)
        inner = recorded.span.child("lookup", 0, self.now)
        inner.end = self.now
        self.store.add(inner)
        for _ in range(5):
            self.store.add_recorded(record(1, start=self.now))
        self.store.add_recorded(recorded)
        # What is kept as the newest is gone by then.
        self.now += 10**9
        self.busy(300)
        names = {span.name for span in self.store.trace(recorded.span.trace_id).spans()}
        self.assertIn("lookup", names)
        self.assertIn("SELECT t", names)

    def test_a_trace_that_is_kept_goes_on_while_the_daemon_is_busy(self):
        first = record(1, start=self.now)
        self.store.add_recorded(first)
        self.busy(200)
        for _ in range(20):
            further = record(1, start=self.now)
            further.span.trace_id = first.span.trace_id
            further.span.parent_id = first.span.span_id
            self.store.add_recorded(further)
            self.store.add_recorded(record(1, start=self.now))
        self.assertEqual(len(self.store.trace(first.span.trace_id)), 63)

    def test_slow_ones_are_not_among_those_that_are_soon_forgotten(self):
        self.busy()
        slow = record(1, recorder=Recorder(("db", 5432), 1), start=self.now)
        self.store.add_recorded(slow)
        self.busy()
        self.assertEqual(len(self.store.trace(slow.span.trace_id)), 3)

    def test_connectors_with_other_clocks_change_nothing(self):
        self.store.add_recorded(record(1, start=self.now))
        for number in range(300):
            span = Span("x", new_trace_id(), "", 1, 3 * 10**18 + number, True)
            span.end = span.start
            self.store.add_received(span)
        self.now += 10**10
        recorded = record(1, start=self.now)
        self.store.add_recorded(recorded)
        self.busy(300)
        self.assertEqual(len(self.store.trace(recorded.span.trace_id)), 3)

    def busy(self, count=600):
        """Requests, more than begin a trace among the recent ones."""
        for _ in range(count):
            self.store.add_recorded(record(1, start=self.now))
