"""Kinds of security events, and addresses that are new."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventtable import SECURITY
from acra_twisted.telemetry.console.incidents import KINDS, kind_of, new_peers, said
from acra_twisted.telemetry.logs.recent import RecentEvents
from tests.support.incidents import SECOND, line

CODES = st.sampled_from(sorted(SECURITY))


def kept(*lines):
    recent = RecentEvents("acra-server")
    for one in lines:
        recent(one)
    return recent.kept(0, 1 << 62)


class Kinds(SynchronousTestCase):
    def test_each_code_has_one(self):
        found = {one.record.code: kind_of(one) for one in kept(*map(line, SECURITY))}
        self.assertEqual(set(found), SECURITY)
        self.assertEqual(set(found.values()), set(KINDS))
        self.assertEqual(found[events.POISON_RECORD], "poison")
        self.assertEqual(found[events.QUERY_NOT_ALLOWED], "denied")
        self.assertEqual(found[events.LOGIN_REFUSED], "refused")

    @given(st.lists(st.builds(line, CODES, st.integers(0, 10**9), client_id=st.text()), max_size=9))
    def test_there_is_always_a_sentence(self, lines):
        found = kept(*lines)
        answer = said(found, {}, "1h")
        self.assertTrue(1 <= len(answer.sentences) <= 2)
        self.assertEqual(answer.as_json()["rules"] == ["nothing"], not found)
        poison = any(kind_of(one) == "poison" for one in found)
        self.assertEqual(answer.as_json()["rules"][0] == "poison", poison)


class Peers(SynchronousTestCase):
    def told(self, *pairs):
        return {
            "peers": [dict(zip(("client_id", "peer", "first"), one, strict=True)) for one in pairs]
        }

    def test_new_is_what_came_after_others(self):
        told = self.told(("a", "1", 5), ("a", "2", 50 * SECOND), ("b", "3", 50 * SECOND))
        self.assertEqual(new_peers(told, SECOND), {("a", "2"): 50 * SECOND})
        self.assertEqual(new_peers(told, 60 * SECOND), {})

    def test_nothing_is_told(self):
        self.assertEqual(new_peers(None, 0), {})
        self.assertEqual(new_peers({}, 0), {})
        # Nobody is no client with usual addresses.
        self.assertEqual(new_peers(self.told(("", "1", 5), ("", "2", 50)), 10), {})
