"""Traces that a search has found, most of which nobody looks at."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.found import Matches, in_memory
from acra_twisted.telemetry.pages.matching import search
from acra_twisted.telemetry.pages.search import Filters
from acra_twisted.telemetry.tracing.recorded import Recorder
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.kepttraces import a_trace
from tests.support.profiled import profiled
from tests.support.recordings import START, record
from tests.support.stepping import returned
from tests.unit.telemetry.pages.test_plainsearch import arguments

RECORDER = Recorder(("db", 5432), 3_000_000)
MS = 1_000_000
#: What a store may get: a request, whose trace may go on, or one of which more is to be told.
REQUESTS = st.lists(
    st.builds(
        dict,
        text=st.sampled_from([b"SELECT 1 FROM t", b"UPDATE shop.goods SET a = 'x'"]),
        took=st.sampled_from([2 * MS, 3 * MS, 5 * MS]),
        outcome=st.sampled_from(["ok", "ok", "ok", "error"]),
        goes_on=st.booleans(),
    ),
    max_size=6,
)


def kept(requests):
    store = SpanStore()
    for number, given_ in enumerate(requests):
        goes_on = given_.pop("goes_on")
        one = record(1, recorder=RECORDER, start=START + number * MS, **given_)
        store.add_recorded(one)
        if goes_on:
            span = Span("handleConnection", one.span.trace_id, "", 1, one.end, True)
            span.end = one.end + 1
            store.add(span)
    return store


def found(store, filters):
    memory = returned(in_memory(store, filters))
    return Matches(memory.others, memory.alone)


class Found(SynchronousTestCase):
    @given(REQUESTS, arguments())
    def test_as_where_each_is_looked_at(self, requests, asked):
        store, filters = kept(requests), Filters.of(asked)
        matches = found(store, filters)
        whole = [one for one in search(store.traces(), filters) if one is not None]
        whole.sort(key=lambda one: one.end, reverse=True)

        def by_id(some):
            return sorted(some, key=lambda one: one.trace_id)

        self.assertEqual(by_id(matches), by_id(whole))
        self.assertEqual([one.end for one in matches], [one.end for one in whole])
        self.assertEqual((len(matches), matches[:2]), (len(whole), list(matches)[:2]))
        told = sorted((said.verdicts, said.among) for said, n in matches.alike for _ in range(n))
        self.assertEqual(told, sorted((one.verdicts, one.among) for one in whole))
        for verdict in ("allow", "slow", "error"):

            def fits(said, verdict=verdict):
                return verdict in said.verdicts

            some = list(filter(fits, whole))
            self.assertEqual(by_id(matches.only(fits)), by_id(some))
            ends = [one.end for one in matches.only(fits)]
            self.assertEqual(ends, sorted(ends, reverse=True))
            times = sorted((one.start, one.took) for one in some)
            self.assertEqual(sorted(matches.times(fits)), times)

    def test_a_part_and_whether_there_is_more(self):
        store = SpanStore()
        ids = [a_trace(store, START)]
        for number, took in enumerate((5, 9, 3), 1):
            one = record(1, start=START + number * 10**9, took=took * MS)
            store.add_recorded(one)
            ids.append(one.span.trace_id)
        for asked, expected, more in (
            ({"limit": "1"}, [3], True),
            ({"limit": "2", "offset": "1"}, [2, 1], True),
            ({"limit": "9", "offset": "3"}, [0], False),
            ({"limit": "2", "sort": "slowest"}, [2, 1], True),
            ({"limit": "2", "offset": "2", "sort": "slowest"}, [0, 3], False),
            ({"offset": "9"}, [], False),
        ):
            filters = Filters.of(asked)
            listed = found(store, filters).listed(filters)
            places = [ids.index(match.trace_id) for match in listed.matches]
            self.assertEqual((places, listed.more), (expected, more), asked)

    def test_each_costs_little(self):
        """A page of traces is asked for while sessions wait: what it does for each trace counts."""
        store = SpanStore()
        for number in range(500):
            store.add_recorded(record(1, start=START + number * 5 * MS))
        store.add_recorded(record(1, start=START, took=9 * MS))
        calls = []

        def counting(frame, event, argument):
            if event == "call":
                calls.append(frame.f_code.co_name)

        matches = profiled(counting, lambda: found(store, Filters()))
        looked = profiled(counting, lambda: (matches.listed(Filters()), matches.times(bool)))
        self.assertEqual(len(looked[1]), len(matches))
        self.assertLess(len(calls), 6 * len(matches))
        self.assertLess(calls.count("match_of"), Filters().limit + 1)
