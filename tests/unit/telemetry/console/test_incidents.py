"""Kinds of security events, and addresses that are new."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.eventtable import SECURITY
from acra_twisted.telemetry.console.incidents import KINDS, fits, kind_of, new_peers, requests_of
from acra_twisted.telemetry.logs.recent import RecentEvents
from tests.support.incidents import SECOND, line


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

    def test_a_request_is_counted_once(self):
        one = {"span_id": "1" * 16, "session_id": 5}
        two = {"span_id": "2" * 16}
        found = kept(
            line(events.POISON_RECORD, 5, **one),
            line(events.POISON_RECORD, 6, **one),
            line(events.POISON_REACTION, 7, **one),
            line(events.POISON_RECORD, 8, **two),
            line(events.LOGIN_REFUSED, 9),
            line(events.LOGIN_REFUSED, 10),
        )
        self.assertEqual(sum(event.times for event in found), 6)
        self.assertEqual(requests_of(found), 4)

    def test_statements_that_cannot_be_parsed_are_denied(self):
        (denied,) = kept(line(events.QUERY_PARSE_ERROR))
        (passed,) = kept(line(events.QUERY_PARSE_ERROR, action=events.ALLOWED))
        self.assertTrue(fits(denied, "denied") and fits(denied, "unparsed"))
        self.assertFalse(fits(passed, "denied"))
        self.assertFalse(fits(denied, "poison"))


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
