"""Clocks that differ, as a trace shows them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.clocks import apart
from acra_twisted.telemetry.console.views import trace
from tests.support.hours import NOW, Hour
from tests.support.kepttraces import many, records_of, spans_of
from tests.support.stepping import returned

_MINUTES = 5 * 60 * 10**9


class Clocks(SynchronousTestCase):
    def shifted(self, by, made):
        for span in made:
            if getattr(span, "service", "") == "acra-connector":
                span.start += by
                span.end += by
        return made

    def test_a_connector_whose_clock_is_wrong(self):
        for by in (_MINUTES, -_MINUTES):
            made = self.shifted(by, spans_of(NOW))
            found = returned(apart(records_of(made)))
            self.assertEqual(found[:2], ("acra-connector", "acra-server"))
            self.assertAlmostEqual(found.by / _MINUTES, 1, 3)
            hour = Hour(1)
            for span in made:
                hour.store.add(span)
            asked = trace.asked({"id": made[0].trace_id}, NOW)
            said = returned(trace.gather(hour.sources, asked)).said.as_json()
            self.assertEqual(said["rules"][0], "clocks")
            self.assertIn("The clocks of acra-connector and acra-server are ", said["text"])

    def test_clocks_that_agree(self):
        self.assertIsNone(returned(apart(records_of(spans_of(NOW)))))
        # A little is nothing that a trace shows.
        self.assertIsNone(returned(apart(records_of(self.shifted(10**6, spans_of(NOW))))))

    def test_an_application_need_not_wait_for_what_it_asks(self):
        made = many(NOW, 3)
        made[0].end = made[0].start
        self.assertIsNone(returned(apart(records_of(made))))
