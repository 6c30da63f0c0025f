"""Clocks that differ, as a trace shows them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.clocks import moves
from acra_twisted.telemetry.console.timeline import arrange
from acra_twisted.telemetry.console.views import trace
from tests.support.hours import NOW, Hour
from tests.support.kepttraces import many, records_of, spans_of
from tests.support.stepping import returned

_MINUTES = 5 * 60 * 10**9
_MS = 10**6


def shifted(by, made):
    """The same where the connector's clock is ahead by so many nanoseconds."""
    for span in made:
        if getattr(span, "service", "") == "acra-connector":
            span.start += by
            span.end += by
    return made


def moves_of(made):
    return returned(moves(records_of(made)))


class Clocks(SynchronousTestCase):
    def view(self, made):
        hour = Hour(1)
        for span in made:
            hour.store.add(span)
        asked = trace.asked({"id": made[0].trace_id}, NOW)
        return returned(trace.gather(hour.sources, asked))

    def test_a_connector_whose_clock_is_wrong(self):
        for by in (_MINUTES, -_MINUTES):
            made = shifted(by, spans_of(NOW))
            apart = moves_of(made).apart
            self.assertEqual(apart[:2], ("acra-connector", "acra-server"))
            self.assertAlmostEqual(apart.by / _MINUTES, 1, 3)
            said = self.view(made).said.as_json()
            self.assertEqual(said["rules"][0], "clocks")
            self.assertIn("The clocks of acra-connector and acra-server are ", said["text"])
            self.assertIn("spans of acra-server are moved into those", said["text"])

    def test_spans_are_drawn_within_those_that_waited_for_them(self):
        right = arrange(records_of(spans_of(NOW, opening=100)))
        for by in (_MINUTES, -_MINUTES, 2 * _MS, -2 * _MS):
            wrong = arrange(records_of(shifted(by, spans_of(NOW, opening=100))))
            self.assertEqual((wrong.layers, wrong.took), (right.layers, right.took))
            times = [[(bar.start, bar.end) for bar in one.bars] for one in (right, wrong)]
            self.assertEqual(*times)
            self.assertEqual(wrong.begin, right.begin + by)
            self.assertEqual(set(wrong.moves.by.values()), {by})

    def test_clocks_that_agree(self):
        self.assertEqual(moves_of(spans_of(NOW)), ({}, None))
        # A little is nothing that a trace shows.
        self.assertEqual(moves_of(shifted(_MS, spans_of(NOW))), ({}, None))
        # One daemon has one clock.
        self.assertEqual(moves_of(spans_of(NOW, link=0)), ({}, None))

    def test_an_application_need_not_wait_for_what_it_asks(self):
        made = many(NOW, 3)
        made[0].end = made[0].start
        self.assertEqual(moves_of(made), ({}, None))

    def test_a_request_that_nobody_waits_for_any_longer_goes_on(self):
        made = spans_of(NOW)
        made[0].end = made[0].start + _MS
        made[0].fail(10, "aborted")
        self.assertEqual(moves_of(made), ({}, None))

    def test_a_request_that_took_longer_than_was_waited_begins_with_it(self):
        made = shifted(_MINUTES, spans_of(NOW))
        made[0].end = made[0].start + _MS
        bars = arrange(records_of(made)).bars
        self.assertEqual(bars[1].start, bars[0].start)

    def test_each_request_of_a_trace_is_moved(self):
        made = shifted(_MINUTES, many(NOW, 4))
        for bar in arrange(records_of(made)).bars:
            self.assertEqual(bar.record["span_id"] in moves_of(made).by, bar.depth > 1)

    def test_json_has_the_times_as_they_were(self):
        made = shifted(_MINUTES, spans_of(NOW))
        gathered = self.view(made)
        spans = {one["span_id"]: one for one in trace.as_json(gathered)["spans"]}
        for span in made:
            record = spans[span.span_id]
            self.assertEqual((record["start"], record["end"]), (span.start, span.end))
            is_connectors = record["service"] == "acra-connector"
            self.assertEqual(record["moved_ms"], 0 if is_connectors else _MINUTES / _MS)
        shown = returned(trace.shown(gathered))
        self.assertIn("3 moved where clocks differ", shown["spans"])
        self.assertIn(("moved", "+300,000.000 ms, for clocks differ"), shown["detail"])

    def test_what_a_span_said_stands_where_it_is_drawn(self):
        made = shifted(_MINUTES, spans_of(NOW))
        made[1].add_event((made[1].start + 10_000, "looked", {}))
        (line,) = self.view(made).logs
        self.assertEqual((line["at"], line["text"]), ("+0.260", "looked"))

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 5),
                st.sampled_from(["acra-server", "acra-connector", "shop"]),
                st.integers(-(1 << 62), 1 << 62),
                st.integers(-5, 1 << 60),
            ),
            max_size=6,
        )
    )
    def test_whatever_others_have_sent(self, spans):
        """Parents may be missing, go round in a circle, and end before they begin."""
        records = [
            {
                "span_id": str(number),
                "parent_id": str(parent),
                "service": service,
                "start": start,
                "end": start + took,
                "status": 0,
                "attributes": {"db.namespace": "shop"},
            }
            for number, (parent, service, start, took) in enumerate(spans)
        ]
        found = returned(moves(records))
        self.assertLessEqual(set(found.by), {record["span_id"] for record in records})
        self.assertEqual(0 in found.by.values(), False)
