"""Sentences about the traces that a search has found; see also test_traces."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.views.searchsentences import address, said
from acra_twisted.telemetry.pages.found import Matches
from acra_twisted.telemetry.pages.matching import Match
from acra_twisted.telemetry.pages.search import ALLOW, DENY, ERROR, SLOW
from tests.support.hours import NOW


def match(number, verdict, name="SELECT orders", client="shop"):
    return Match(f"{number:032x}", 1, name, NOW, 10**6, client, "", "", "", (verdict,))


class Said(SynchronousTestCase):
    def links(self, found, **arguments):
        told = said(Matches(found), 9, arguments)
        return [piece.href for piece in told.pieces if piece.href]

    def test_one_leads_to_itself(self):
        where = f"/console/trace?id={5:032x}"
        self.assertEqual(self.links([match(5, SLOW)]), [where])

    def test_several_lead_to_their_list_within_the_search(self):
        two = [match(1, DENY), match(2, DENY)]
        self.assertEqual(
            self.links(two, min_ms="5", offset="20"),
            ["/console/traces?min_ms=5&verdict=deny"],
        )

    def test_alike_ones_lead_to_their_statement_or_client_within_the_search(self):
        alike = [match(number, ERROR) for number in range(3)]
        (where,) = self.links(alike, user="shop_rw")
        self.assertEqual(where, "/console/traces?user=shop_rw&summary=SELECT+orders&verdict=error")
        others = [match(number, ERROR, f"SELECT {number}") for number in range(3)]
        (where,) = self.links(others, user="shop_rw")
        self.assertEqual(where, "/console/traces?user=shop_rw&client_id=shop&verdict=error")

    def test_a_client_of_a_certificate_has_its_name(self):
        digest = "7c1f0a52" * 8
        known = Names({"peers": [{"client_id": digest, "certificate": "O=Shop,CN=app"}]})
        some = Matches([match(number, ERROR, f"SELECT {number}", digest) for number in range(3)])
        self.assertIn("client, 7c1f0a52, at", said(some, 9, {}).as_json()["text"])
        text = said(some, 9, {}, (), known).as_json()["text"]
        self.assertIn("client, app (7c1f0a52), at", text)

    def test_long_ones_that_were_looked_for_are_not_called_nothing(self):
        found = Matches([match(number, ALLOW) for number in range(2)])
        text = said(found, 9, {"min_ms": "50"}).as_json()["text"]
        self.assertEqual(
            text, "2 kept traces took 50 ms or longer: none was denied, failed or poisoned."
        )
        self.assertIn("Nothing stands out: of 2 kept traces", said(found, 9, {}).as_json()["text"])

    def test_nothing_is_found(self):
        text = said(Matches([]), 9, {}).as_json()["text"]
        self.assertEqual(text, "None of 9 kept traces fits.")

    def test_a_search_is_changed(self):
        self.assertEqual(address({"user": "a", "offset": "20"}, user=""), "/console/traces?")
