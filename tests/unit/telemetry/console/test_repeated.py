"""One statement that a trace has many times; see also test_tracesentences."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.repeated import repeated
from tests.support.hours import NOW
from tests.support.kepttraces import US, many, records_of
from tests.support.stepping import returned


class Repeated(SynchronousTestCase):
    def found(self, made):
        return returned(repeated(records_of(made)))

    def test_one_behind_the_other(self):
        for link in (0, 300):
            found = self.found(many(NOW, 10, link=link))
            self.assertEqual(found.name, "SELECT orders customer")
            # A request in AcraServer and in the connector is one.
            self.assertEqual((found.number, found.spent), (10, 10 * 2_800 * US))
            self.assertEqual(found.spent, found.whole)

    def test_few(self):
        self.assertIsNone(self.found(many(NOW, 9)))
        self.assertIsNone(self.found([]))

    def test_at_once(self):
        made = many(NOW, 20)
        for span in made[1:]:
            span.end, span.start = NOW + span.end - span.start, NOW
        self.assertIsNone(self.found(made))

    def test_different_ones(self):
        made = many(NOW, 20)
        for number, span in enumerate(made):
            if "db.query.text" in span.attributes:
                span.attributes["db.query.text"] += f" AND a{number} = ?"
        self.assertIsNone(self.found(made))

    def test_another_one_took_most_of_the_time(self):
        made = many(NOW, 20)
        made[-1].end += 10**9
        made[-1].attributes["db.query.text"] = "SELECT report"
        self.assertIsNone(self.found(made))
