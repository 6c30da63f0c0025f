"""The sentence about values that could not be opened."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.unopened import said
from acra_twisted.telemetry.console.views import overview, statement
from tests.support.hours import NOW, Hour
from tests.support.stepping import returned

MINUTE = 60 * 10**9


def seen(client, shape, first, values, summary="SELECT card"):
    return {
        "client_id": client,
        "shape": shape,
        "summary": summary,
        "first": NOW - first * MINUTE,
        "last": NOW - MINUTE,
        "values": values,
    }


class Said(SynchronousTestCase):
    def text(self, *told, **asked):
        found = said(told, NOW - 60 * MINUTE, **asked)
        return found and found.text

    def test_the_client_with_most_of_them(self):
        told = (
            seen("billing", "a", 4, 9),
            seen("shop", "a", 4, 5),
            seen("shop", "b", 9, 70, "SELECT invoice"),
            seen("shop", "c", 4, 1),
            seen("shop", "d", 4, 1),
        )
        self.assertEqual(
            self.text(*told),
            "77 values for shop could not be opened, the first at 23:51 (SELECT invoice, SELECT "
            "card and 2 other statements); the same for 1 other client.",
        )
        self.assertEqual(
            self.text(*told, shape="c"), "1 value for shop could not be opened, at 23:56."
        )
        where = said(told, 0).pieces[3].href
        self.assertEqual(where, "/console/statement?id=b")

    def test_a_client_of_a_certificate_has_its_name(self):
        digest = "7c1f0a52" * 8
        known = Names({"peers": [{"client_id": digest, "certificate": "O=Shop,CN=app"}]})
        self.assertIn(" for app (7c1f0a52) could", self.text(seen(digest, "a", 4, 9), names=known))

    def test_what_was_always_so_is_no_news(self):
        self.assertIsNone(self.text(seen("shop", "a", 61, 5)))
        self.assertIsNone(self.text(seen("shop", "a", 6, 5), shape="b"))
        self.assertIsNone(self.text())
        self.assertIsNone(said(None, 0))

    def test_views_that_tell_of_it(self):
        hour = Hour().slow_since(20)
        told = {"unopened": [seen("shop", hour.shape("account"), 4, 9)]}
        sources = hour.sources._replace(fact=told.get)
        made = returned(overview.gather(sources, overview.asked({}, NOW - 1)))
        self.assertEqual(made.said.as_json()["rules"], ["unopened", "break"])
        for table, rules in (("account", ["unopened"]), ("orders", ["slower"])):
            asked = statement.asked({"id": hour.shape(table)}, NOW - 1)
            made = returned(statement.gather(sources, asked))
            self.assertEqual(made.said.as_json()["rules"], rules)
