"""Few calls that take most of a statement's time."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.fewcalls import said
from acra_twisted.telemetry.console.views import statement
from acra_twisted.telemetry.figures.buckets import BOUNDS, bucket
from acra_twisted.telemetry.figures.rows import WHOLE, Layer, Row
from tests.support.hours import ACCOUNT, NOW, Hour
from tests.support.stepping import returned

MS = 1_000_000


def row_of(*times):
    """Figures of calls by milliseconds and number."""
    row, layer = Row(), Layer()
    for took, count in times:
        number = bucket(round(took * MS))
        layer.buckets[number] = layer.buckets.get(number, 0) + count
        layer.total += round(took * MS) * count
    row.calls = layer.count
    row.layers[WHOLE] = layer
    return row


class Few(SynchronousTestCase):
    def test_one_of_seven(self):
        found = said(row_of((0.07, 6), (406, 1)), "/console/traces?shape=a")
        self.assertEqual(found.kind, "slow")
        self.assertEqual(
            found.text,
            "1 of 7 calls took 99 % of all time at least: 344 ms or longer; "
            "half of all calls take 0.065 ms at most.",
        )
        (href,) = [piece.href for piece in found.pieces if piece.href]
        low = BOUNDS[bucket(406 * MS)] / MS
        self.assertEqual(href, f"/console/traces?shape=a&min_ms={low:g}")

    def test_where_it_says_nothing(self):
        lying = row_of((0.07, 6), (406, 1))
        lying.layers[WHOLE].total = 0
        for row in (
            Row(),
            lying,
            # Nobody can tell which one is usual.
            row_of((0.07, 3), (406, 1)),
            # Not few, not most of the time, not long beside the others, not long at all.
            row_of((0.07, 7), (406, 2)),
            row_of((5, 1000), (406, 1)),
            row_of((50, 9), (400, 1)),
            row_of((0.07, 19), (5, 1)),
        ):
            self.assertIsNone(said(row, "/"), row.as_json())

    def test_in_the_view_of_a_statement(self):
        hour = Hour()
        hour.ask(5, ACCOUNT, 30)
        hour.ask(5, ACCOUNT, 2, first=900_000)
        wanted = statement.asked({"id": hour.shape("account")}, NOW - 1)
        data = statement.as_json(returned(statement.gather(hour.sources, wanted)))
        self.assertEqual(data["answer"]["rules"], ["few-calls"])
        self.assertIn("2 of 32 calls took", data["answer"]["text"])
