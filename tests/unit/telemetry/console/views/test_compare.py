"""The view that compares two traces."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.views import compare
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.hours import NOW, Hour
from tests.support.kepttraces import a_trace
from tests.support.stepping import plain, returned


class Compare(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(1)
        self.number = 0

    def keep(self, **given):
        self.number += 1
        return a_trace(self.hour.store, NOW + self.number * 10**9, **given)

    def view(self, **arguments):
        wanted = compare.asked(arguments, NOW)
        self.gathered = returned(compare.gather(self.hour.sources, wanted))
        return plain(compare.as_json(self.gathered))

    def two(self, one, other):
        return self.view(id=self.keep(**other), **{"with": self.keep(**one)})

    def test_the_largest_difference(self):
        data = self.two({}, {"first": 46_000, "proxy": 4000})
        self.assertEqual(
            data["answer"],
            {
                "text": "Database, to first byte +44.00 ms: 92 % of the difference; "
                "SELECT orders customer +3.80 ms.",
                "rules": ["difference"],
            },
        )
        # The connector's span is called as that of AcraServer.
        text = self.two({}, {"link": 9000})["answer"]["text"]
        self.assertIn("Connector and link +8.70 ms: 100 % of the difference.", text)
        self.keep()
        data = self.two({}, {"first": 46_000, "proxy": 4000})
        self.assertEqual(self.gathered.said.kind, "db")
        self.assertEqual((data["a_ms"], data["b_ms"]), (3.1, 50.9))

    def test_faster(self):
        self.two({"censor": 9000}, {})
        self.assertEqual(self.gathered.said.kind, "good")
        self.assertIn(
            "Stage censor \N{MINUS SIGN}8.80 ms: 100 %", self.gathered.said.as_json()["text"]
        )

    def test_the_same(self):
        self.assertEqual(self.two({}, {})["answer"]["rules"], ["same"])

    def test_one_was_denied(self):
        denied = {"first": 0, "rows": 0, "status": 7, "verdict": "deny"}
        answer = self.two({}, denied)["answer"]
        self.assertEqual(answer["rules"], ["verdict", "difference"])
        self.assertTrue(answer["text"].startswith("B was denied; A: allowed. "), answer)

    def test_missing_ones(self):
        answer = self.two({"opening": 400}, {"rows": 390})["answer"]
        self.assertEqual(answer["rules"], ["structure"])
        self.assertEqual(answer["text"], "1 span missing in B: stage decryptor rows.")

    def test_with_the_typical_one(self):
        for first in (1000, 2000, 3000):
            self.keep(first=first)
        self.keep(first=80_000, status=2)
        data = self.view(id=self.keep(first=46_000))
        self.assertEqual((data["with"], data["calls"]), ("typical", 3))
        (place,) = [one for one in data["places"] if one["layer"] == "dbfirst"]
        self.assertEqual((place["a_ms"], place["b_ms"]), (2.0, 46.0))
        self.assertAlmostEqual(data["a_layers_ms"]["dbfirst"], 2.0)

    def test_attributes(self):
        for rows in (1, 2, 3):
            self.keep(containers_opened=rows, protocol="simple" if rows > 1 else "prepared")
        data = self.view(id=self.keep(containers_opened=17, protocol="simple"))
        found = {one["name"]: (one["a"], one["b"]) for one in data["attributes"]}
        self.assertEqual(found["acra.containers_opened"], ("median 2, 1 to 3", "17"))
        self.assertEqual(found["acra.protocol"], ("simple 67 %, prepared 33 %", "simple"))
        self.assertNotIn("user.name", found)
        self.assertNotIn("db.query.text", found)

    def test_alone(self):
        self.assertEqual(self.view(id=self.keep())["answer"]["rules"], ["alone"])
        self.assertFalse(returned(compare.shown(self.gathered))["has_both"])

    def test_none_is_chosen(self):
        self.assertEqual(self.view()["answer"]["rules"], ["pick"])
        self.assertFalse(returned(compare.shown(self.gathered))["is_chosen"])

    def test_what_cannot_be(self):
        for arguments in ({"id": "x"}, {"id": "1" * 32, "with": "2"}, {"what": ""}):
            self.assertRaises(Unfit, compare.asked, arguments, NOW)
        self.assertRaises(NotKept, self.view, id="1" * 32)
        self.assertRaises(NotKept, self.view, id=self.keep(), **{"with": "1" * 32})
