"""The event that is opened; see also the tests of the view of security."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.console.openedevent import opened_from, session_of, shown, what_of
from tests.support.hours import NOW, Hour
from tests.support.incidents import line
from tests.support.kepttraces import spans_of
from tests.support.stepping import returned
from tests.unit.telemetry.console.test_incidents import kept


class Opened(SynchronousTestCase):
    def opened(self, store=(), **fields):
        hour = Hour(1)
        for span in store:
            hour.store.add(span)
        (event,) = kept(line(when=NOW - 5, query="SELECT 1", session_id=7, **fields))
        return returned(opened_from(hour.sources, event))

    def test_its_trace_tells_how_long_it_took(self):
        made = spans_of(NOW - 10**9, first=0, status=7, verdict="deny", **{"censor.place": "r:9"})
        ids = {"trace_id": made[-1].trace_id, "span_id": made[-1].span_id}
        found = self.opened(made, **ids)
        self.assertEqual((found.place, found.in_database), ("r:9", False))
        self.assertIn(("Took", "0.800 ms; it never reached the database"), shown(found)["facts"])
        # The event knows its rule better.
        self.assertEqual(self.opened(made, place="r:8", **ids).place, "r:8")

    def test_without_a_trace(self):
        found = self.opened(rule="deny.table", place="rules.yaml:14", trace_id="1" * 32)
        self.assertEqual((found.took, found.place), (0.0, "rules.yaml:14"))
        values = shown(found)
        self.assertIn(("Rule", "deny.table rules.yaml:14"), values["facts"])
        self.assertEqual(values["session_href"], "/console/session?id=7")
        self.assertEqual(session_of(found.event), "/console/session?id=7")
        self.assertEqual(what_of(found.event), "SELECT 1")

    def test_what_to_do_names_the_account(self):
        poison = kept(line(events.POISON_RECORD, user="reports"))[0]
        remedy = shown(returned(opened_from(Hour(1).sources, poison)))["remedy"]
        self.assertTrue(remedy.startswith("Lock the account in duser (reports), keep"), remedy)
        unknown = kept(line(events.POISON_RECORD, user=""))[0]
        remedy = shown(returned(opened_from(Hour(1).sources, unknown)))["remedy"]
        self.assertTrue(remedy.startswith("Lock the account in duser, keep"), remedy)
