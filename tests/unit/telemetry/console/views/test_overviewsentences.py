"""Sentences of the overview, from facts; see also test_overview."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.breaks import Break
from acra_twisted.telemetry.console.ranges import range_of
from acra_twisted.telemetry.console.views.overviewsentences import Facts, tell
from acra_twisted.telemetry.figures.rows import Layer, Row
from tests.support.hours import NOW


def row(calls=100, mean=2.0, **counts):
    made = Row()
    made.calls = calls
    spent = round(calls * mean * 1_000_000)
    made.layers["whole"] = Layer(spent, {40: calls})
    made.layers["first byte"] = Layer(spent, {40: calls})
    for name, count in counts.items():
        setattr(made, name, count)
    return made


def facts(whole, before=None, columns=(), found=None, was=None, now=None):
    span = range_of("1h", NOW - 1)
    return Facts(
        span, list(columns), whole, before or Row(), found, was or Row(), now or Row(), None
    )


class Sentences(SynchronousTestCase):
    def rules(self, *given, **named):
        return tell(facts(*given, **named)).as_json()["rules"]

    def test_two_at_most_and_poison_first(self):
        late = [row(errors=9)] * 15
        whole = row(errors=135, denied=4, poisoned=1)
        columns = [*[row()] * 45, *late]
        self.assertEqual(self.rules(whole, columns=columns), ["poison", "errors"])
        self.assertEqual(
            self.rules(row(errors=135, denied=4), columns=columns), ["errors", "denials"]
        )

    def test_errors_count_where_they_are_more_and_many(self):
        for before, late, grown in ((0, 5, True), (0, 4, False), (2, 5, False), (2, 6, True)):
            columns = [*[row(errors=before)] * 45, *[row(errors=late)] * 15]
            self.assertEqual(
                self.rules(row(), columns=columns) == ["errors"], grown, (before, late)
            )

    def test_means(self):
        for before, text in (
            (None, "2.00 ms a request, 100 % of it in the database."),
            (row(), "a request, as before, 100 % of it"),
            (row(mean=1.0), "a request, 1.00 ms before, 100 % of it"),
        ):
            self.assertIn(text, tell(facts(row(), before)).as_json()["text"])

    def test_a_stage_of_ones_own_has_its_name(self):
        was, now = row(mean=2.0), row(mean=10.0)
        now.layers["stage audit"] = Layer(800_000_000, {40: 100})
        now.layers["first byte"] = Layer(200_000_000, {40: 100})
        found = Break(30, 2.0, 10.0)
        text = tell(facts(now, found=found, was=was, now=now)).as_json()["text"]
        self.assertIn("It is ours: the stage audit. ", text)
        self.assertIn("are spent in the stage audit. ", text)
        now.layers["stage mine"] = Layer(800_000_000, {40: 100})
        text = tell(facts(now, found=found, was=was, now=now)).as_json()["text"]
        self.assertIn("It is ours: the other stages. ", text)

    def test_part_of_what_was_added(self):
        was, now = row(mean=2.0), row(mean=10.0)
        now.layers["stage censor"] = Layer(500_000_000, {40: 100})
        now.layers["first byte"] = Layer(500_000_000, {40: 100})
        found = Break(30, 2.0, 10.0)
        text = tell(facts(row(), found=found, was=was, now=now)).as_json()["text"]
        self.assertIn("It is ours: the censor. Since 23:30 a request takes 10.0 ms", text)
        self.assertIn("5.00 ms of the 8.00 ms added are spent in the censor. ", text)
