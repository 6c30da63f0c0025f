"""Figures gathered in steps."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.gathering import by_column, kept_spans, totals
from acra_twisted.telemetry.console.ranges import range_of
from tests.support.hours import ACCOUNT, CARD, NOW, Hour
from tests.support.kepttraces import a_trace, many
from tests.support.recordings import record
from tests.support.stepping import returned


class Gathering(SynchronousTestCase):
    def test_columns_add_up(self):
        hour = Hour()
        for minute in (90, 59, 30, 1, 1):
            hour.ask(minute, ACCOUNT, 2)
        hour.ask(3, CARD)
        span = range_of("1h", NOW - 1)
        whole = returned(totals(hour.figures, span))
        account = hour.shape("account")
        self.assertEqual(whole[account].row.calls, 8)
        columns = returned(by_column(hour.figures, account, span))
        self.assertEqual(len(columns), 60)
        self.assertEqual(
            {n: c.calls for n, c in enumerate(columns) if c.calls}, {59: 4, 30: 2, 1: 2}
        )
        before = returned(totals(hour.figures, span.before()))
        self.assertEqual(before[account].row.calls, 2)

    def test_each_kept_span_is_given_once_in_steps(self):
        hour = Hour(1)
        for number in range(5):
            a_trace(hour.store, NOW - 10**9 * (number + 1))
        for span in many(NOW, 40):
            hour.store.add(span)
        given = list(kept_spans(hour.sources.traces))
        ids = [span.span_id for span in given if span is not None]
        kept = [span for one in hour.store.traces() for span in one.spans()]
        self.assertEqual(sorted(ids), sorted(span.span_id for span in kept))
        run = longest = 0
        for span in given:
            run = 0 if span is None else run + 1
            longest = max(longest, run)
        self.assertLessEqual(longest, 16)

    def test_requests_that_cannot_fit_are_passed_over(self):
        hour = Hour(1)
        requests = [record(1, start=NOW + number * 10**9) for number in range(300)]
        for request in requests:
            hour.store.add_recorded(request)
        failed = record(1, start=NOW, outcome="error")
        hour.store.add_recorded(failed)
        wanted = requests[-1]
        given = list(kept_spans(hour.sources.traces, lambda one: one is wanted))
        ids = [span.trace_id for span in given if span is not None]
        expected = [wanted.span.trace_id] * 3 + [failed.span.trace_id] * 3
        self.assertEqual(sorted(ids), sorted(expected))
        # Many are passed over in each turn.
        self.assertLessEqual(given.count(None), 1 + 310 // 64 + 1)
