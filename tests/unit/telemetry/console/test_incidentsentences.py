"""Sentences about security events; see also the tests of the view."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventtable import SECURITY
from acra_twisted.telemetry.console.incidents import kind_of
from acra_twisted.telemetry.console.incidentsentences import said
from tests.support.incidents import line
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
