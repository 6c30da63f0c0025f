"""The newest security events on the page that opens first."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.console.lastevents import SHOWN, as_json, lines, marks
from acra_twisted.telemetry.console.ranges import range_of
from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import overview
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.logs.recent import RecentEvents
from tests.support.hours import NOW, Hour
from tests.support.incidents import line
from tests.support.stepping import plain, returned
from tests.support.vitals import certificate, facts
from tests.support.webpages import body


class Events(SynchronousTestCase):
    def setUp(self):
        self.span = range_of("1h", NOW - 1)
        self.recent = RecentEvents("acra-server")
        for minute in (40, 30, 30, 20, 10, 9, 8):
            query = f"SELECT <b> FROM t{minute}\u202e"
            self.recent(line(when=NOW - minute * MINUTE, query=query, error="handler 4"))
        self.recent(
            line(events.POISON_RECORD, NOW - 5 * MINUTE, log_format="Poison record detected")
        )
        self.kept = self.recent.kept(0, NOW)

    def test_the_newest_ones(self):
        told = as_json(self.kept)
        self.assertEqual(len(told), SHOWN)
        self.assertEqual((told[0]["kind"], told[0]["client_id"]), ("poison", "shop application"))
        shown = lines(self.kept, self.span)
        self.assertEqual((shown[0]["word"], shown[0]["when"]), ("poison", "23:55:00"))
        self.assertEqual(
            shown[0]["text"], "a poison record was read: by an intruder, or by a backup"
        )
        self.assertEqual(
            (shown[1]["text"], shown[1]["below"]),
            ("handler 4", "shop application, SELECT <b> FROM t8<U+202E>"),
        )
        self.assertIn("range=1h&event=", shown[1]["href"])

    def test_marks(self):
        changed = [
            {"time": NOW - 2 * MINUTE, "kind": "reload", "text": ""},
            {"time": NOW - 15 * MINUTE, "kind": "start", "text": ""},
            {"time": NOW - 50 * MINUTE, "kind": "start", "text": ""},
        ]
        texts = [f"{mark.when} {mark.text}" for mark in marks(self.kept, changed, self.span)]
        self.assertEqual(texts, ["23:20 7 denied", "23:55 1 poison", "23:45 started"])
        self.assertEqual(marks([], [{**changed[1], "time": 5}], self.span), [])
        self.assertEqual(marks([], None, self.span), [])

    def test_the_overview_has_them_and_what_is_wrong(self):
        known = facts(certificates=[certificate(9)])
        sources = Hour().sources._replace(events=self.recent, fact=known.get)
        wanted = overview.asked({}, NOW - 1)
        data = plain(overview.as_json(returned(overview.gather(sources, wanted))))
        self.assertEqual([one["rule"] for one in data["findings"]], ["certificate"])
        self.assertEqual(len(data["events"]), SHOWN)
        page = body(Console("acra-server", sources).page(overview.VIEW, {}))
        self.assertIn("SELECT &lt;b&gt; FROM t8", page)
        self.assertIn("ends in 9 days", page)
        self.assertIn("7 denied", page)
        self.assertIn('class="spark"', page)
        empty = body(Console("acra-server", Hour(1).sources).page(overview.VIEW, {}))
        self.assertIn("No event of this time is in memory.", empty)
