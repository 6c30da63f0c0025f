"""Alike security events of many addresses; see also test_incidentsentences."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.console.campaigns import campaign
from tests.support.incidents import line
from tests.support.stepping import returned
from tests.unit.telemetry.console.test_incidents import kept

CODES = st.sampled_from((events.QUERY_NOT_ALLOWED, events.LOGIN_REFUSED, events.POISON_RECORD))
LINES = st.builds(
    line,
    CODES,
    st.integers(0, 10**9),
    query=st.sampled_from(("SELECT a", "SELECT b")),
    peer=st.integers(0, 30).map(str),
    client_id=st.sampled_from("ab"),
)


class Campaigns(SynchronousTestCase):
    @given(st.lists(LINES, max_size=60))
    def test_it_is_of_the_most_addresses(self, lines):
        found = kept(*lines)
        groups = {}
        for one in found:
            if one.record.code != events.POISON_RECORD:
                alike = (one.record.code, one.record.query)
                groups.setdefault(alike, []).append(one)
        most = max((len({one.record.peer for one in some}) for some in groups.values()), default=0)
        told = returned(campaign(found))
        self.assertEqual(told is not None, most >= 10)
        if told is not None:
            self.assertEqual(len(told.peers), most)
            some = groups[told.newest.record.code, told.newest.record.query]
            self.assertIs(told.newest, some[0])
            self.assertEqual(told.times, sum(one.requests for one in some))
            self.assertEqual(told.clients, len({one.record.client_id for one in some}))
            self.assertEqual(told.first, min(one.first for one in some))
            self.assertEqual(told.last, max(one.last for one in some))
