"""Sentences about security events; see also the tests of the view."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventtable import SECURITY
from acra_twisted.telemetry.console.campaigns import campaign
from acra_twisted.telemetry.console.incidents import kind_of
from acra_twisted.telemetry.console.incidentsentences import said
from tests.support.incidents import line
from tests.support.stepping import returned
from tests.unit.telemetry.console.test_incidents import kept

CODES = st.sampled_from(sorted(SECURITY))


class Said(SynchronousTestCase):
    @given(st.lists(st.builds(line, CODES, st.integers(0, 10**9), client_id=st.text()), max_size=9))
    def test_there_is_always_a_sentence(self, lines):
        found = kept(*lines)
        answer = said(found, {}, {"range": "1h"})
        self.assertTrue(1 <= len(answer.sentences) <= 2)
        self.assertEqual(answer.as_json()["rules"] == ["nothing"], not found)
        poison = any(kind_of(one) == "poison" for one in found)
        self.assertEqual(answer.as_json()["rules"][0] == "poison", poison)

    def test_denials_lead_to_their_list_within_what_is_asked_for(self):
        found = kept(line(when=5), line(events.QUERY_PARSE_ERROR, 9))
        told = said(found, {}, {"range": "24h", "client": "a b"})
        (where,) = [piece for piece in told.pieces if piece.href]
        self.assertEqual(where.text, "2 requests")
        self.assertEqual(where.href, "/console/security?range=24h&client=a+b&kind=denied")

    def of_many(self, number, code=events.QUERY_NOT_ALLOWED, **fields):
        lines = [
            line(code, n * 10**8, peer=f"10.0.{n // 100}.{n % 100}", **fields)
            for n in range(number)
        ]
        found = kept(*lines)
        # One of them is new to its client: that is nothing beside the rest.
        new = {(found[0].record.client_id, found[0].record.peer): 1}
        return said(found, new, {"range": "1h"}, returned(campaign(found))).as_json()

    def test_many_addresses(self):
        told = self.of_many(200, query="SELECT a FROM t WHERE b = ?")
        self.assertEqual(told["rules"], ["campaign", "denied"])
        self.assertTrue(
            told["text"].startswith(
                "200 addresses sent the same statement (client shop application) from 00:00:00 to "
                "00:00:19, 200 times; all were denied and none reached the database. "
            ),
            told["text"],
        )
        self.assertEqual(self.of_many(9, query="SELECT 1")["rules"], ["new-peer", "denied"])

    def test_many_addresses_that_cannot_log_in(self):
        told = self.of_many(12, events.LOGIN_REFUSED, client_id="", error="28P01")
        self.assertEqual(told["rules"], ["campaign"])
        self.assertTrue(
            told["text"].startswith(
                "12 addresses were refused from 00:00:00 to 00:00:01, 12 times"
            ),
            told["text"],
        )
